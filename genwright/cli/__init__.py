"""The command line: one command a file, found by the folder; what commands share lies in `terminal/`."""
