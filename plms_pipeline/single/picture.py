"""What the picture of one night is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from plms_pipeline import emg, ingest, night, scoring
from plms_pipeline.night.part import LEG_OF_ROLE
from plms_pipeline.quality.night_plot import NightPicture

# For the eye only: about one bin per pixel of an eight-hour night.
_BIN_S = 20.0
_BLOCK_S = {night.EMG: 0.25, night.PIEZO: 1.0}
_EQUIPMENT = slice(88, 168)
_SIMULATOR = b"plms_simulator"


def is_simulated(path: Path) -> bool:
    """Whether the header names our simulator as the equipment."""
    with path.open("rb") as handle:
        return _SIMULATOR in handle.read(_EQUIPMENT.stop)[_EQUIPMENT]


def leg_amplitude(
    recording: ingest.Recording, settings: night.Settings, family: str
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Leg → onset (s), low and high amplitude of the bins of the picture."""
    used = settings.piezo if family == night.PIEZO else settings.detector
    found = {}
    for channel in recording.legs:
        bins = emg.amplitude_bins(
            [(segment.start_us, segment.samples) for segment in channel.segments],
            channel.fs_hz,
            band_hz=(used.band_low_hz, used.band_high_hz),
            lowpass_hz=channel.lowpass_hz,
            bin_s=_BIN_S,
            block_s=_BLOCK_S[family],
        )
        found[LEG_OF_ROLE[channel.role]] = (bins.onset_us / 1e6, bins.low, bins.high)
    return found


def night_picture(part: night.NightPart, title: str, rules: scoring.RuleSet, settings: night.Settings) -> NightPicture:
    """The picture of a detection by `detect_file`.

    Parameters
    ----------
    part
        Its result, made with ``with_picture``.
    title
        Heading.
    rules
        First rule set it was scored with.
    settings
        All numbers of the detectors.
    """
    tables: dict[str, Any] = dict(part.tables)
    shown = tables["night"]["source"][0]
    tables |= {name: night.of_source(tables[name], shown) for name in ("night", "scored_movement")}
    return NightPicture(
        title=title,
        tables=tables,
        hypnogram=tables.get("hypnogram"),
        amplitude=tables["amplitude"],
        duration_s=part.facts["duration_us"] / 1e6,
        epoch_s=settings.detector.epoch_s,
        imi_s=(rules.imi_min_us / 1e6, rules.imi_max_us / 1e6),
        is_simulated=part.facts["is_simulated"],
    )
