"""The actions: one module for each, which validates a command and runs it."""
