"""Browsing, marking, the top ten and suggestions: the rules over all datasets and the accounts."""
