"""The workloads, and the peers that the service is compared with: `python -m bench`."""
