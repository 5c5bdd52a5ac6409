"""What the service logs and the faults wait for: its texts, in one place."""

DRAINING = "draining"
NO_FREE_CONNECTION = "connection pool timeout"
