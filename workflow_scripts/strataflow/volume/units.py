"""Units of time and length: how files write them, and factors between them."""

from __future__ import annotations

# Metres in a unit of length.
METRES = {"m": 1.0, "ft": 0.3048}

# Factors from the first unit to the second.
FACTORS = {
    ("s", "ms"): 1000.0,
    ("ms", "s"): 1e-3,
    ("m", "ft"): METRES["m"] / METRES["ft"],
    ("ft", "m"): METRES["ft"] / METRES["m"],
}

# Time or depth by unit.
DOMAINS = {"ms": "time", "s": "time", "m": "depth", "ft": "depth"}

# Units by the words for them.
WORDS = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), "m"),
    **dict.fromkeys(("ft", "feet", "foot"), "ft"),
}


def unit_named(word: str) -> str | None:
    """The unit ms, s, m or ft that a word stands for; None for any other word."""
    return WORDS.get(word.strip().lower())
