"""What one request costs: processor time by process, throughput, latency and memory."""
