"""What all services share: processes, gRPC servers and clients, errors, deadlines, health, metrics, logs, settings.

Nothing here knows about items, marks or datasets.
"""
