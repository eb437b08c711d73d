"""One discriminative family a file."""
