"""Load tests with simulated users, and benchmarks of the Spark questions."""
