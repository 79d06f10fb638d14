"""Metrics of a dataset."""

from prometheus_client import Gauge

SHARD_UP = Gauge("seen_shard_up", "1 while the shard answers the health check's ping.", ("service", "shard"))
