"""Filters, sort orders, pages and includes as SQL. Names come from the mapping; values are bound parameters."""
