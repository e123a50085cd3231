"""The image: wavelets are what they are called, noise is as strong as asked, blocks fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import hilbert

from strataflow.synthetic import artifacts
from strataflow.synthetic.acquisition import NORMAL_SMEAR, Acquisition, random_acquisition
from strataflow.synthetic.earth import SyntheticEarth, labelled_cube
from strataflow.synthetic.filters import gaussian_matrix, smooth_field
from strataflow.synthetic.imaging import Recording
from strataflow.synthetic.scenario import Scenario
from strataflow.synthetic.wavelets import ormsby, ricker, shaped, turn_phase, wavelet_matrix
from strataflow.volume.analytic_signal import analytic_signal
from strataflow.volume.raw import Shape

SHAPE = (40, 48, 128)
CLEAN = Acquisition(frequency=0.1)


@pytest.mark.parametrize("length", [1, 2, 7, 64])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_analytic_signal_is_that_of_scipy(length: int, kind: type[np.floating]) -> None:
    traces = np.random.default_rng(1).normal(size=(3, length)).astype(kind)
    assert np.array_equal(analytic_signal(traces), hilbert(traces, axis=-1))


def record(
    acquisition: Acquisition, seed: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Image and clean image of layers that are the same everywhere."""
    recording = Recording((seed, 7), acquisition, SHAPE)
    samples = SHAPE[2] + 2 * recording.margin - 1
    trace = np.random.default_rng(seed).standard_normal(samples).astype(np.float32)
    reflectivity = np.broadcast_to(trace, (*SHAPE[:2], samples)).copy()
    recording.calibrate(reflectivity)
    return recording.record(reflectivity, slice(0, SHAPE[0]))


def rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def spectrum(traces: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.abs(np.fft.rfft(traces * np.hanning(traces.shape[-1]), axis=-1)).mean((0, 1))


@pytest.mark.parametrize("frequency", [0.05, 0.1, 0.2])
def test_a_ricker_wavelet_peaks_at_its_frequency_and_has_no_mean(frequency: float) -> None:
    wavelet = ricker(np.array([frequency]), 40)[0]
    power = np.abs(np.fft.rfft(wavelet, 4000))
    assert np.fft.rfftfreq(4000)[power.argmax()] == pytest.approx(frequency, abs=0.002)
    assert abs(wavelet.sum()) < 1e-3
    np.testing.assert_allclose(wavelet, wavelet[::-1], atol=1e-12)


def test_an_ormsby_wavelet_is_flat_between_its_corners_and_dies_out_beyond() -> None:
    power = np.abs(np.fft.rfft(ormsby(np.array([0.1]), 200)[0], 4000))
    at = np.fft.rfftfreq(4000)
    flat = power[(at > 0.075) & (at < 0.125)]
    assert np.ptp(flat) < 0.02 * flat.mean()
    assert power[(at < 0.025) | (at > 0.2)].max() < 0.02 * flat.mean()


def test_phase_is_turned_by_the_closed_form() -> None:
    wavelet = ricker(np.array([0.1]), 60)
    np.testing.assert_allclose(turn_phase(wavelet, 180), -wavelet, atol=1e-6)
    quarter = turn_phase(wavelet, 90)
    # A quarter turn of a symmetric wavelet is antisymmetric, and four are none.
    np.testing.assert_allclose(quarter, -quarter[:, ::-1], atol=1e-3)
    np.testing.assert_allclose(turn_phase(quarter, -90), wavelet, atol=1e-3)


def test_a_wavelet_lies_half_a_sample_below_the_reflection_between_two_samples() -> None:
    matrix = wavelet_matrix(ricker(np.full(64, 0.1), 12))
    assert matrix.shape == (64, 64 + 23)
    reflection = np.zeros(87, np.float32)
    # Reflectivity 12 lies between the samples 0 and 1 of the image, 42 between 30 and 31.
    reflection[42] = 1
    image = matrix @ reflection
    np.testing.assert_allclose(image[30], image[31], rtol=1e-5)
    assert image.argmax() in (30, 31)


def test_frequency_falls_with_depth() -> None:
    recording = Recording((1, 7), replace(CLEAN, frequency=0.15, decay=0.4), SHAPE)
    samples = SHAPE[2] + 2 * recording.margin - 1
    white = np.random.default_rng(0).standard_normal((*SHAPE[:2], samples), dtype=np.float32)
    recording.calibrate(white)
    image, _ = recording.record(white, slice(0, SHAPE[0]))
    peaks = [
        np.fft.rfftfreq(48)[spectrum(part).argmax()] for part in (image[..., :48], image[..., -48:])
    ]
    # Halfway through the first and the last 48 of 128 samples, 7 and 32 per cent are lost.
    assert peaks[0] == pytest.approx(0.15 * 0.93, abs=0.012)
    assert peaks[1] == pytest.approx(0.15 * 0.68, abs=0.012)


def test_the_clean_image_has_the_higher_frequency() -> None:
    image, clean = record(CLEAN)
    at = np.fft.rfftfreq(SHAPE[2])
    mean = [(at * spectrum(v) ** 2).sum() / (spectrum(v) ** 2).sum() for v in (image, clean)]
    assert mean[1] > 1.3 * mean[0]
    assert rms(image) == pytest.approx(1, rel=0.01)
    assert rms(clean) == pytest.approx(1, rel=0.01)


def test_the_clean_image_has_the_phase_of_the_recorded_one() -> None:
    image, clean = record(replace(CLEAN, phase=90.0))
    # A quarter turn between them would leave no correlation.
    assert np.corrcoef(image.ravel(), clean.ravel())[0, 1] > 0.5


@pytest.mark.parametrize("smear", [0.0, 1.2])
@pytest.mark.parametrize("noise", [0.1, 0.8])
def test_noise_is_as_strong_as_asked_and_in_the_band_of_the_signal(
    noise: float, smear: float
) -> None:
    signal, _ = record(CLEAN)
    noisy, _ = record(replace(CLEAN, noise=noise, noise_smear=smear))
    added = noisy - signal
    assert rms(added) == pytest.approx(noise, rel=0.05)
    power = spectrum(added)
    at = np.fft.rfftfreq(SHAPE[2])
    assert at[power.argmax()] == pytest.approx(0.1, abs=0.04)
    assert power[at > 0.35].max() < 0.02 * power.max()


def test_dipping_noise_moves_out_as_a_plane() -> None:
    signal, _ = record(CLEAN)
    slope, azimuth = 1.5, 0.0
    noisy, _ = record(replace(CLEAN, coherent_noise=0.5, coherent_slope=(slope, azimuth)))
    added = noisy - signal
    assert rms(added) == pytest.approx(0.5, rel=0.4)
    # Two inlines on, the same wave comes 2 * 1.5 = 3 samples later.
    here, there = added[10:30, :, 20:100], added[12:32, :, 23:103]
    assert np.corrcoef(here.ravel(), there.ravel())[0, 1] > 0.9
    assert np.corrcoef(here.ravel(), added[12:32, :, 20:100].ravel())[0, 1] < 0.3


def test_a_footprint_repeats_along_the_lines_and_fades_with_depth() -> None:
    signal, _ = record(CLEAN)
    striped, _ = record(replace(CLEAN, footprint=0.2, footprint_periods=(8.0, 6.0)))
    factor = (striped / np.where(np.abs(signal) > 0.1, signal, np.nan)) - 1
    top = np.nanmean(factor[..., :30], -1)
    np.testing.assert_allclose(top[:-24], top[24:], atol=0.01)
    assert np.nanstd(factor[..., :20]) > 2 * np.nanstd(factor[..., -20:]) > 0


def test_gaps_are_dead_traces_and_few() -> None:
    holes, _ = record(replace(CLEAN, gaps=3))
    dead = ~holes.any(-1)
    assert 0 < dead.sum() <= 3 * 2 * 13


def test_lateral_smear_takes_the_edge_off_a_step() -> None:
    recording = Recording((1, 7), replace(CLEAN, lateral_smear=1.0), SHAPE)
    reflectivity = np.zeros((*SHAPE[:2], SHAPE[2] + 2 * recording.margin - 1), np.float32)
    reflectivity[20:, :, 70] = 1
    recording.calibrate(reflectivity)
    line = recording.record(reflectivity, slice(0, SHAPE[0]))[0][:, 24].max(-1)
    # A Gaussian of one voxel: 16 per cent of the step is there one voxel before it.
    assert line[19] / line[-1] == pytest.approx(0.31, abs=0.03)
    assert line[18] / line[-1] == pytest.approx(0.067, abs=0.02)


def test_gain_control_evens_out_strong_and_weak_depths() -> None:
    recording = Recording((1, 7), replace(CLEAN, gain_window=20.0), SHAPE)
    reflectivity = np.random.default_rng(0).standard_normal(
        (*SHAPE[:2], SHAPE[2] + 2 * recording.margin - 1)
    )
    reflectivity[..., reflectivity.shape[-1] // 2 :] *= 5
    recording.calibrate(reflectivity.astype(np.float32))
    image, _ = recording.record(reflectivity.astype(np.float32), slice(0, SHAPE[0]))
    assert rms(image[..., -30:]) < 2.2 * rms(image[..., :30])


def test_a_smooth_field_has_unit_variance_and_does_not_depend_on_the_block() -> None:
    whole = smooth_field(np.random.default_rng(3), (96, 96, 96), 8.0)
    assert whole.std() == pytest.approx(1, rel=0.1)
    part = smooth_field(np.random.default_rng(3), (96, 96, 96), 8.0, slice(30, 50))
    np.testing.assert_allclose(part, whole[30:50], atol=1e-5)
    # Half a correlation length apart they are still alike, two lengths apart no more.
    assert np.corrcoef(whole[:-4].ravel(), whole[4:].ravel())[0, 1] > 0.6
    assert abs(np.corrcoef(whole[:-16].ravel(), whole[16:].ravel())[0, 1]) < 0.15


def test_smoothing_matrices_keep_a_constant_or_the_variance() -> None:
    np.testing.assert_allclose(gaussian_matrix(20, 1.5, 1).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.square(gaussian_matrix(20, 1.5, 2)).sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(gaussian_matrix(20, 0.0, 1), np.eye(20))


# One of each, as strong as in poor surveys.
DEFECTS = {
    "diffractions": replace(CLEAN, diffractions=5.0, diffractors=100.0),
    "residual moveout": replace(CLEAN, residual=0.8, residual_curvature=-0.2),
    "multiples": replace(CLEAN, multiple=0.4, multiple_period=40.0, multiple_slope=(0.1, 0.2)),
    "growing smear": replace(CLEAN, lateral_smear=1.0, smear_growth=1.0),
    "cross-hatched noise": replace(
        CLEAN, coherent_noise=0.3, coherent_directions=4, coherent_bend=5.0
    ),
    "low fold": replace(CLEAN, noise=0.3, noise_smear=1.3, low_fold=0.8),
    "edges": replace(CLEAN, edges=8.0),
    "bursts": replace(CLEAN, bursts=0.01),
    "footprint": replace(CLEAN, footprint=0.2),
    "line gain": replace(CLEAN, line_gain=0.3),
    "statics": replace(CLEAN, statics=0.4),
    "fading": replace(CLEAN, fading=0.5),
    "shadows": replace(CLEAN, shadows=20, shadow_dimming=0.9),
    "dead traces": replace(CLEAN, gaps=2, dead_traces=0.01, dead_lines=2),
    "minimum phase": replace(CLEAN, minimum_phase=True),
    "whitening": replace(CLEAN, whitening=0.4),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_changes_the_image_and_leaves_the_clean_one(name: str) -> None:
    (image, clean), (defective, same) = record(CLEAN), record(DEFECTS[name])
    if name != "growing smear":  # these layers are the same everywhere
        assert rms(defective - image) > 0.01
    # Longer wavelets begin in another trace of random reflectivity.
    if DEFECTS[name].half == CLEAN.half:
        np.testing.assert_array_equal(same, clean)


def test_minimum_phase_puts_the_energy_late_and_keeps_phase_and_place_at_the_peak() -> None:
    frequency = np.array([0.1])
    zero = ricker(frequency, 40)
    late = shaped(zero, frequency, minimum_phase=True, whitening=0.0)[0]
    half = late.size // 2
    assert np.square(late[half + 6 :]).sum() > 3 * np.square(late[: half - 6]).sum()
    turn = np.fft.rfft(late, 4000)[400] / np.fft.rfft(zero[0], 4000)[400]
    assert abs(np.angle(turn)) < 0.1


def test_whitening_flattens_the_spectrum_and_keeps_zero_phase() -> None:
    frequency = np.array([0.1])
    wavelet = ricker(frequency, 40)
    white = shaped(wavelet, frequency, minimum_phase=False, whitening=0.5)[0]
    np.testing.assert_allclose(white, white[::-1], atol=1e-9)
    ratio = []
    for values in (wavelet[0], white):
        power = np.abs(np.fft.rfft(values, 4000))
        ratio.append(power[800] / power[400])
    # At most the square root of the spectrum: silence stays silence.
    assert 1.5 * ratio[0] < ratio[1] <= ratio[0] ** 0.5


def test_smear_of_the_width_of_the_wavelet_lowers_the_frequency_of_steep_layers() -> None:
    recording = Recording((1, 7), replace(CLEAN, lateral_smear=NORMAL_SMEAR / 0.1), (8, 128, 128))
    reflectivity = np.zeros((8, 128, 128 + 2 * recording.margin - 1), np.float32)
    i2 = np.arange(128)
    reflectivity[:, i2, i2 + recording.margin] = 1
    recording.calibrate(reflectivity)
    image, _ = recording.record(reflectivity, slice(0, 8))
    power = np.abs(np.fft.rfft(image[4, 64], 4000))
    # A wavelet along the normal of a layer that dips by 45 degrees.
    assert np.fft.rfftfreq(4000)[power.argmax()] == pytest.approx(0.1 * 0.5**0.5, abs=0.003)


def test_lateral_smear_grows_with_depth() -> None:
    recording = Recording((1, 7), replace(CLEAN, lateral_smear=0.8, smear_growth=2.0), SHAPE)
    reflectivity = np.zeros((*SHAPE[:2], SHAPE[2] + 2 * recording.margin - 1), np.float32)
    top, bottom = 16, 112
    reflectivity[20, :, [top + recording.margin, bottom + recording.margin]] = 1
    recording.calibrate(reflectivity)
    image = recording.record(reflectivity, slice(0, SHAPE[0]))[0][:, 24]
    assert image[20, top] > 1.8 * image[20, bottom]
    assert image[24, bottom] > 5 * image[24, top]


def test_diffractions_are_round_and_of_limited_reach() -> None:
    signal, _ = record(CLEAN)
    acquisition = replace(CLEAN, diffractions=3.0, diffractors=1.0)
    added = record(acquisition)[0] - signal
    energy = np.square(added).sum(-1)
    centre = np.unravel_index(energy.argmax(), energy.shape)
    distance = np.hypot(*np.ogrid[-centre[0] : 40 - centre[0], -centre[1] : 48 - centre[1]])
    assert energy.max() > 0
    assert energy[distance > 2 * artifacts.DIFFRACTION_REACH].max() < 1e-9


def test_a_multiple_is_a_weak_copy_of_turned_polarity_one_period_later() -> None:
    signal, _ = record(CLEAN)
    added = record(replace(CLEAN, multiple=0.3, multiple_period=40.0))[0] - signal
    # Below one period and a wavelet, the first multiple of what lies in the image.
    late, early = added[..., 60:80], signal[..., 20:40]
    assert np.corrcoef(late.ravel(), early.ravel())[0, 1] < -0.99
    assert rms(late) == pytest.approx(0.3 * rms(early), rel=0.02)


def test_only_strong_events_have_multiples_above_a_threshold() -> None:
    reflectivity = np.zeros((2, 3, 200), np.float32)
    reflectivity[..., 10], reflectivity[..., 20] = 2.5, 1.5
    acquisition = replace(CLEAN, multiple=0.4, multiple_period=50.0, multiple_threshold=2.0)
    artifacts.add_multiples(reflectivity, acquisition, np.float32(1), (2, 3, 200), slice(0, 2))
    np.testing.assert_allclose(reflectivity[0, 0].nonzero()[0], [10, 20, 60, 110])
    np.testing.assert_allclose(reflectivity[1, 2, [60, 110]], [-0.4 * 2.5, 0.4**2 * 2.5])


def test_residual_moveout_puts_tails_on_an_edge() -> None:
    image = np.zeros((32, 32, 64), np.float32)
    image[16, 16, 30] = 1
    moved = artifacts.residual_moveout(image, 1.0, 0.2)
    assert moved[16, 20].argmax() == 30 + round(0.2 * 16)
    assert moved[19, 16].argmax() == 30 + round(0.2 * 9)
    assert artifacts.residual_moveout(image, 1.0, -0.2)[16, 20].argmax() == 30 - round(0.2 * 16)


def test_statics_shift_whole_lines_by_at_most_a_sample() -> None:
    delay = artifacts.statics(np.random.default_rng(0), 0.5, SHAPE, slice(0, 40))
    assert np.abs(delay).max() <= artifacts.MAX_STATIC
    time = np.arange(64)
    wave = np.sin(2 * np.pi * 0.08 * time).astype(np.float32)
    moved = artifacts.shifted(np.broadcast_to(wave, (40, 48, 64)), delay)
    expected = np.sin(2 * np.pi * 0.08 * (time - delay[..., None]))
    np.testing.assert_allclose(moved[..., 3:-3], expected[..., 3:-3], atol=0.02)


def test_crossing_noise_dips_both_ways_and_is_as_strong_as_asked() -> None:
    acquisition = replace(CLEAN, coherent_noise=0.5, coherent_directions=5, coherent_bend=4.0)
    added = record(acquisition, seed=3)[0] - record(CLEAN, seed=3)[0]
    assert rms(added) == pytest.approx(0.5, rel=0.4)
    power = np.abs(np.fft.fft2(added[20] * np.hanning(48)[:, None])) ** 2
    both_ways = power[1:24, 1:64].sum(), power[25:, 1:64].sum()
    assert min(both_ways) > 0.1 * max(both_ways)


def test_bursts_are_few_wild_traces() -> None:
    added = record(replace(CLEAN, bursts=0.01))[0] - record(CLEAN)[0]
    wild = added.any(-1)
    assert 0.002 < wild.mean() < 0.03
    assert rms(added[wild]) > 2


def test_edges_are_dim_and_the_middle_is_not() -> None:
    image, _ = record(replace(CLEAN, edges=2.0))
    factor = np.sqrt(np.square(image).mean(-1)) / rms(record(CLEAN)[0])
    assert factor[18:22, 22:26].min() > 0.99
    assert min(factor[0].mean(), factor[-1].mean(), factor[:, 0].mean(), factor[:, -1].mean()) < 0.7


def test_a_mute_leaves_noise_in_the_image_and_silence_in_the_clean_one() -> None:
    image, clean = record(replace(CLEAN, mute=12.0, mute_noise=0.1))
    assert not clean[..., 0].any()
    assert rms(image[..., 0]) == pytest.approx(0.1, rel=0.1)
    np.testing.assert_array_equal(image[..., 40:], record(CLEAN)[0][..., 40:])


def test_dead_lines_are_straight_and_have_the_length_of_many_holes() -> None:
    dead = ~record(replace(CLEAN, dead_lines=1))[0].any(-1)
    assert dead.any()
    assert 1 in (np.count_nonzero(np.any(dead, 0)), np.count_nonzero(np.any(dead, 1)))


def test_8_bits_leave_few_amplitudes() -> None:
    image, _ = record(replace(CLEAN, full_scale=3.0))
    steps = image * 127 / 3
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert np.unique(image).size <= 255


def test_both_images_are_clipped() -> None:
    image, clean = record(replace(CLEAN, clip=1.5))
    assert np.abs(image).max() == np.abs(clean).max() == pytest.approx(1.5)


def test_scaled_slices_and_traces_have_one_rms() -> None:
    recording = Recording((1, 7), replace(CLEAN, slices_scaled=True), SHAPE)
    reflectivity = np.random.default_rng(0).standard_normal(
        (*SHAPE[:2], SHAPE[2] + 2 * recording.margin - 1), dtype=np.float32
    )
    reflectivity[..., ::7] *= 5
    recording.calibrate(reflectivity)
    slices = np.square(recording.record(reflectivity, slice(0, 40))[0]).mean((0, 1))
    assert slices.min() > 0.8 * slices.max()
    image, _ = record(replace(CLEAN, line_gain=0.5, traces_scaled=True))
    traces = np.square(image).mean(-1)
    assert traces.min() > 0.6 * traces.max()


def test_faults_are_not_labelled_where_the_image_cannot_show_them() -> None:
    earth = SyntheticEarth((4, 2), Shape(48, 40, 40), Scenario(faults=(12, 12), throw=(5, 20)))
    for name, acquisition in {
        "mute": replace(CLEAN, mute=15.0),
        "shadow": replace(CLEAN, shadows=30, shadow_dimming=0.95),
    }.items():
        earth.acquisition = acquisition
        earth.recording = Recording((4, 2, 2), acquisition, (40, 40, 48))
        _, _, geology = earth.cube()
        seen = earth.recording.seen(slice(0, 40))
        assert seen is not None
        assert 0.02 < (~seen).mean() < 0.9, name
        assert np.any(geology.fault[seen])
        assert not np.any(geology.fault[~seen])
        assert not np.any(geology.dip[~seen])


def test_the_minimum_visible_offset_increases_with_noise_and_smoothing() -> None:
    base = Acquisition(frequency=0.05, lateral_smear=1.0)
    for worse in (
        replace(base, frequency=0.04),
        replace(base, decay=0.4),
        replace(base, noise=0.5),
        replace(base, coherent_noise=0.5),
        replace(base, lateral_smear=2.0),
        replace(base, smear_growth=1.0),
        replace(base, statics=0.5),
    ):
        assert worse.visible_offset > 1.02 * base.visible_offset


def test_a_typical_survey_has_two_or_three_defects_and_one_without_has_none() -> None:
    def defects(seed: int, scenario: Scenario) -> int:
        a = random_acquisition(np.random.default_rng(seed), scenario)
        kinds = (
            *(a.diffractions, a.residual, a.multiple, a.coherent_noise, a.low_fold, a.edges),
            *(a.bursts, a.footprint, a.line_gain, a.statics, a.shadows, a.mute, a.gaps, a.clip),
            *(a.dead_traces, a.dead_lines, a.traces_scaled, a.slices_scaled),
        )
        return sum(bool(kind) for kind in kinds)

    counts = [defects(seed, Scenario()) for seed in range(400)]
    assert np.mean(counts) == pytest.approx(2.5, abs=0.4)
    assert np.mean(np.array(counts) == 0) > 0.1
    assert not any(defects(seed, Scenario(defects=0)) for seed in range(50))


# All defects at once, in two halves that do not hide each other.
ALL = (
    replace(
        CLEAN,
        lateral_smear=1.1,
        smear_growth=0.5,
        diffractions=4.0,
        diffractors=100.0,
        residual=0.5,
        multiple=0.3,
        multiple_slope=(0.1, 0.2),
        noise=0.3,
        noise_smear=1.3,
        coherent_noise=0.2,
        coherent_directions=3,
        coherent_bend=4.0,
        statics=0.3,
        gain_window=15.0,
        full_scale=3.0,
    ),
    replace(
        CLEAN,
        low_fold=0.5,
        edges=4.0,
        bursts=0.01,
        footprint=0.1,
        line_gain=0.1,
        fading=0.3,
        shadows=20,
        mute=6.0,
        mute_noise=0.1,
        gaps=2,
        dead_traces=0.01,
        dead_lines=2,
        traces_scaled=True,
        slices_scaled=True,
        minimum_phase=True,
        whitening=0.2,
        full_scale=4.0,
        clip=3.0,
    ),
)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("acquisition", ALL)
def test_slabs_of_a_survey_are_parts_of_the_whole(seed: int, acquisition: Acquisition) -> None:
    earth = SyntheticEarth((seed, 2), Shape(48, 40, 56), Scenario())
    earth.recording = Recording((seed, 2, 2), acquisition, (56, 40, 48))
    earth.acquisition = acquisition
    earth.calibrate()
    image, clean, geology = earth.slab(slice(0, 56))
    for inlines in (slice(0, 20), slice(20, 37), slice(37, 56)):
        part, clean_part, geology_part = earth.slab(inlines)
        # The same bytes of 8-bit amplitudes, but for a rare one on the edge between two.
        assert (part != image[inlines]).mean() < 1e-3
        np.testing.assert_allclose(part, image[inlines], atol=0.04)
        np.testing.assert_allclose(clean_part, clean[inlines], atol=2e-3)
        assert (geology_part.fault != geology.fault[inlines]).mean() < 1e-4


def test_geologic_time_is_constant_along_the_reflectors_of_the_image() -> None:
    scenario = Scenario(
        faults=(0, 0), channel=0, unconformity=0, noise=(0.0, 0.0), layer_dip=(10, 40)
    )
    scatter = []
    for seed in range(4):
        cube = labelled_cube((seed, 0, 0), Shape(96, 64, 64), scenario)
        # The amplitude along a surface of one geologic time changes less than between surfaces.
        rgt, clean = cube.targets["rgt"], cube.targets["dhr"]
        bins = np.digitize(rgt, np.linspace(0.25, 0.75, 240))
        inside = (bins > 0) & (bins < 240)
        count = np.bincount(bins[inside], minlength=240)[1:]
        mean = np.bincount(bins[inside], clean[inside], minlength=240)[1:] / np.maximum(count, 1)
        within = np.mean(np.square(clean[inside] - mean[bins[inside] - 1]))
        scatter.append(within / clean[inside].var())
    assert np.median(scatter) < 0.25
