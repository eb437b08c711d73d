"""One generative family a file."""
