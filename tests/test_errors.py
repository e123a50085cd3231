"""How commands end when the system lets them down."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from strataflow.cli.arguments import run
from strataflow.errors import StrataflowError
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import write_volume


def test_disk_that_fills_while_a_volume_is_written_names_the_file(tmp_path: Path) -> None:
    values = np.zeros((64, 64, 64), np.float32)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StrataflowError, match=r"x\.json: cannot be written: "):
            write_volume(tmp_path / "x.bin", values, plain_sidecar(Shape(64, 64, 64), "image"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (StrataflowError("x.sgy: no\n such file"), "error: x.sgy: no such file", None),
        (MemoryError("Unable to allocate 4 GiB"), "error: not enough memory: Unable to", None),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_failure_is_told_in_one_line(
    error: BaseException, status: str | int, line: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> NoReturn:
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main)
    if line:
        assert ended.value.code == status
        told = capsys.readouterr().err
    else:
        told = f"{ended.value.code}\n"
        assert str(status) in told
    assert len(told.splitlines()) == 1
    assert line is None or line in told
