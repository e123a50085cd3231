"""The earth model: labels lie on what has moved, ages are in order, blocks fit together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt
from scipy.spatial import KDTree

from strataflow.errors import StrataflowError
from strataflow.synthetic.earth_model import EarthModel
from strataflow.synthetic.events import (
    Event,
    Fault,
    Fold,
    Folding,
    Sag,
    Stretch,
    Unconformity,
    Wave,
)
from strataflow.synthetic.fault_systems import random_count, random_faults
from strataflow.synthetic.geology import Geology, evaluate
from strataflow.synthetic.random_earth import random_model
from strataflow.synthetic.scenario import Scenario
from strataflow.synthetic.stratigraphy import Body, Channel, Clinoforms, Layers, Turbulence
from strataflow.volume.orientation import axial_angle, normal_from_strike_dip

LAYERS = Layers(np.arange(-300.0, 600.0, 5.0), np.zeros(179), np.zeros(179))
CUBE = (64, 64, 64)
# Faults alone make discontinuities, and normal ones keep ages growing downward.
FAULTS_ALONE = Scenario(unconformity=0, channel=0, clinoform=0, collapse=0, sag=0)


def earth(*events: Event, channels: tuple[Channel, ...] = ()) -> EarthModel:
    return EarthModel(events, LAYERS, channels)


def plane(strike: float, dip: float, rake: float = 90.0, slip: float = 10.0) -> Fault:
    return Fault((32.0, 32.0, 32.0), strike, dip, slip, rake, 400.0, 400.0)


def standing() -> Fault:
    """A vertical fault along n2, between the inlines 31 and 32."""
    return replace(plane(90.0, 90.0), centre=(31.5, 32.0, 32.0))


def jump_across(fault: Fault) -> NDArray[np.float32]:
    """Step of age (n2, n1) across a `standing` fault."""
    age = evaluate(earth(fault), CUBE).age
    return np.abs(age[32] - age[31])


def labelled_orientation(geology: Geology, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    return normal_from_strike_dip(geology.strike[where], geology.dip[where])


@pytest.mark.parametrize(("strike", "dip"), [(20, 60), (110, 45), (200, 75), (300, 85)])
def test_labels_of_a_plane_lie_on_it_and_have_its_orientation(strike: float, dip: float) -> None:
    geology = evaluate(earth(plane(strike, dip)), CUBE)
    normal = normal_from_strike_dip(strike, dip)
    there = np.argwhere(geology.fault)
    assert len(there) > 1000
    assert np.abs((there - 32) @ normal).max() <= 1.0 + 1e-3
    found = labelled_orientation(geology, geology.fault > 0)
    assert axial_angle(found, normal[:, None]).max() < 0.5
    assert not geology.strike[geology.fault == 0].any()
    assert not geology.dip[geology.fault == 0].any()


@pytest.mark.parametrize("thickness", [1.0, 2.0, 5.0])
def test_the_labelled_surface_is_as_thick_as_asked(thickness: float) -> None:
    fault = evaluate(earth(plane(90.0, 60.0)), CUBE, thickness=thickness).fault > 0
    # Voxels over area: the fault crosses the cube from side to side at a dip of 60 degrees.
    area = 64 * 64 / np.sin(np.radians(60))
    assert fault.sum() / area == pytest.approx(thickness, rel=0.05)


def test_the_throw_across_a_fault_is_slip_times_the_sine_of_the_dip() -> None:
    fault = plane(90.0, 60.0)
    geology = evaluate(earth(fault), CUBE)
    shift = geology.age[:, 32, :] - np.arange(64)
    throw = shift[:, 32].max() - shift[:, 32].min()
    assert throw == pytest.approx(10 * np.sin(np.radians(60)), rel=0.02)
    assert fault.throw == pytest.approx(10 * np.sin(np.radians(60)))


def test_a_normal_fault_lowers_its_hanging_wall_and_a_reverse_fault_lifts_it() -> None:
    fault_normal = normal_from_strike_dip(90.0, 60.0)
    i3 = np.arange(64)
    for rake, sign in ((90.0, 1), (-90.0, -1)):
        age = evaluate(earth(plane(90.0, 60.0, rake)), CUBE).age[:, 32, 32]
        # The hanging wall lies above the surface: on the side where the plane is deeper.
        hanging = age[(i3 - 32) * fault_normal[0] < -2].mean()
        foot = age[(i3 - 32) * fault_normal[0] > 2].mean()
        assert np.sign(foot - hanging) == sign


def test_strike_slip_on_flat_layers_is_invisible_and_not_labelled() -> None:
    assert not evaluate(earth(plane(90.0, 60.0, rake=0.0)), CUBE).fault.any()


def test_strike_slip_on_tilted_layers_is_seen_and_labelled() -> None:
    along_strike = Folding(tilt=(0.0, 0.5))
    fault = evaluate(earth(along_strike, plane(90.0, 60.0, rake=0.0)), CUBE).fault
    assert (fault > 0).sum() > 4000


def test_invisible_faults_are_not_labelled() -> None:
    assert evaluate(earth(plane(90.0, 60.0, slip=3.0)), CUBE, visible=2.5).fault.any()
    assert not evaluate(earth(plane(90.0, 60.0, slip=3.0)), CUBE, visible=2.7).fault.any()


def test_slip_dies_out_at_an_elliptical_tip_line() -> None:
    small = replace(standing(), half_length=20.0, half_height=10.0)
    jump = jump_across(small)
    i2, i1 = np.indices((64, 64)) - 32
    ellipse = (i2 / 20) ** 2 + (i1 / 10) ** 2
    assert jump[ellipse > 1.1].max() < 0.01
    np.testing.assert_allclose(jump[ellipse < 1], 10 * (1 - ellipse[ellipse < 1]), atol=0.1)
    assert jump[32, 32] == pytest.approx(10, rel=0.02)


def test_slip_grows_downward_where_it_is_asked_to() -> None:
    plain = replace(standing(), half_height=100.0)
    grown = jump_across(replace(plain, growth=0.8)) / jump_across(plain)
    np.testing.assert_allclose(grown[32], 1 + 0.8 * (np.arange(64) - 32) / 100, atol=0.02)


def test_a_listric_fault_flattens_downward_and_an_undulating_one_turns_along_strike() -> None:
    listric = evaluate(earth(replace(plane(90.0, 60.0), listric=0.01)), CUBE)
    dip = np.minimum(listric.dip, 180 - listric.dip)
    shallow, deep = (
        dip[..., part][listric.fault[..., part] > 0] for part in (slice(12), slice(52, 64))
    )
    assert shallow.mean() > 66
    assert deep.mean() < 52
    wavy = evaluate(earth(replace(plane(90.0, 90.0), undulation=3.0, wavelength=64.0)), CUBE)
    strike = wavy.strike[wavy.fault > 0]
    # The steepest slope of a wave of 3 over 64 voxels is 2 pi 3 / 64, or 16 degrees.
    assert np.percentile(np.abs(strike - 90), 99) == pytest.approx(16.4, abs=1.5)


def test_a_younger_fault_cuts_and_shifts_an_older_one() -> None:
    older, younger = plane(90.0, 80.0), plane(0.0, 60.0, slip=16.0)
    geology = evaluate(earth(older, younger), CUBE)
    on_younger = np.argwhere(geology.fault == 2)
    assert np.abs((on_younger - 32) @ normal_from_strike_dip(0.0, 60.0)).max() <= 1.001
    walls = np.argwhere(geology.fault == 1)
    side = (walls - 32) @ normal_from_strike_dip(0.0, 60.0)
    normal = normal_from_strike_dip(90.0, 80.0)
    hanging, foot = ((walls[part] - 32) @ normal for part in (side < -2, side > 2))
    # Slip is down the dip of the younger one; its part along the older one's normal shifts that.
    slip = 16 * np.array(
        [-np.cos(np.radians(60)) * 0, np.cos(np.radians(60)), np.sin(np.radians(60))]
    )
    assert hanging.mean() - foot.mean() == pytest.approx(slip @ normal, abs=0.2)
    # Where they cross, the normal is that of one of them, not of the jump between.
    found = labelled_orientation(geology, geology.fault == 1)
    assert np.percentile(axial_angle(found, normal[:, None]), 99) < 2


def measured_jumps(age: NDArray[np.float32], least: float) -> NDArray[np.bool_]:
    """Voxels on either side of a step of ages sideways that is no slope: found in `age` alone."""
    found = np.zeros(age.shape, bool)
    for axis in (0, 1):
        moved = np.moveaxis(age, axis, 0)
        step = np.diff(moved, axis=0)
        jump = np.abs(step[1:-1] - 0.5 * (step[2:] + step[:-2])) > least
        there = np.moveaxis(found, axis, 0)
        there[1:-2] |= jump
        there[2:-1] |= jump
    return found


@pytest.mark.parametrize("seed", range(6))
def test_labels_and_measured_discontinuities_lie_within_a_voxel_of_each_other(seed: int) -> None:
    scenario = replace(FAULTS_ALONE, faults=(4, 8), throw=(4, 40), layer_dip=(0, 30))
    model = random_model(np.random.default_rng(seed), (80, 80, 80), scenario)
    geology = evaluate(model, (80, 80, 80), visible=1.5)
    fault = geology.fault > 0
    inside = np.zeros_like(fault)
    inside[4:-4, 4:-4, 4:-4] = True
    clear = measured_jumps(geology.age, 4.0) & inside
    faint = measured_jumps(geology.age, 0.7)
    assert clear.any()
    # A voxel beside the step is half a voxel from the surface, the label reaches one voxel from it.
    assert (distance_transform_edt(~fault)[clear] <= 1.0).mean() > 0.99
    labelled = fault & inside
    # Flat parts of a fault step mostly downward, which measured_jumps does not look at.
    assert (distance_transform_edt(~faint)[labelled] <= 2.0).mean() > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_labelled_angles_are_those_of_planes_fitted_to_the_labels(seed: int) -> None:
    scenario = replace(FAULTS_ALONE, faults=(2, 6))
    model = random_model(np.random.default_rng(100 + seed), (96, 96, 96), scenario)
    geology = evaluate(model, (96, 96, 96))
    angles = []
    for number in np.unique(geology.fault)[1:]:
        points = np.argwhere(geology.fault == number)
        tree = KDTree(points)
        middles = points[:: max(1, len(points) // 40)]
        for near in (np.array(tree.query_ball_point(middle, 9.0)) for middle in middles):
            patch = points[near] - points[near].mean(0)
            if len(near) < 200:
                continue
            values, vectors = np.linalg.eigh(patch.T @ patch / len(near))
            # A clean plane: a cut or a crossing fault makes the patch ragged.
            if values[0] > 0.6 or values[1] < 8:
                continue
            here = geology.fault[tuple(points[near].T)] > 0
            normals = labelled_orientation(geology, geology.fault == number)[:, near][:, here]
            tensor = normals @ normals.T
            mean = np.linalg.eigh(tensor)[1][:, -1]
            angles.append(float(axial_angle(mean[:, None], vectors[:, :1])[0]))
    assert len(angles) > 20
    assert np.median(angles) < 2
    assert np.percentile(angles, 95) < 6


@pytest.mark.parametrize("seed", range(6))
def test_ages_grow_along_traces_where_no_fault_is_reverse(seed: int) -> None:
    scenario = Scenario(reverse=0, strike_slip=0, unconformity=1, channel=1)
    model = random_model(np.random.default_rng(seed), (72, 72, 72), scenario)
    geology = evaluate(model, (72, 72, 72))
    backward = np.diff(geology.age, axis=-1) <= 0
    near_fault = binary_dilation(geology.fault > 0, iterations=2)
    assert not (backward & ~near_fault[..., 1:]).any()
    # A younger fault can turn a steep older one over, which then is reverse today.
    assert backward.mean() < 0.01


def test_all_below_an_unconformity_is_older_than_all_above_and_layers_lap_onto_it() -> None:
    folded = Folding((Fold(Wave(0.08, 0.0, 0.0, 12.0)),), (0.3, 0.0))
    eroded = Unconformity(30.0, (Wave(0.05, 0.05, 1.0, 6.0),), hiatus=120.0)
    geology = evaluate(earth(folded, eroded), CUBE)
    depth = np.broadcast_to(np.arange(64.0), CUBE)
    i3, i2 = np.indices((64, 64), np.float32)
    surface = eroded.surface(i3, i2)[..., None]
    above, below = geology.age[depth < surface], geology.age[depth >= surface]
    assert above.max() < below.min()
    # The fill is flat: its ages are its depths, and so they end against the relief.
    np.testing.assert_allclose(above, depth[depth < surface])
    assert np.ptp(surface) > 10


@pytest.mark.parametrize("seed", range(5))
def test_the_hiatus_of_a_random_unconformity_is_long_enough(seed: int) -> None:
    scenario = Scenario(faults=(0, 4), unconformity=1, channel=0, reverse=0)
    model = random_model(np.random.default_rng(seed), CUBE, scenario)
    assert any(isinstance(event, Unconformity) for event in model.events)
    assert (np.diff(evaluate(model, CUBE).age, axis=-1) > 0).mean() > 0.9999


def test_a_channel_cuts_down_and_its_fill_is_as_old_as_its_top() -> None:
    channel = Channel(30.0, (32.0, 32.0), 0.0, 0.0, 100.0, 10.0, 8.0, 0.5)
    geology = evaluate(earth(channels=(channel,)), CUBE)
    axis, bank = geology.age[32, 32], geology.age[32, 50]
    np.testing.assert_allclose(bank, np.arange(64))
    np.testing.assert_allclose(axis[31:38], 30, atol=0.1)
    assert axis[39] == 39
    assert geology.log_impedance[32, 32, 34] == pytest.approx(0.5)
    assert geology.log_impedance[32, 50, 34] == 0
    # A parabola: at 7 of 10 voxels from the axis it is half as deep.
    assert np.count_nonzero(geology.log_impedance[32, 39] > 0.25) == pytest.approx(4, abs=1)


def test_impedance_is_the_mean_of_the_layers_over_each_sample() -> None:
    # A boundary at 20.3 crosses the sample from 19.5 to 20.5.
    layers = Layers(np.array([-50.0, 20.3, 200.0]), np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    trace = evaluate(EarthModel((), layers), (16, 16, 40)).log_impedance[8, 8]
    np.testing.assert_allclose(trace[:20], 0, atol=1e-5)
    assert trace[20] == pytest.approx(0.2, abs=0.04)
    np.testing.assert_allclose(trace[21:], 1, atol=1e-4)


def test_impedance_varies_laterally_where_a_layer_does() -> None:
    lateral = (Wave(0.2, 0.0, 0.0, 1.0),)
    layers = Layers(
        np.array([-50.0, 20.0, 200.0]), np.array([0.3, 0.4]), np.array([0.0, 0.5]), lateral
    )
    impedance = evaluate(EarthModel((), layers), (40, 16, 40)).log_impedance
    np.testing.assert_allclose(impedance[:, 8, 5], 0.3, atol=1e-5)
    expected = 0.4 * (1 + 0.5 * np.cos(0.2 * np.arange(40)))
    np.testing.assert_allclose(impedance[:, 8, 30], expected, atol=1e-4)


def test_layers_dip_as_steeply_as_the_scenario_says() -> None:
    steepest = []
    for seed in range(40):
        scenario = replace(FAULTS_ALONE, faults=(0, 0), layer_dip=(0, 60), bins=(1, 1))
        model = random_model(np.random.default_rng(seed), CUBE, scenario)
        gradient = np.gradient(evaluate(model, CUBE).age)
        dip = np.degrees(np.arctan2(np.hypot(gradient[0], gradient[1]), gradient[2]))
        steepest.append(np.percentile(dip, 99))
    assert max(steepest) < 66
    assert sum(s > 35 for s in steepest) >= 3
    assert sum(s < 15 for s in steepest) >= 6


def test_blocks_beside_a_rigid_fault_move_as_one() -> None:
    scenario = replace(
        FAULTS_ALONE, faults=(1, 1), throw=(8, 8), layer_dip=(0, 0), reverse=0, strike_slip=0
    )
    seen = 0
    for seed in range(12):
        drags, rigid = (
            random_model(np.random.default_rng(seed), CUBE, replace(scenario, rigid=share))
            for share in (0, 1)
        )
        (fault,) = (event for event in rigid.events if isinstance(event, Fault))
        if fault.listric:
            continue
        shift = evaluate(rigid, CUBE).age - np.arange(64)
        walls = [shift[shift < shift.mean()], shift[shift >= shift.mean()]]
        assert [np.ptp(wall) for wall in walls] == pytest.approx([0, 0], abs=0.01)
        seen += 1
        assert walls[1].mean() - walls[0].mean() == pytest.approx(fault.throw, abs=0.01)
        assert np.ptp(evaluate(drags, CUBE).age - np.arange(64)) > 0.5
    assert seen >= 4


def test_tilt_is_the_share_of_the_dip_that_is_the_same_everywhere() -> None:
    flat = replace(FAULTS_ALONE, faults=(0, 0), layer_dip=(20, 20))
    scatter = {}
    for share in (0.0, 1.0):
        scenario = replace(flat, tilt=(share, share))
        gradient = np.gradient(
            evaluate(random_model(np.random.default_rng(3), CUBE, scenario), CUBE).age
        )
        scatter[share] = [(g / gradient[2]).std() for g in gradient[:2]]
    assert max(scatter[1.0]) < 0.01
    assert max(scatter[0.0]) > 0.05


@pytest.mark.parametrize("seed", [2, 3])
def test_a_block_of_a_survey_is_the_same_as_that_part_of_the_whole(seed: int) -> None:
    model = random_model(np.random.default_rng(seed), (40, 48, 56), Scenario(faults=(6, 6)))
    whole = evaluate(model, (40, 48, 56))
    part = evaluate(model, (9, 20, 30), (21, 13, 17))
    inside = np.s_[21:30, 13:33, 17:47]
    np.testing.assert_allclose(part.age, whole.age[inside], atol=2e-4)
    assert (part.fault != whole.fault[inside]).mean() < 1e-4
    assert whole.fault.any()


def jump_of_age(model: EarthModel) -> NDArray[np.float32]:
    """Size of the step of age from one inline to the next (63, n2, n1)."""
    return np.abs(np.diff(evaluate(model, CUBE).age, axis=0))


def test_an_abutting_fault_slips_on_one_side_of_its_host_only() -> None:
    host = plane(0.0, 90.0)
    splay = replace(standing(), host=host, side=1)
    jump = jump_of_age(earth(host, splay))[31]
    side = host.distance(np.array([[32.0] * 64, np.arange(64), [32.0] * 64], np.float32))
    assert jump[side < -1].max() < 0.01
    # Slip dies out towards the host, over as many voxels as it slips.
    assert jump[side > 12, 32] == pytest.approx(10, rel=0.05)


def test_drag_turns_a_part_of_the_throw_into_a_bend() -> None:
    plain, dragged = standing(), replace(standing(), drag=0.5, drag_width=6.0)
    assert jump_across(dragged)[32, 32] == pytest.approx(0.5 * jump_across(plain)[32, 32], rel=0.1)
    far = [evaluate(earth(f), CUBE).age[[2, 61], 32, 32] for f in (plain, dragged)]
    np.testing.assert_allclose(far[0], far[1], atol=0.1)


def test_layers_are_crushed_only_in_the_damage_zone_and_ages_are_not() -> None:
    layers = Layers(np.arange(-300.0, 600.0, 2.0), np.tile([0.0, 1.0], 225)[:449], np.zeros(449))
    rough = Turbulence(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    plain, crushed = (
        evaluate(EarthModel((replace(standing(), damage=width),), layers, turbulence=rough), CUBE)
        for width in (0.0, 5.0)
    )
    np.testing.assert_array_equal(plain.age, crushed.age)
    changed = np.abs(plain.log_impedance - crushed.log_impedance).max(axis=(1, 2)) > 0.01
    assert changed[[29, 34]].all()
    assert not changed[:26].any()
    assert not changed[38:].any()


def test_layers_sag_in_a_bowl_and_keep_their_order() -> None:
    age = evaluate(earth(Sag((32.0, 32.0), (10.0, 20.0), 4.0, 10.0, 50.0)), CUBE).age
    assert age[32, 32, 30] == pytest.approx(26)
    np.testing.assert_allclose(age[32, 55], np.arange(64))
    np.testing.assert_allclose(age[32, 32, 50:], np.arange(50, 64))
    assert (np.diff(age, axis=-1) > 0).all()


def test_longer_bins_steepen_faults_and_leave_their_labels_as_thick() -> None:
    for factor in (0.6, 1.0, 1.7):
        fault = replace(plane(90.0, 60.0), centre=(32.0 * factor, 32.0, 32.0))
        geology = evaluate(earth(fault, Stretch((factor, 1.0))), CUBE)
        there = geology.fault > 0
        steep = np.degrees(np.arctan(np.tan(np.radians(60)) * factor))
        dip = np.minimum(geology.dip, 180 - geology.dip)[there]
        assert np.median(dip) == pytest.approx(steep, abs=0.5)
        area = 64 * min(64, 64 * np.tan(np.radians(steep))) / np.sin(np.radians(steep))
        assert there.sum() / area == pytest.approx(2.0, rel=0.05)


def test_clinoforms_dip_between_flat_layers_and_are_in_order() -> None:
    unit = Clinoforms(20.0, 24.0, (32.0, 32.0), 0.0, 128.0, 0.5)
    age = evaluate(EarthModel((), LAYERS, clinoforms=(unit,)), CUBE).age
    assert (np.diff(age, axis=-1) > 0).all()
    outside = np.r_[0:20, 44:64]
    np.testing.assert_allclose(age[:, :, outside], np.broadcast_to(outside, (64, 64, 40)))
    slope = np.gradient(age[:, 32, 32]) / np.gradient(age[32, 32])[32]
    assert np.abs(slope).min() > 0.1


def test_a_body_changes_its_layers_only_inside_its_lens() -> None:
    body = Body(24.0, 16.0, (32.0, 32.0), (20.0, 10.0), 0.0, 0.0, 0.3)
    geology = evaluate(EarthModel((), LAYERS, bodies=(body,)), CUBE)
    bright = geology.log_impedance > 0.2
    assert bright[32, 32, 25:38].all()
    assert bright[50, 32, 26]
    assert not bright[32, 43].any()
    assert not bright[..., :24].any()
    np.testing.assert_allclose(geology.age, np.broadcast_to(np.arange(64.0), CUBE))


def test_most_surveys_have_few_faults_and_some_have_many() -> None:
    rng = np.random.default_rng(1)
    counts = np.array([random_count(rng, 0, 30) for _ in range(4000)])
    assert (counts.min(), counts.max()) == (0, 30)
    assert 4 <= np.median(counts) <= 6
    # Log-uniform: as many between 3 and 6 as between 7 and 14.
    few, many = (((counts >= a) & (counts <= b)).mean() for a, b in ((3, 6), (7, 14)))
    assert few == pytest.approx(many, abs=0.03)


def test_segments_of_a_relay_share_their_strike_and_overlap_at_their_tips() -> None:
    scenario = replace(FAULTS_ALONE, faults=(4, 4), throw=(8, 8))
    relays = 0
    for seed in range(60):
        faults = random_faults(np.random.default_rng(seed), (128.0, 128.0, 96.0), 4, scenario)
        for one, other in pairwise(faults):
            if one.wavelength != other.wavelength:
                continue
            relays += 1
            assert abs((one.strike - other.strike + 90) % 180 - 90) < 25
            along, _, normal = one.frame()
            apart = np.array(other.centre) - np.array(one.centre)
            assert 0.9 * 2 * one.half_length >= abs(apart @ along) * 0.98
            assert abs(apart @ normal) < 40
    assert relays > 5


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"faults": 5}, "faults: expected minimum and maximum, got 5"),
        ({"faults": (1, 2, 3)}, "faults: expected minimum and maximum, got 1 2 3"),
        ({"reverse": (0, 1)}, "reverse: expected one number, got 0 1"),
        ({"faults": (3, 1)}, "faults: expected minimum <= maximum, got 3 1"),
    ],
)
def test_wrong_numbers_of_values_of_a_scenario_are_refused(
    settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StrataflowError, match=reason):
        Scenario(**settings)
