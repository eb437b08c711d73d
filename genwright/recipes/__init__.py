"""One use a file, built on the pipeline."""
