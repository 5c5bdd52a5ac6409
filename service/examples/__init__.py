"""The models that the demo exposes."""
