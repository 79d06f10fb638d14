"""All seven services in one process, for one small machine."""
