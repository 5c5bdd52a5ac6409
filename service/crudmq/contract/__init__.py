"""The public contract: commands, results, events, error codes and their JSON encoding. No I/O."""
