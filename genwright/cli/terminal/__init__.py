"""What commands share: the screen, its tables and bars, checked words of the command line, and how failures end."""
