"""Comparisons with other people's generators, side by side in one run; not part of the installed package."""
