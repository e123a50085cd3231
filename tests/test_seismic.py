"""The image: wavelets are what they are called, noise is as strong as asked, blocks fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from strataflow.acquisition import Acquisition
from strataflow.filters import gaussian_matrix, smooth_field
from strataflow.samples import Shape
from strataflow.scenario import Scenario
from strataflow.seismic import Recording
from strataflow.synthetic import SyntheticEarth, labelled_cube
from strataflow.wavelets import ormsby, ricker, turn_phase, wavelet_matrix

SHAPE = (40, 48, 128)
CLEAN = Acquisition(frequency=0.1)


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


@pytest.mark.parametrize("seed", range(3))
def test_slabs_of_a_survey_are_parts_of_the_whole(seed: int) -> None:
    earth = SyntheticEarth((seed, 2), Shape(48, 40, 56), Scenario())
    acquisition = replace(
        earth.acquisition, noise=0.3, noise_smear=1.3, lateral_smear=1.1, gaps=2, footprint=0.1
    )
    earth.recording = Recording((seed, 2, 2), acquisition, (56, 40, 48))
    earth.acquisition = acquisition
    earth.calibrate()
    image, clean, geology = earth.slab(slice(0, 56))
    for inlines in (slice(0, 20), slice(20, 37), slice(37, 56)):
        part, clean_part, geology_part = earth.slab(inlines)
        np.testing.assert_allclose(part, image[inlines], atol=2e-3)
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
