"""The life of a command: receive, decode, run, publish, acknowledge."""
