"""One source a file: each turns what a user hands over into records."""
