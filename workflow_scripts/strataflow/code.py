"""Checksums of Python code that ignore comments, docstrings and formatting."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from xxhash import xxh3_64_hexdigest

LIBRARY = Path(__file__).parent


def modules(names: Iterable[str]) -> list[Path]:
    """Return the files of modules of this library, given as `network/model`."""
    return [LIBRARY / f"{name}.py" for name in names]


def code_checksum(files: Iterable[Path]) -> str:
    """Return the hexadecimal 64-bit XXH3 checksum of the syntax trees of Python files.

    It does not depend on the order or the location of the files.
    """
    return xxh3_64_hexdigest("\n".join(sorted(map(_statements, files))).encode())


def with_imports(script: Path) -> set[Path]:
    """Return `script` and all modules of this library that it imports, directly or indirectly."""
    found: set[Path] = set()
    waiting = {script}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= _imported_by(path) - found
    return found


@cache
def _statements(path: Path) -> str:
    tree = ast.parse(path.read_bytes(), path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del node.body[0]
    return _text_of(tree)


def _text_of(node: object) -> str:
    """Return the tree as text, without empty fields, which differ between Python versions."""
    if isinstance(node, list):
        return f"[{','.join(map(_text_of, node))}]"
    if isinstance(node, ast.AST):
        fields = (f"{k}={_text_of(v)}" for k, v in ast.iter_fields(node) if v not in (None, []))
        return f"{type(node).__name__}({','.join(fields)})"
    return repr(node)


@cache
def _imported_by(path: Path) -> set[Path]:
    nodes = ast.walk(ast.parse(path.read_bytes(), path))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    # Other libraries lie beside an installed one.
    own = [n for n in imports if n.level or (n.module or "").split(".")[0] == LIBRARY.name]
    return {file for node in own for file in _files_of(path, node) if file.is_file()}


def _files_of(path: Path, node: ast.ImportFrom) -> list[Path]:
    """Return the files that `from ... import ...` in `path` can refer to."""
    folder = path.parents[node.level - 1] if node.level else LIBRARY.parent
    imported = folder.joinpath(*(node.module or "").split("."))
    return [imported.with_suffix(".py"), *(imported / f"{name.name}.py" for name in node.names)]
