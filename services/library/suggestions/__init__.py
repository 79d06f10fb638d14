"""What to see next: one module per strategy, on the same request and answer."""
