"""The command language as a table of cases: what is said, and what must be answered, on every database."""

from tests.cases import reading, writing

CASES = [*reading.CASES, *writing.CASES]

__all__ = ["CASES"]
