"""Dead letters: messages kept for an operator, who can browse, replay or discard them."""
