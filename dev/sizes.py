"""Checks the size of the package: `python -m dev.sizes`. The limits keep it readable from top to bottom."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parent.parent / "service" / "crudmq"
MAX_MODULES = 105
MAX_MODULE_LINES = 300
MAX_MODULE_MEDIAN = 100
MAX_FUNCTION_MEDIAN = 8


def main(package: Path = PACKAGE) -> int:
    """Print the sizes and every limit that is exceeded, and return the exit code."""
    sources = {path.relative_to(package): path.read_text() for path in sorted(package.rglob("*.py"))}
    modules = {path: len(source.splitlines()) for path, source in sources.items() if path.name != "__init__.py"}
    functions = [length for source in sources.values() for length in function_lengths(source)]
    modules_median, functions_median = median(modules.values()), median(functions)
    sys.stdout.write(
        f"{len(modules)} modules, median {modules_median:g} lines; "
        f"{len(functions)} functions, median {functions_median:g} lines\n"
    )
    exceeded = list(_exceeded(modules, modules_median, functions_median))
    sys.stdout.writelines(f"  {line}\n" for line in exceeded)
    return 1 if exceeded else 0


def function_lengths(source: str) -> Iterator[int]:
    """Return the lines of each function, from `def` to its end."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def _exceeded(modules: Mapping[Path, int], modules_median: float, functions_median: float) -> Iterator[str]:
    if len(modules) > MAX_MODULES:
        yield f"{len(modules)} modules exceed the limit of {MAX_MODULES}"
    if modules_median > MAX_MODULE_MEDIAN:
        yield f"the median module of {modules_median:g} lines exceeds the limit of {MAX_MODULE_MEDIAN}"
    if functions_median > MAX_FUNCTION_MEDIAN:
        yield f"the median function of {functions_median:g} lines exceeds the limit of {MAX_FUNCTION_MEDIAN}"
    for path, lines in modules.items():
        if lines > MAX_MODULE_LINES:
            yield f"{path}: {lines} lines exceed the limit of {MAX_MODULE_LINES}"


if __name__ == "__main__":
    sys.exit(main())
