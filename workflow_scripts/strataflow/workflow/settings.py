"""Models of config.yaml: its sections and keys with types, limits, defaults and descriptions.

The string below a key is its description in the reference and in the JSON schema. `reruns` names
the stage that a change of the key reruns.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    model_validator,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ..prediction.averaging import NUMBERS_OF_SYMMETRIES
from ..synthetic.scenario import scenario_schema
from .validation import matching

# Errors describe byte positions by this.
BYTE = "a byte from 1 to 240, with or without a type, such as 189 or 217:int32"

STRICT = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


def reruns(stages: str) -> Any:
    """Note the stages that a change of a key reruns, if they differ from those of its section."""
    return Field(json_schema_extra={"reruns": stages})


TRAINING = "train_infer, train_refine"
NEW_TRAINING = f"{TRAINING} (new training)"


def _different(values: list[Any]) -> list[Any]:
    if any(value in values[:number] for number, value in enumerate(values)):
        # The error begins with "expected".
        raise PydanticCustomError("different", "different values")
    return values


Item = TypeVar("Item")
Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]
Folder = Annotated[str, matching(r"^[^{}\n]+$", "the path of a folder, without braces")]
Range = Annotated[list[Item], Field(min_length=2, max_length=2)]
Size = Annotated[list[Annotated[int, Field(ge=16)]], Field(min_length=3, max_length=3)]
Sides = Annotated[
    list[Annotated[int, Field(ge=16, multiple_of=16)]], Field(min_length=3, max_length=3)
]
Different = Annotated[
    list[Item], AfterValidator(_different), Field(json_schema_extra={"uniqueItems": True})
]
Byte = (
    Annotated[int, Field(ge=1, le=240)]
    | Annotated[str, matching("^[0-9]+:(int16|int32|float32|float64)$", BYTE)]
)
Horizons = (
    Annotated[int, Field(ge=0, le=99)]
    | Annotated[Different[Share], Field(min_length=1, max_length=99)]
    | Annotated[str, matching("^control$", "a number, a list such as [0.25, 0.4], or control")]
)
Flattened = (
    Annotated[int, Field(ge=1, le=99)]
    | Annotated[str, matching("^time$", "time, or the number of a horizon")]
)


def _keys_of_scenario() -> dict[str, Any]:
    """Types of the keys of a scenario, from the class that defines them."""
    keys: dict[str, Any] = {}
    for name, part in scenario_schema()["properties"].items():
        limits = part.get("items", part)
        number: Any = Annotated[float, Field(ge=limits["minimum"], le=limits["maximum"])]
        kind = Range[number] if "items" in part else number
        keys[name] = Annotated[kind, Field(description=part["description"])]
    return keys


# All keys are optional, and those that are left out stay so.
ScenarioKeys: Any = with_config(STRICT)(
    TypedDict("ScenarioKeys", _keys_of_scenario(), total=False)  # type: ignore[operator] # dynamic
)


class Section(BaseModel):
    """A section without unknown keys. Values are not converted."""

    model_config = STRICT


class Segy(Section, json_schema_extra={"reruns": "segy_to_binary"}):
    """Byte positions in the trace header. The sample sheet can override them for a volume."""

    iline: Byte
    """Byte position of the inline number, 189 in SEG-Y revision 1."""
    xline: Byte
    """Byte position of the crossline number, 193 in revision 1."""
    cdp_x: Byte
    """Byte position of the CDP easting, 181 in revision 1."""
    cdp_y: Byte
    """Byte position of the CDP northing, 185 in revision 1."""
    domain: Literal["time", "depth"] = "time"
    """Vertical axis: time or depth."""
    velocity: Annotated[PositiveFloat | None, reruns("pick_faults")] = None
    """Velocity in m/s that turns two-way time into depth for the dip, height and area of picked
    faults. null gives dips of time surveys as ms per m."""


class Survey(Section):
    """A labelled synthetic survey."""

    size: Size
    """Number of samples, crosslines and inlines: [n1, n2, n3]."""
    seed: NonNegativeInt
    """Random seed. The same seed gives the same survey."""
    scenario: ScenarioKeys = {}
    """Same keys as `synthetic.scenario`."""


class Synthetic(Section, json_schema_extra={"reruns": "synthesize"}):
    """Labelled synthetic samples and surveys that the workflow generates."""

    train: NonNegativeInt
    """Number of synthetic training samples. 0 generates none."""
    valid: NonNegativeInt
    """Number of synthetic validation samples."""
    seed: Annotated[NonNegativeInt, reruns("synthesize, make_patches")]
    """Random seed of the samples and of the corruption of patches. The same seed gives the same
    samples."""
    scenario: ScenarioKeys = {}
    """Changes to the default scenario of the samples, see below."""
    scenarios: list[ScenarioKeys] = []
    """List of scenarios that the samples use in turn. Each one states only its differences from
    `synthetic.scenario`."""
    surveys: Annotated[dict[Name, Survey], reruns("synthesize_survey")] = {}
    """Labelled synthetic surveys by name, each with `size`, `seed` and an optional `scenario`. The
    sample sheet refers to their SEG-Y files as `results/synthesize_survey/NAME/image.sgy`,
    `.../rgt.sgy` and so on."""


class Patches(Section, json_schema_extra={"reruns": "make_patches"}):
    """Training samples: synthetic ones and patches of labelled volumes."""

    size: Annotated[Sides, reruns("synthesize, make_patches")]
    """Size of all training samples. A labelled volume must be at least this large."""
    overlap: Fraction = 0.25
    """Minimum overlap of neighbouring patches, as a fraction of the patch size."""
    valid_share: Fraction = 0.1
    """Fraction of a labelled volume that is held out for validation."""


class Tasks(Section, json_schema_extra={"reruns": NEW_TRAINING}):
    """Tasks that the networks predict. At least one must be true."""

    rgt: bool
    """Predict relative geologic time (RGT)."""
    dhr: bool
    """Predict a denoised image of higher resolution."""
    fault: bool
    """Predict faults with dip and strike. At least one of the three tasks must be true."""

    @model_validator(mode="after")
    def _any(self) -> Tasks:
        if not (self.rgt or self.dhr or self.fault):
            raise PydanticCustomError("tasks", "at least one task that is true")
        return self


class Model(Section, json_schema_extra={"reruns": NEW_TRAINING}):
    """Architecture of the networks. A change starts a new training."""

    preset: Literal["small", "base", "large"] = "base"
    """Size of the networks."""
    tasks: Tasks


class Training(Section, json_schema_extra={"reruns": NEW_TRAINING}):
    """Training of the networks."""

    epochs: Annotated[NonNegativeInt, reruns(TRAINING)]
    """Total number of epochs. A larger number **continues** the training from the point where the
    learning rate began to fall. 0 skips training and predicts with `init_weights`."""
    batch_size: Positive
    """Number of crops in a batch."""
    learning_rate: PositiveFloat
    """Learning rate after the warm-up."""
    seed: NonNegativeInt
    """Random seed of sample order, augmentation and random initial weights."""
    patience: Annotated[Positive | None, reruns(TRAINING)] = None
    """Stop after this number of epochs without a better validation loss and use the best epoch.
    null never stops early."""
    crop: Sides = [64, 64, 64]
    """Size of the crops that are cut from samples during training."""
    gpus_per_node: Positive = 1
    """Number of training processes on a node. Each one uses a GPU if the node has GPUs."""
    label_share: Annotated[Share | None, reruns("train_infer (new training)")] = None
    """Share of the training crops that come from labelled surveys; the others are synthetic. null:
    half, if a survey is labelled in part (some tasks, some lines, a mask or fault sticks alone);
    otherwise as many as its patches. [What to choose](../how-to/own_labels.md)."""
    trained_share: Annotated[
        Annotated[float, Field(gt=0, le=1)] | None, reruns("extract_weights")
    ] = None
    """Share of the trained weights in the weights that predict; the rest are those of
    `init_weights`. A smaller share forgets less of what these know, and learns less. null: 0.5, if
    a survey is labelled in part and `init_weights` are given; otherwise 1.
    [What to choose](../how-to/own_labels.md#how-much-of-the-new-weights)."""
    nodes: Positive = 1
    """Number of nodes that share the training. More than one node needs Slurm."""
    init_weights: Folder | None
    """Folder with the initial weights `infer.pth` and `refine.pth`. null starts from random
    weights."""
    norm_statistics: Literal["keep", "update"] = "keep"
    """`keep` the batch norm statistics of the initial weights, or `update` them with the samples,
    for long trainings on many samples
    ([why](../explanation/networks.md#batch-norm-statistics-of-initial-weights))."""


class Prediction(Section, json_schema_extra={"reruns": "infer"}):
    """Prediction of volumes."""

    tile: Sides
    """Size of the tiles. Larger tiles are faster and need more memory."""
    overlap: Fraction
    """Minimum overlap of neighbouring tiles, as a fraction of the tile size."""
    slabs: Annotated[int, Field(ge=1, le=10000)]
    """Number of jobs per volume. Each job predicts a slab of inlines on its own GPU or node. The
    result does not depend on this number."""
    precision: Literal["auto", "fp32"] = "auto"
    """`auto` uses the fastest precision of the hardware. `fp32` gives the same bytes on a CPU for
    any number of cores."""
    # strataflow.prediction.averaging checks these three together.
    symmetries: Annotated[
        int, Field(json_schema_extra={"enum": list(NUMBERS_OF_SYMMETRIES), "reruns": "infer"})
    ] = 1
    """Number of mirrored and rotated copies of the input that are averaged. 16 includes both
    polarities. 8 suits final runs ([cost and gain](../how-to/final_runs.md))."""
    scales: list[float | list[Any]] = [1]
    """Factors, from 0.5 to 2, of the resampled copies over which faults are averaged. Each one is a
    number or `[vertical, lateral]`. The list must contain 1."""
    uncertainty: bool = False
    """Also write `fuse`, the spread of the fault probability over the copies. Needs at least two
    copies."""
    confidence: Annotated[bool, reruns("fit_rgt")] = False
    """Also write `crgt`, the confidence of RGT: low where layers converge or end, as at
    unconformities. Needs `model.tasks.rgt`."""


class Refinement(Section, json_schema_extra={"reruns": "refine"}):
    """The second network, which improves the attributes that the first one predicts."""

    iterations: NonNegativeInt
    """Number of times that the refinement network is applied. 0 never applies it and skips its
    training."""
    epochs: Annotated[Positive | None, reruns("train_refine")] = None
    """Total number of epochs of its training. null uses `training.epochs`."""


class Interpretation(Section, json_schema_extra={"reruns": "pick_faults"}):
    """Definition of a fault, and which faults are picked."""

    probability: Annotated[float, Field(gt=0, le=1), reruns("infer, refine")] = 0.5
    """Minimum fault probability of a fault voxel. It applies to dip and strike, fault picks,
    pictures and the scores in `metrics.json`."""
    minimum_area: PositiveFloat = 200
    """Minimum area of a picked fault in voxel faces."""
    mean_probability: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Minimum mean probability of a picked fault. null: 0.4 of the way from `probability` to 1, so
    0.7 for a `probability` of 0.5."""
    bridge: Annotated[int, Field(ge=0, le=100)] = 8
    """Number of voxels without a fault that a fault surface may cross. Pieces that continue each
    other are joined across three times as many."""
    maximum_throw: Annotated[float, Field(gt=0, le=1000)] = 60
    """Maximum throw in samples that is looked for. A larger range takes longer and makes matches a
    period away more likely."""
    dip: Range[float] = [0, 90]
    """Range of the mean dip, in degrees, of the faults to keep. Needs `segy.velocity` for surveys
    in time."""
    strike: Range[float] = [0, 360]
    """Range of the mean strike from north, in degrees, of the faults to keep, in either direction.
    [150, 210] keeps those within 30 degrees of north to south."""


class Export(Section, json_schema_extra={"reruns": "export_segy"}):
    """Files that are written in addition to the raw predictions."""

    segy: bool
    """Write SEG-Y files with the headers of the input."""
    format: Literal["ieee", "ibm"] = "ieee"
    """Sample format of the SEG-Y files."""
    degrees: bool = False
    """Write dip and strike to SEG-Y in degrees instead of degrees / 180."""
    vgi: Annotated[bool, reruns("export_vgi")]
    """Write .vgi and .mhd headers for ParaView."""
    same_format: Annotated[bool, reruns("export_survey")] = False
    """Also write the volumes of a survey that came as MDIO or OpenVDS in that format."""
    traces: Annotated[Literal["density", "wiggle", "both"], reruns("plot")] = "density"
    """How inlines and crosslines in pictures draw amplitudes: as variable density, as wiggles with
    their positive half filled, or both."""
    faults: Annotated[bool, reruns("pick_faults")] = True
    """Pick faults: tables, points, fault sticks, meshes and the volumes `fthin`, `fthrow` and
    `fault_id`."""
    horizons: Annotated[Horizons, reruns("pick_horizons")] = 10
    """Horizons to pick from RGT: their number, at evenly spaced mean depths (0 picks none); a list
    of geologic times between 0 and 1, such as [0.25, 0.4]; or `control`: one through each horizon
    and each set of control points in the sample sheet."""
    horizon_formats: Annotated[
        Different[Literal["irap", "opendtect", "vtp"]], reruns("pick_horizons")
    ] = ["irap", "opendtect", "vtp"]
    """Files of the horizons besides the table: `irap` (Irap classic grids), `opendtect` (ASCII),
    `vtp` (one mesh of all)."""
    horizon_window: Annotated[int, Field(ge=0, le=1000), reruns("pick_horizons")] = 4
    """Samples above and below a horizon over which its RMS amplitude is taken."""
    flatten: Annotated[Different[Flattened], reruns("flatten")] = []
    """Flattened volumes to write, each as large as the survey: `time` for `VOLUME.flat`, whose
    vertical axis is geologic time, and numbers of horizons for `VOLUME.flat_NN`, in which that
    horizon is flat. [] writes none."""


class Configuration(Section):
    """config.yaml."""

    volumes: Annotated[str, reruns("the volumes that changed")]
    """Path of the sample sheet, a tab-separated file."""
    segy: Segy
    synthetic: Synthetic
    patches: Patches
    model: Model
    training: Training
    prediction: Prediction
    refinement: Refinement
    interpretation: Interpretation = Interpretation()
    export: Export
