"""When answers are computed."""
