"""The SQL side of the account service."""
