"""Sets up what `make` needs: the environment and the servers."""
