"""One module for each action: what it checks, and what it does."""
