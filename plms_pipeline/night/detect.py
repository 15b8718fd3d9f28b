"""The signal of one night: leg movements and signal quality, without annotations or clinical data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, emg, ingest
from plms_pipeline.night.family import EMG, NO_FAMILY, PIEZO, SOURCES
from plms_pipeline.night.part import ID_NAMES, LEG_OF_ROLE, Ids, NightPart, seconds, with_ids
from plms_pipeline.night.signal_findings import signal_findings

_EMG_SENSORS = ("emg", "assumed_emg")


class Settings(NamedTuple):
    """All numbers of the signal stage: of the detector of either sensor, and of the findings about the signal."""

    detector: emg.Detector
    piezo: emg.PiezoDetector
    checks: emg.SignalChecks


def exclusion(recording: ingest.Recording) -> str | None:
    """Why no leg of an opened recording can be scored (code list ``outcome_reason``), or None."""
    if not recording.legs:
        errors = [item.code for item in recording.findings if item.severity == "error"]
        known = contracts.codes("outcome_reason").values
        return next((code for code in errors if code in known), "no_leg_channel")
    return None if recording.sensor in (*_EMG_SENSORS, PIEZO) else "sensor_unknown"


def detect_night(ids: Ids, recording: ingest.Recording, settings: Settings) -> NightPart:
    """Leg movements and signal quality of a recording; sees the signal, never annotations or clinical data.

    Parameters
    ----------
    ids
        ``recording_id``, ``cohort``, ``subject_id``, ``visit``.
    recording
        The opened recording; legs in µV on the real time line.
    settings
        All numbers; the sensor of the recording decides between the detectors.

    Returns
    -------
    NightPart
        Tables ``leg_movement``, ``unusable_span``, ``signal_quality``, ``signal_quality_epoch``; facts about the file,
        the channels and what was found. A recording without a usable leg has empty tables and ``exclusion``. Of two
        legs that hold the same signal the left is scored; a leg of which next to nothing can be scored is not used.
    """
    excluded = exclusion(recording)
    legs = recording.legs if excluded is None else ()
    beats_us = _beats_us(recording, settings) if legs else None
    by_role = {channel.role: _detect_leg(channel, recording, settings, beats_us) for channel in legs}
    found = {LEG_OF_ROLE[role]: result for role, result in by_role.items()}
    comparison: Mapping[str, Any] = {}
    findings = list(recording.findings)
    if legs:
        band_hz = _band_hz(recording, settings)
        if {"L", "R"} <= found.keys():
            comparison = _compare(recording, settings.checks, band_hz)
        findings += signal_findings(recording, by_role, comparison, settings.checks, band_hz)
    copy = "R" if comparison.get("is_duplicate_suspected") else None
    scorable = {leg for leg, result in found.items() if _is_scorable(result, settings.checks)}
    tables = {
        "leg_movement": _movements(found, copy),
        "unusable_span": _unusable(found),
        "signal_quality": _quality(found, comparison, scorable),
        "signal_quality_epoch": _epochs(found),
    }
    facts = {
        "duration_us": recording.duration_us,
        "declared_us": recording.duration_us + _missing_end_us(recording.header),
        "gaps_us": [list(gap) for gap in recording.gaps],
        "start": recording.start,
        "legs_digest": ingest.legs_digest(recording),
        "layout": recording.layout,
        "sensor": recording.sensor,
        "family": NO_FAMILY if excluded is not None else PIEZO if recording.sensor == PIEZO else EMG,
        "legs": sorted(found),
        "legs_used": _legs_used(scorable - {copy}),
        "channels": {
            channel.role: {
                "label": channel.label,
                "fs_hz": channel.fs_hz,
                "reason": channel.reason,
                "unit": channel.unit,
            }
            for channel in (*recording.legs, *((recording.ecg,) if recording.ecg else ()))
        },
        "decision": {"rule": recording.decision.rule, "reason": recording.decision.reason},
        "header": recording.header,
        "findings": [list(item) for item in findings],
        "exclusion": excluded,
    }
    return NightPart({name: with_ids(name, ids, rows) for name, rows in tables.items()}, facts)


def _missing_end_us(header: Mapping[str, Any]) -> int:
    """Length that the header declares and a truncated file does not hold: unknown time, not absent time."""
    missing = max(0, header["n_records_declared"] - header["n_records"])
    return round(missing * header["record_duration_s"] * 1e6)


def _segments(channel: ingest.Channel) -> list[tuple[int, np.ndarray]]:
    return [(segment.start_us, segment.samples) for segment in channel.segments]


def _beats_us(recording: ingest.Recording, settings: Settings) -> np.ndarray | None:
    """Heart beats of the ECG channel; None without one, and for a sensor that R waves do not reach."""
    if recording.ecg is None or recording.sensor == PIEZO:
        return None
    return emg.r_peaks_us(_segments(recording.ecg), recording.ecg.fs_hz, settings.detector)


def _detect_leg(
    channel: ingest.Channel, recording: ingest.Recording, settings: Settings, beats_us: np.ndarray | None
) -> emg.LegResult | emg.PiezoResult:
    if recording.sensor == PIEZO:
        return emg.detect_piezo_leg(
            _segments(channel),
            channel.fs_hz,
            settings.piezo,
            rail_low=channel.rail_low_uv,
            rail_high=channel.rail_high_uv,
            lowpass_hz=channel.lowpass_hz,
        )
    return emg.detect_leg(
        _segments(channel),
        channel.fs_hz,
        settings.detector,
        rail_low_uv=channel.rail_low_uv,
        rail_high_uv=channel.rail_high_uv,
        lowpass_hz=channel.lowpass_hz,
        beats_us=beats_us,
    )


def _band_hz(recording: ingest.Recording, settings: Settings) -> tuple[float, float]:
    used = settings.piezo if recording.sensor == PIEZO else settings.detector
    return used.band_low_hz, used.band_high_hz


def _compare(recording: ingest.Recording, checks: emg.SignalChecks, band_hz: tuple[float, float]) -> Mapping[str, Any]:
    left, right = (next(c for c in recording.legs if c.role == role) for role in ("left", "right"))
    return emg.compare_legs(_segments(left), _segments(right), left.fs_hz, right.fs_hz, checks, band_hz)


def _legs_used(legs: Collection[str]) -> str:
    names = {(): "none", ("C",): "combined", ("L",): "left", ("R",): "right", ("L", "R"): "both"}
    return names[tuple(sorted(legs))]


def _is_scorable(result: emg.LegResult | emg.PiezoResult, checks: emg.SignalChecks) -> bool:
    """Whether more of a leg can be scored than scraps: a night is no zero because a minute of it had no movement."""
    scorable, recorded = (float(result.quality[name] or 0.0) for name in ("scorable_min", "recorded_min"))
    return scorable > (1.0 - checks.whole_night_fraction) * recorded


_MOVEMENT_COLUMNS = (
    "peak_uv",
    "resting_uv",
    "has_morphology",
    "peak_over_rest_piezo",
    "is_kept",
    "reject_reason",
    "is_truncated",
)


def _movements(found: Mapping[str, Any], copy: str | None) -> dict[str, Any]:
    rows = []
    for leg, result in found.items():
        n = len(result.onset_us)
        given = {name: _listed(getattr(result, name, None), n) for name in _MOVEMENT_COLUMNS}
        if leg == copy:
            given["reject_reason"] = [why or "duplicate_channel" for why in given["reject_reason"]]
            given["is_kept"] = [False] * n
        source = SOURCES[PIEZO if isinstance(result, emg.PiezoResult) else EMG]
        times = (_listed(result.onset_us, n), _listed(result.offset_us, n))
        rows += [(leg, *row, source) for row in zip(*times, *given.values(), strict=True)]
    rows.sort(key=lambda row: (row[1], row[0], row[2]))
    columns: dict[str, Any] = {
        "leg": [row[0] for row in rows],
        "onset_s": seconds([row[1] for row in rows]),
        "offset_s": seconds([row[2] for row in rows]),
    }
    columns |= {name: [row[3 + at] for row in rows] for at, name in enumerate(_MOVEMENT_COLUMNS)}
    return columns | {"source": [row[-1] for row in rows]}


def _listed(values: Any, n: int) -> list[Any]:
    """Values as a list; unknown where a detector does not measure it."""
    return [None] * n if values is None else np.asarray(values, dtype=object).tolist()


def _unusable(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = sorted((on, leg, off, why) for leg, result in found.items() for on, off, why in result.unusable)
    return {
        "leg": [row[1] for row in rows],
        "onset_s": seconds([row[0] for row in rows]),
        "offset_s": seconds([row[2] for row in rows]),
        "reason": [row[3] for row in rows],
    }


def _quality(found: Mapping[str, Any], comparison: Mapping[str, Any], scorable: Collection[str]) -> dict[str, Any]:
    rows = []
    for leg in sorted(found):
        row = {"leg": leg, **found[leg].quality, **comparison}
        if leg not in scorable:
            # Next to nothing was looked at, so nothing was counted.
            row |= dict.fromkeys(("n_movements", "n_rejected", "n_truncated", "n_tone_changes"))
        rows.append(row)
    names = [name for name in contracts.table("signal_quality").column_names if name not in ID_NAMES]
    return {name: [row.get(name) for row in rows] for name in names}


def _epochs(found: Mapping[str, Any]) -> dict[str, Any]:
    legs = sorted(found)
    n_epochs = {leg: len(found[leg].epochs["epoch_index"]) for leg in legs}
    columns: dict[str, Any] = {"leg": [leg for leg in legs for _ in range(n_epochs[leg])]}
    for name in contracts.table("signal_quality_epoch").column_names:
        if name not in (*ID_NAMES, "leg"):
            parts = [found[leg].epochs.get(name, np.full(n_epochs[leg], np.nan)) for leg in legs]
            columns[name] = np.concatenate(parts) if parts else []
    return columns
