"""Mutations of valid files. A random generator, hypothesis or a fuzzer makes the choices."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import yaml


class Draw(Protocol):
    """Source of the choices of a mutation."""

    def __call__(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""


# Values that often break readers: limits of integer types, huge sizes, signs and non-numbers.
EXTREMES = (0, 1, -1, 127, 128, 255, 32767, 32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
VALUES: tuple[Any, ...] = (
    *EXTREMES,
    10**12,
    10**30,
    -0.5,
    1e-300,
    1e308,
    float("nan"),
    float("inf"),
    None,
    True,
    "",
    "0",
    "../../outside",
    "$(touch owned)",
    "a;touch owned",
    "\u202e\x00",
    "x" * 5000,
    [],
    {},
    [[[[]]]],
)


def mutated_bytes(valid: bytes, draw: Draw, head: int = 4096) -> bytes:
    """Change `valid` in up to four places, half of them within its first `head` bytes."""
    content = bytearray(valid)
    for _ in range(draw(1, 4)):
        last = max(len(content) - 1, 0)
        at = draw(0, min(head, last) if draw(0, 1) else last)
        length = draw(0, 1 << draw(0, 12))
        kind = draw(0, 6)
        if kind == 0:
            content[at : at + 1] = bytes([content[at] ^ 1 << draw(0, 7)] if content else [])
        elif kind == 1:
            width = (1, 2, 4, 8)[draw(0, 3)]
            value = EXTREMES[draw(0, len(EXTREMES) - 1)] % (1 << 8 * width)
            order = ("big", "little")[draw(0, 1)]
            content[at : at + width] = value.to_bytes(width, order)  # type: ignore[arg-type]
        elif kind == 2:
            del content[at:]
        elif kind == 3:
            del content[at : at + length]
        elif kind == 4:
            content[at:at] = content[at : at + length]
        elif kind == 5:
            content[at : at + length] = bytes(len(content[at : at + length]))
        else:
            content[at:at] = bytes([draw(0, 255)]) * length
    return bytes(content)


def mutated_json(valid: bytes, draw: Draw) -> bytes:
    """Replace values, delete keys and extend lists of `valid`; mutate bytes one time in three."""
    return _mutated_tree(valid, draw, json.loads, json.dumps)


def mutated_yaml(valid: bytes, draw: Draw) -> bytes:
    """Mutate YAML as `mutated_json` mutates JSON."""
    return _mutated_tree(valid, draw, yaml.safe_load, yaml.safe_dump)


def _mutated_tree(
    valid: bytes, draw: Draw, read: Callable[[bytes], Any], write: Callable[[Any], str]
) -> bytes:
    if not draw(0, 2):
        return mutated_bytes(valid, draw)
    content = read(valid)
    for _ in range(draw(1, 3)):
        place, key = _place(content, draw)
        kind = draw(0, 4)
        if kind == 0 and isinstance(place, dict):
            del place[key]
        elif kind == 1 and isinstance(place, list):
            place.append(place[draw(0, len(place) - 1)])
        elif kind == 2 and isinstance(place[key], (int, float)) and place[key]:
            place[key] = place[key] * (-1, 2, 10**6)[draw(0, 2)]
        else:
            place[key] = VALUES[draw(0, len(VALUES) - 1)]
        if not content:
            break
    return write(content).encode("utf-8", "surrogatepass")


def _place(content: Any, draw: Draw) -> tuple[Any, Any]:
    """Draw a dictionary or list in `content`, and one of its keys."""
    place, key = content, None
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[draw(0, len(keys) - 1)]
        below = place[key]
        if not isinstance(below, (dict, list)) or not below or not draw(0, 3):
            return place, key
        place = below


def mutated_table(valid: bytes, draw: Draw) -> bytes:
    """Replace, delete and duplicate cells and rows of a table; mutate bytes one time in three."""
    if not draw(0, 2):
        return mutated_bytes(valid, draw)
    lines = valid.decode().splitlines()
    mark = next((mark for mark in "\t;, " if mark in lines[-1]), "\t")
    rows = [line.split(mark) for line in lines]
    for _ in range(draw(1, 3)):
        row = rows[draw(0, len(rows) - 1)]
        cell, kind = draw(0, len(row) - 1), draw(0, 3)
        if kind == 0 and len(row) > 1:
            del row[cell]
        elif kind == 1:
            row.insert(cell, row[cell])
        elif kind == 2:
            rows.insert(draw(0, len(rows)), list(row))
        else:
            row[cell] = str(VALUES[draw(0, len(VALUES) - 1)])
    return "\n".join(mark.join(row) for row in rows).encode("utf-8", "surrogatepass")
