"""What all services share: processes, gRPC servers and clients, errors, deadlines, health, metrics, logs, settings.

Only addresses.py and themes.py know about items and datasets.
"""
