"""The project's own source, for guard tests that read it."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "src" / "taskyard"
DOCS = PROJECT / "docs"


def modules() -> dict[str, ast.Module]:
    """Every module of the package, by its path within it."""
    return {str(path.relative_to(SOURCE)): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def own_files() -> Iterator[Path]:
    """Every Python file that is written by hand."""
    for folder in ("src", "tests", "bench", "examples"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            if "versions" not in path.parts or "migrations" not in path.parts:
                yield path


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a method or of a name in a module, with that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text constant of a module that is no docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and _begins(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def _begins(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return bool(node.body) and isinstance(node.body[0], ast.Expr)
