"""Has the two questions over all of IMDb computed where Spark should run, and keeps the answers."""
