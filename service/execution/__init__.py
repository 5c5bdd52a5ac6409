"""A group of commands in one transaction, and what becomes of each."""
