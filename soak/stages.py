"""Every stage as a command on tiny inputs. Each reads the outputs of earlier stages."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from conftest import ATTRIBUTES, REPOSITORY, SCRIPTS, folder_flags

WEIGHTS = REPOSITORY / "data" / "pretrained"

# Time limit of a stage on the tiny inputs, also on a busy machine.
SECONDS = 300

CUBES = "--n1 32 --n2 32 --n3 32"
TILES = "--tile 32 32 32 --precision fp32"
SURVEY = "segy_to_binary/survey"


@dataclass(frozen=True)
class Stage:
    """Commands that run in sequence and write to a folder with the name of the stage."""

    name: str
    commands: tuple[str, ...]
    # Folders with the checkpoints of trainings begin with this; they are not compared.
    kept: str = "run"

    def start(self, folder: Path, preamble: str = "") -> subprocess.Popen[str]:
        """Start the commands in `folder` in their own session, so that all can be killed."""
        words = " && ".join(
            f"{shlex.quote(sys.executable)} {shlex.quote(str(SCRIPTS))}/{command}"
            for command in self.commands
        )
        return subprocess.Popen(
            ["bash", "-c", f"{preamble}{words}"],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, folder: Path, preamble: str = "") -> tuple[int, str]:
        """Run the commands. Return the exit status and the last line on standard error."""
        return finished(self.start(folder, preamble))

    def results(self, folder: Path) -> dict[str, bytes]:
        """Return the content of all output files, by path in the folder of the stage."""
        place = folder / self.name
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file() and not path.relative_to(place).parts[0].startswith(self.kept)
        }

    def remove_results(self, folder: Path) -> None:
        """Remove the folder of the stage."""
        shutil.rmtree(folder / self.name, ignore_errors=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit status and the last line on standard error. Kill a process that hangs."""
    try:
        _, error = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        kill(process)
        return -1, f"not finished within {SECONDS} s"
    lines = error.strip().splitlines()
    return process.returncode, lines[-1] if lines else ""


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and all processes that it started, as a scheduler or the kernel does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def stray_files(folder: Path) -> list[str]:
    """Return the temporary files and folders in `folder`, which have hidden names."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]


def _folders(name: str) -> str:
    return " ".join(map(str, folder_flags(Path(name))))


def _stage(name: str, *commands: str) -> Stage:
    return Stage(name, commands)


STAGES = (
    _stage(
        "synthesize_survey",
        "synthesize_survey.py --output synthesize_survey --n1 48 --n2 40 --n3 64 --seed 5"
        " --workers 2 --faults 3 5 --throw 4 8",
    ),
    _stage(
        "segy_to_binary",
        *(
            f"segy_to_binary.py --input synthesize_survey/{name}.sgy --output {SURVEY}.{end}"
            f" --attribute {name}"
            for name, end in (("image", "bin"), *((label, label) for label in ATTRIBUTES))
        ),
    ),
    _stage(
        "synthesize",
        f"synthesize.py {_folders('synthesize')} --ntrain 3 --nvalid 1 --seed 2"
        f" --workers 2 {CUBES}",
    ),
    _stage(
        "make_patches",
        f"make_patches.py --input {SURVEY}.bin {_folders('make_patches')}"
        " --patch 32 32 32 " + " ".join(f"--{name} {SURVEY}.{name}" for name in ATTRIBUTES),
    ),
    _stage(
        "train_infer",
        f"train_infer.py {_folders('synthesize')} {CUBES} --preset small --epochs 3"
        " --batch_train 1 --seed 4 --dir_output train_infer/run --resume auto"
        " --final train_infer/final.ckpt --metrics train_infer/metrics.csv"
        " --curves train_infer/curves.png",
        "extract_weights.py --checkpoint train_infer/final.ckpt --output train_infer/infer.pth",
    ),
    _stage(
        "predict_samples",
        f"predict_samples.py --input synthesize/data_train --model {WEIGHTS}/infer.pth"
        f" --output predict_samples {TILES} {CUBES}",
    ),
    _stage(
        "infer",
        f"infer.py --input {SURVEY}.bin --model {WEIGHTS}/infer.pth --output infer/survey {TILES}",
    ),
    _stage(
        "join_slabs",
        *(
            f"infer.py --input {SURVEY}.bin --model {WEIGHTS}/infer.pth {TILES}"
            f" --output join_slabs/{slab}/survey --slab {slab} 2"
            for slab in (0, 1)
        ),
        f"join_slabs.py --slabs join_slabs/0/survey join_slabs/1/survey --input {SURVEY}.bin"
        " --output join_slabs/survey",
    ),
    _stage(
        "refine",
        f"refine.py --input infer/survey --model {WEIGHTS}/refine.pth --output refine/survey"
        f" --iterations 2 {TILES}",
    ),
    _stage(
        "evaluate",
        f"evaluate.py --prediction infer/survey --target {SURVEY} --image {SURVEY}.bin"
        " --output evaluate/metrics.json",
    ),
    _stage(
        "export_segy",
        "export_segy.py --input infer/survey.fsem --template synthesize_survey/image.sgy"
        " --output export_segy/fsem.sgy",
    ),
    _stage("export_vgi", "export_vgi.py --input infer/survey.fsem --output export_vgi/fsem.vgi"),
    _stage(
        "pick_faults",
        f"pick_faults.py --input {SURVEY} --image {SURVEY}.bin --output pick_faults/survey",
    ),
    _stage(
        "pick_horizons",
        "pick_horizons.py --input infer/survey.rgt --output pick_horizons/survey --count 3",
    ),
    _stage("plot", f"plot.py --input {SURVEY}.bin --prediction infer/survey --output plot/survey"),
    _stage(
        "check_seams",
        f"check_seams.py --input {SURVEY}.bin --model {WEIGHTS}/infer.pth"
        f" --prediction infer/survey --output check_seams/seams.csv {TILES}",
    ),
    _stage(
        "describe_samples",
        "describe_samples.py --dir_data synthesize/data_train --dir_target synthesize/target_train"
        f" --survey {SURVEY}.bin --output describe_samples {CUBES}",
    ),
)
