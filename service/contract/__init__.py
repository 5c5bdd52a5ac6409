"""What other services see: commands, results, events, error codes and their JSON. No I/O."""
