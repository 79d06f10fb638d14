"""Browsing, marking, the top ten and suggestions: the business logic over all datasets and the accounts."""
