"""Books, from Goodreads."""
