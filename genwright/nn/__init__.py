"""Blocks with one body and a name in the field, shared by several families."""
