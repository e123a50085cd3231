"""What the tests share: the library on the path, scripts as a user runs them, and a tiny SEG-Y."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = REPOSITORY / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

Finished = subprocess.CompletedProcess[str]


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., Finished]:
    """Run a script of workflow_scripts in an empty folder with flags; never raises."""

    def run(name: str, *words: object) -> Finished:
        command = [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, words)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data beside the repository; the test skips where it is absent."""
    folder = Path(os.environ.get("STRATAFLOW_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not there: {folder}")
    return folder


def write_segy(
    path: Path,
    values: np.ndarray,
    inlines: list[int] | None = None,
    crosslines: list[int] | None = None,
    format_code: int = 5,
    drop: set[tuple[int, int]] = frozenset(),  # type: ignore[assignment]
) -> Path:
    """Write `values` (n3, n2, n1) as a SEG-Y of 4 ms samples, with segyio alone.

    `drop` are (inline, crossline) indices of traces left out.
    """
    n3, n2, n1 = values.shape
    inlines = inlines or list(range(10, 10 + n3))
    crosslines = crosslines or list(range(100, 100 + n2))
    kept = [(i, j) for i in range(n3) for j in range(n2) if (i, j) not in drop]
    spec = segyio.spec()
    spec.samples = np.arange(n1) * 4.0
    spec.tracecount = len(kept)
    spec.format = format_code
    path.parent.mkdir(parents=True, exist_ok=True)
    with segyio.create(path, spec) as file:
        file.text[0] = segyio.tools.create_text_header({1: "A TINY SURVEY"})
        file.bin.update({segyio.BinField.Interval: 4000, segyio.BinField.Format: format_code})
        for trace, (i, j) in enumerate(kept):
            file.header[trace] = {
                segyio.TraceField.INLINE_3D: inlines[i],
                segyio.TraceField.CROSSLINE_3D: crosslines[j],
                segyio.TraceField.CDP_X: 1000 + 25 * i,
                segyio.TraceField.CDP_Y: 5000 + 50 * j,
                segyio.TraceField.SourceGroupScalar: 1,
                segyio.TraceField.TRACE_SAMPLE_COUNT: n1,
                segyio.TraceField.TRACE_SAMPLE_INTERVAL: 4000,
            }
            file.trace[trace] = values[i, j].astype(np.float32)
    return path
