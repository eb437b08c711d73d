"""One figure a file, and the page that holds them."""
