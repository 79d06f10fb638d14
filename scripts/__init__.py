"""What is run by hand or by a pipeline; README.md has a line on each."""
