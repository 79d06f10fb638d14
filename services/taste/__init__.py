"""Learns from people's marks which items go together, and ranks items for a person."""
