"""Reactions to keys that were found in public."""
