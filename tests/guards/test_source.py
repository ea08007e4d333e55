"""The house rules that a tool can hold."""

import ast
import re

import pytest
from importlinter.cli import lint_imports

from support.source import PROJECT, calls, modules, own_files, texts

MODULES = modules()
COMMITTING = {"core/transaction.py", "core/migration.py"}
LONGEST = 400  # lines


def test_packages_import_downwards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    assert lint_imports(config_filename="setup.cfg", no_logo=True, cache_dir=None) == 0


def test_one_module_begins_and_commits() -> None:
    found = {name for name, tree in MODULES.items() if any(called in {"commit", "begin"} for called, _ in calls(tree))}
    assert found == COMMITTING


def test_no_function_imports() -> None:
    found = [
        f"{name}:{inner.lineno}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_no_query_counts_rows_or_skips_them() -> None:
    """A total or an offset costs more the more there is; lists go on from a key."""
    calling = [
        name
        for name, tree in MODULES.items()
        for called, call in calls(tree)
        if called == "offset"
        or (called == "count" and isinstance(call.func, ast.Attribute) and "func" in ast.unparse(call.func.value))
    ]
    writing = [
        name
        for name, tree in MODULES.items()
        for text in texts(tree)
        if re.search(r"\bcount\s*\(|\bOFFSET\s+[:\d]", text, re.IGNORECASE)
    ]
    assert calling + writing == []


def test_nothing_is_left_to_do() -> None:
    marks = re.compile("|".join(f"{mark}" for mark in ("TO" + "DO", "FIX" + "ME", "XX" + "X")))
    assert [str(path) for path in own_files() if marks.search(path.read_text())] == []


def test_no_file_is_too_long() -> None:
    assert [str(path) for path in own_files() if len(path.read_text().splitlines()) > LONGEST] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name, tree in MODULES.items() if tree.body and ast.get_docstring(tree) is None]
    assert silent == []
