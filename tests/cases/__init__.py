"""The command language as a table of cases: what is said, and what must be answered, on every database."""
