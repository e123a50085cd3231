"""The table of a run as CSV and as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from strataflow.files import written_whole

# Columns of the Markdown table of labelled cases: what they are called, and how often 1 goes into
# what is shown.
LABELLED = {
    "average_precision": ("AP", 1),
    "f1": ("F1", 1),
    "best_f1": ("best F1", 1),
    "best_threshold": ("at", 1),
    "f1_within_2_voxels": ("F1 within 2", 1),
    "best_f1_within_2_voxels": ("best F1 within 2", 1),
    "best_threshold_within_2_voxels": ("at ", 1),
    "iou_within_2_voxels": ("Tol-IoU", 1),
    "calibration_error": ("ECE", 1),
    "calibration_error_where_probable": ("ECE, p >= 0.05", 1),
    "labelled_share": ("labelled %", 100),
    "predicted_share": ("found %", 100),
    "thickness_of_label": ("label thick", 1),
    "thickness": ("thick", 1),
    "false_pieces": ("false pieces", 1),
    "false_voxels": ("their voxels", 1),
    "largest_false_piece": ("largest", 1),
    "median_degrees": ("angle", 1),
    "rgt_mean_absolute_error_after_fit": ("rgt error", 1),
    "rgt_horizon_scatter_samples": ("horizon scatter", 1),
    "dhr_correlation": ("dhr", 1),
    "seconds": ("seconds", 1),
}
FIELD = {
    "predicted_share": ("found %", 100),
    "thickness": ("thick", 1),
    "thickness_near_peer": ("thick near the peer", 1),
    "peer_reached": ("peer reached %", 100),
    "near_peer": ("ours near the peer %", 100),
    "false_pieces": ("pieces away", 1),
    "false_voxels": ("their voxels", 1),
    "largest_false_piece": ("largest", 1),
    "seconds": ("seconds", 1),
}
# Pieces of each weights file that the Markdown table lists; pieces.csv has all.
LISTED = 10
WHOLE = ("false_pieces", "false_voxels", "largest_false_piece")

EXPLAINED = """\
F1 and Tol-IoU at a probability of 0.5; `best` at the threshold `at`. `within 2`: a voxel is right \
within two voxels of the other side. Tol-IoU = F1 / (2 - F1) of the F1 within 2. ECE: expected \
calibration error of the fault probability, 15 bins of equal width, over all voxels and over those \
of at least 0.05. Thick: median thickness in voxels of what is found within 2 of the label. False \
pieces: connected, over 50 voxels, none within 2 of the label. Angle: median between normals, \
degrees, where both see a fault. rgt error: after the best affine fit; horizon scatter in samples; \
dhr: correlation."""


def notes(rows: pd.DataFrame) -> list[str]:
    """What the reader must know of single cases: those without faults."""
    found = []
    for name, case in rows[rows["kind"] != "field"].groupby("case", sort=False):
        if case["negative"].iloc[0]:
            found.append(f"{name}: no faults on purpose: share and false pieces alone count.")
        elif not case["labelled_share"].iloc[0]:
            found.append(f"{name}: no visible fault in any of its cubes.")
    return found


def write_tables(
    folder: Path, rows: list[dict[str, Any]], pieces: list[dict[str, Any]], left_out: list[str]
) -> pd.DataFrame:
    """Write table.csv, table.md and pieces.csv to `folder`, and return the table."""
    table = pd.DataFrame(rows)
    parts = ["# Quality", *notes(table), *(f"Left out: {what}." for what in left_out)]
    labelled = table[table["kind"] != "field"]
    parts += ["## Labelled cubes", shown(labelled, LABELLED), EXPLAINED]
    field = table[table["kind"] == "field"]
    if len(field):
        parts += ["## Field crop", shown(field, FIELD)]
        if "peer_reached" in field:
            parts.append(
                "Peer reached: share of the peer's voxels with one of ours within 2; ours near the"
                " peer: the other way. The peer is no truth. Pieces away: connected, over 300"
                f" voxels, none within 2 of the peer; the largest {LISTED}, all in pieces.csv:"
            )
            parts.append(largest(pieces).to_markdown(index=False) if pieces else "none.")
    folder.mkdir(parents=True, exist_ok=True)
    names = ("pieces.csv", "table.md", "table.csv")
    with written_whole(*(folder / name for name in names)) as (listing, markdown, csv):
        pd.DataFrame(pieces, columns=None if pieces else ["weights", "voxels"]).to_csv(
            listing, index=False
        )
        markdown.write_text("\n\n".join(parts) + "\n")
        table.to_csv(csv, index=False, float_format="%.5g")
    return table


def largest(pieces: list[dict[str, Any]]) -> pd.DataFrame:
    """The largest LISTED pieces of each weights file, the largest first."""
    return pd.DataFrame(pieces).groupby("weights", sort=False).head(LISTED)


def shown(table: pd.DataFrame, columns: dict[str, tuple[str, int]]) -> str:
    """Some columns of `table` as Markdown, nothing where a row has no such score."""
    cells = {"case": table["case"].tolist(), "weights": table["weights"].tolist()}
    for name, (title, factor) in columns.items():
        if name in table and table[name].notna().any():
            digits = 0 if name in WHOLE else 1 if factor == 100 or name == "seconds" else 2
            values = (factor * table[name].astype(float)).tolist()
            cells[title] = ["" if v != v else f"{v:.{digits}f}" for v in values]
    return pd.DataFrame(cells).to_markdown(index=False, disable_numparse=True)
