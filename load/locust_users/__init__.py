"""Simulated users for Locust, and the program that runs one load test with them."""
