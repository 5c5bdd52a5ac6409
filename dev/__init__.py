"""What `make` needs: environments, servers, and checks of the tree. Runs on any Python, without packages."""
