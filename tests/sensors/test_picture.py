"""The picture of a night: drawn for every kind of night, the same bytes each time, with what it rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import emg, night, simulate, single
from plms_pipeline.night.part import NightPart
from plms_pipeline.quality.night_plot import NightPicture, index_text, write_night_plot
from plms_pipeline.simulate import emg_signal as sim
from plms_pipeline.simulate.emg_signal import movement_times
from plms_pipeline.simulate.piezo_signal import piezo_leg
from plms_pipeline.single.picture import is_simulated

from .conftest import DURATION_S, FS_HZ, LEFT, PIEZO_HZ, RIGHT
from .recordings import write_recording

SETTINGS = night.Settings(night.load_detector(), night.load_piezo_detector(), night.load_signal_checks())
RULES = night.load_rule_sets(["wasm2016"])


def _detected(edf: Path, stages: Path | None, **channels: object) -> NightPart:
    named = {"left": (), "right": (), "combined": (), "sensor": "emg"} | channels
    return single.detect_file(edf, named, SETTINGS, RULES, stages=stages, with_picture=True)


def _nights(folder: Path, left: np.ndarray, right: np.ndarray) -> dict[str, tuple[Path, dict[str, object]]]:
    none = sim.leg_emg(DURATION_S, FS_HZ, 1, movements=sim.make_plan([], [], 1), disturbances_per_h=0.0)[0]
    half = right.copy()
    half[half.size // 3 :] = 0.0
    dense = np.arange(20.0, DURATION_S - 20.0, 11.0)
    many = sim.leg_emg(DURATION_S, FS_HZ, 2, movements=sim.make_plan(dense, np.full(dense.size, 2.0), 3))[0]
    piezo = piezo_leg(DURATION_S, PIEZO_HZ, 1, *movement_times(DURATION_S, [1, 3]))[0]

    def written(name: str, signals: dict[str, np.ndarray], fs_hz: int = FS_HZ, **options: object) -> Path:
        return write_recording(folder / f"{name}.edf", signals, fs_hz, **options)  # type: ignore[arg-type]

    return {
        "normal": (written("normal", {LEFT: left, RIGHT: right}), {}),
        "one leg lost": (written("lost", {LEFT: left, RIGHT: half}), {}),
        "both flat": (written("flat", {LEFT: 0 * left, RIGHT: 0 * left}), {}),
        "gap": (written("gap", {LEFT: left, RIGHT: right}, missing_records=(200, 260)), {}),
        "many": (written("many", {LEFT: many, RIGHT: many[::-1].copy()}), {}),
        "none": (written("none", {LEFT: none, RIGHT: none[::-1].copy()}), {}),
        "combined": (written("combined", {"Leg": left + right}), {"combined": ("Leg",)}),
        "piezo": (
            written("piezo", {"Leg": piezo}, PIEZO_HZ, range_uv=100.0), {"combined": ("Leg",), "sensor": "piezo"}
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def pictures(
    emg_legs: tuple[np.ndarray, np.ndarray], stages: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, NightPicture]:
    folder = tmp_path_factory.mktemp("pictures")
    made = {}
    for name, (edf, channels) in _nights(folder, *emg_legs).items():
        part = _detected(edf, None if name == "none" else stages, **channels)
        made[name] = single.night_picture(part, name, RULES[0], SETTINGS)
    return made


NAMES = ("normal", "one leg lost", "both flat", "gap", "many", "none", "combined", "piezo")


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_night_is_drawn_and_twice_the_same(
    name: str, pictures: dict[str, NightPicture], tmp_path: Path
) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in (first, second):
        write_night_plot(path, pictures[name])
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text(encoding="utf-8")
    assert "<svg" in text and "<dc:date>" not in text


def test_the_heading_says_the_index_and_what_it_rests_on(pictures: dict[str, NightPicture]) -> None:
    told = {name: index_text(picture.tables["night"]) for name, picture in pictures.items()}
    assert told["normal"][0].startswith("PLMS index ") and "/h [" in told["normal"][0]
    assert "unknown [0.0, 360.0] (no stretch of any leg can be scored)" in told["both flat"][0]
    assert "unknown [0.0, 360.0] (sleep was not staged)" in told["none"][0]
    assert told["piezo"][0].startswith("PLMS index of a piezo sensor (relative to its own baseline, no EMG index)")
    assert "evidence one leg" in told["one leg lost"][1]
    assert "evidence combined" in told["combined"][1] and "wasm2016" in told["combined"][1]


def test_only_a_file_of_the_simulator_is_called_simulated(pictures: dict[str, NightPicture], tmp_path: Path) -> None:
    assert not any(picture.is_simulated for picture in pictures.values())
    made = simulate.write_cohort(tmp_path, n_nights=1, seed=3, hours=0.1, only_clean=True, workers=1)
    (edf,) = (made.cohort_yaml.parent / "edf").glob("*.edf")
    assert is_simulated(edf)


def test_amplitude_of_the_picture_is_that_of_plain_blocks() -> None:
    x = np.random.default_rng(1).standard_normal(6000) * np.repeat([1.0, 10.0], 3000)
    parts = [(0, x[:5000]), (30_000_000, x[5000:])]
    bins = emg.amplitude_bins(parts, 200.0, band_hz=(10.0, 100.0), lowpass_hz=None, bin_s=5.0, block_s=0.5)
    assert bins.onset_us.tolist() == [0, 5_000_000, 10_000_000, 15_000_000, 20_000_000, 25_000_000, 30_000_000,
                                      35_000_000]  # fmt: skip
    # A hole after each stretch, so that nothing is drawn across the gap.
    assert np.isnan(bins.high).tolist() == [False] * 5 + [True, False, True]
    assert (bins.low[:5] <= bins.high[:5]).all()
    assert 0.7 < bins.low[0] < bins.high[0] < 1.2 and 7.0 < bins.low[4] < bins.high[4] < 12.0
    assert emg.amplitude_bins([], 200.0, band_hz=(10.0, 100.0), lowpass_hz=None, bin_s=5.0, block_s=0.5).low.size == 0
    assert emg.amplitude_bins(parts, 15.0, band_hz=(10.0, 100.0), lowpass_hz=None, bin_s=5, block_s=1).low.size == 0
