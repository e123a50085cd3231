"""Checksums of code follow what it does, in all the modules that it imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import SCRIPTS
from strataflow.code import LIBRARY, code_checksum, modules, with_imports
from strataflow.synthetic.generate import SYNTHESIZING_CODE
from strataflow.training.trainer import LEARNING_CODE

CODE = """
def area(width: float, height: float) -> float:
    return width * height
"""
SAME = '''"""A module."""


def area(
    width: float,
    height: float,  # of the rectangle
) -> float:
    """Of a rectangle."""
    return (width * height)
'''


@pytest.mark.parametrize(
    ("changed", "same"),
    [(SAME, True), (CODE.replace("*", "+"), False), (CODE.replace("area", "size"), False)],
)
def test_comments_docstrings_and_formatting_change_nothing(
    tmp_path: Path, changed: str, same: bool
) -> None:
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(CODE)
    after.write_text(changed)
    assert (code_checksum([before]) == code_checksum([after])) == same


def test_imports_are_followed_through_packages() -> None:
    found = with_imports(SCRIPTS / "export_segy.py")
    # Through segy/writer, segy/grid and volume/volume.
    assert LIBRARY / "segy" / "layout.py" in found
    assert LIBRARY / "volume" / "orientation.py" in found
    assert LIBRARY / "network" / "model.py" not in found
    assert all(file.is_file() for file in found)


def test_libraries_beside_an_installed_one_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    (site / "strataflow").mkdir(parents=True)
    (site / "strataflow" / "own.py").write_text("from other import thing\n")
    (site / "other.py").write_text("thing = 1\n")
    script = tmp_path / "script.py"
    script.write_text("from strataflow.own import x\nfrom other import thing\n")
    monkeypatch.setattr("strataflow.code.LIBRARY", site / "strataflow")
    assert with_imports(script) == {script, site / "strataflow" / "own.py"}


@pytest.mark.parametrize("names", [LEARNING_CODE, SYNTHESIZING_CODE])
def test_listed_modules_are_there(names: tuple[str, ...]) -> None:
    assert code_checksum(modules(names))
    assert len(set(names)) == len(names)


# Modules that the training and the generator of samples import, but that do not change a result:
# what is read, written, drawn and told.
WITHOUT_EFFECT = {
    *("code", "errors", "figures/style", "files", "samples/files", "samples/manifest"),
    *("training/checkpoints", "training/figures", "training/overview", "training/runs"),
    *("volume/sidecar",),
}


@pytest.mark.parametrize(
    ("script", "names"),
    [("training/trainer", LEARNING_CODE), ("synthetic/generate", SYNTHESIZING_CODE)],
)
def test_all_imported_modules_that_change_a_result_are_listed(
    script: str, names: tuple[str, ...]
) -> None:
    found = with_imports(LIBRARY / f"{script}.py")
    imported = {str(path.relative_to(LIBRARY).with_suffix("")) for path in found}
    assert imported - WITHOUT_EFFECT == set(names) - WITHOUT_EFFECT


# Packages of the library, each of which may import from those after it alone.
ORDER = (
    *("cli", "workflow", "training", "prediction", "synthetic", "interpretation", "figures"),
    *("formats", "segy", "network", "samples", "volume"),
)


def test_packages_import_only_from_those_below_them() -> None:
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == set(ORDER)
    upward = []
    for path in LIBRARY.glob("*/**/*.py"):
        package, *below = path.relative_to(LIBRARY).parts
        above = "." * (len(below) + 1)
        imports = rf"^ *from {re.escape(above)}([a-z]+)\."
        for name in re.findall(imports, path.read_text(), re.MULTILINE):
            if ORDER.index(name) <= ORDER.index(package):
                upward.append(f"{path.relative_to(LIBRARY)} imports from {name}")
    assert not upward


def test_each_module_can_be_imported_first() -> None:
    names = sorted(
        ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)
        for path in LIBRARY.rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    )
    # In a process of its own: classes that are imported twice are not the same.
    code = f"""
import importlib, sys
for name in {names}:
    for known in [m for m in sys.modules if m.startswith("strataflow")]:
        del sys.modules[known]
    importlib.import_module(name)
"""
    environment = os.environ | {"PYTHONPATH": str(LIBRARY.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
