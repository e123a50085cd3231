"""Lines of a survey by number, such as `inline 1200-1210, 1300; crossline 2400`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.sidecar import Axis, Sidecar

FORM = "expected lines such as 'inline 1200-1210, 1300; crossline 2400', or 'all'"

# Names of the two kinds of lines, and the axis of the volume that they count along.
KINDS = {"inline": 0, "inlines": 0, "il": 0, "crossline": 1, "crosslines": 1, "xline": 1, "xl": 1}

_RANGE = re.compile(r"(-?\d+)(?:\s*(?:-|to)\s*(-?\d+)(?:\s*/\s*(\d+))?)?")


@dataclass(frozen=True)
class Lines:
    """Lines from `first` to `last` along `axis` (0: inlines, 1: crosslines), every `every`-th."""

    axis: int
    first: int
    last: int
    every: int = 1

    def __str__(self) -> str:
        ends = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{('inline', 'crossline')[self.axis]} {ends}"


def parse_lines(text: str) -> tuple[Lines, ...] | None:
    """Parse a list of lines.

    `inline` or `crossline` is followed by numbers and ranges with commas between them; semicolons
    separate the two. `1000-1100/20` is every 20th line number of a range. None stands for `all`.

    Raises:
        StrataflowError: The text has another form.
    """
    if text.strip().lower() == "all":
        return None
    lines: list[Lines] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        kind, _, numbers = part.partition(" ")
        if kind.lower() not in KINDS or not numbers.strip():
            raise StrataflowError(f"{text!r}: {FORM}")
        for number in numbers.split(","):
            found = _RANGE.fullmatch(number.strip())
            if not found:
                raise StrataflowError(f"{text!r}: {number.strip()!r} is no line or range; {FORM}")
            first, last = int(found[1]), int(found[2] or found[1])
            every = int(found[3] or 1)
            if last < first or every < 1:
                raise StrataflowError(f"{text!r}: {number.strip()!r}: the range is empty; {FORM}")
            lines.append(Lines(KINDS[kind.lower()], first, last, every))
    if not lines:
        raise StrataflowError(f"{text!r}: {FORM}")
    return tuple(lines)


def traces_on(text: str, sidecar: Sidecar) -> NDArray[np.bool_]:
    """Traces on the lines that `text` names.

    Args:
        text: Lines as in `parse_lines`.
        sidecar: Geometry of the survey.

    Returns:
        Mask of traces, bool (n3, n2).

    Raises:
        StrataflowError: The text has another form, or a line is not in the survey.
    """
    shape = sidecar.shape
    chosen = parse_lines(text)
    if chosen is None:
        return np.ones((shape.n3, shape.n2), bool)
    mask = np.zeros((shape.n3, shape.n2), bool)
    for lines in chosen:
        numbers = line_numbers(sidecar.axes[lines.axis], (shape.n3, shape.n2)[lines.axis])
        low, high = numbers.min(), numbers.max()
        on = (numbers >= lines.first) & (numbers <= lines.last)
        on &= (numbers - lines.first) % lines.every == 0
        if not on.any() or lines.first < low or lines.last > high:
            axis = sidecar.axes[lines.axis]
            raise StrataflowError(
                f"{lines}: not in the survey, which has {axis.name}s {low:g} to {high:g} in steps"
                f" of {abs(axis.step):g}"
            )
        if lines.axis == 0:
            mask[on] = True
        else:
            mask[:, on] = True
    return mask


def line_numbers(axis: Axis, count: int) -> NDArray[np.float64]:
    """Numbers of all `count` lines along an axis."""
    numbers: NDArray[np.float64] = axis.first + axis.step * np.arange(count, dtype=np.float64)
    return numbers
