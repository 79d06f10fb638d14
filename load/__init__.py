"""Load tests with simulated users, and benchmarks."""
