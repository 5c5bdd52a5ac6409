"""How long tests wait."""

GENEROUS = 300.0
"""Seconds until a wait is given up: far more than a loaded machine needs. What is waited for ends it at once."""
