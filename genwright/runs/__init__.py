"""The saved artefact: a folder of JSON and plain arrays."""
