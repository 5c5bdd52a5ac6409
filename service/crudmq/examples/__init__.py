"""Example models, used by the demo."""
