"""Runs: a fitted model as a folder, saved whole or not at all, checked before use, and never executed."""

from genwright.runs.artefact import Artefact, add_file, load, rewrite, save
from genwright.runs.folder import check_target

__all__ = ["Artefact", "add_file", "check_target", "load", "rewrite", "save"]
