"""Benchmark of the service against comparable consumers: `python -m bench`."""
