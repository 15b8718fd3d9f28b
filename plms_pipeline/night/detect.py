"""The signal of one night: leg movements and signal quality, without annotations or clinical data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plms_pipeline import contracts, emg, ingest
from plms_pipeline.night.part import ID_NAMES, LEG_OF_ROLE, Ids, NightPart, seconds, with_ids

_EMG_SENSORS = ("emg", "assumed_emg")


def exclusion(recording: ingest.Recording) -> str | None:
    """Why the legs of an opened recording cannot be scored by EMG criteria (code list ``outcome_reason``), or None."""
    if not recording.legs:
        errors = [item.code for item in recording.findings if item.severity == "error"]
        known = contracts.codes("outcome_reason").values
        return next((code for code in errors if code in known), "no_leg_channel")
    if recording.sensor not in _EMG_SENSORS:
        return "sensor_piezo" if recording.sensor == "piezo" else "sensor_unknown"
    return None


def detect_night(ids: Ids, recording: ingest.Recording, detector: emg.Detector) -> NightPart:
    """Leg movements and signal quality of a recording; sees the signal, never annotations or clinical data.

    Parameters
    ----------
    ids
        ``recording_id``, ``cohort``, ``subject_id``, ``visit``.
    recording
        The opened recording; legs in µV on the real time line.
    detector
        All numbers of the detector.

    Returns
    -------
    NightPart
        Tables ``leg_movement``, ``unusable_span``, ``signal_quality``, ``signal_quality_epoch``; facts about the file,
        the channels and what was found. A recording without a usable leg has empty tables and ``exclusion``.
    """
    excluded = exclusion(recording)
    found: dict[str, emg.LegResult] = {}
    for channel in recording.legs if excluded is None else ():
        found[LEG_OF_ROLE[channel.role]] = _detect_leg(channel, recording, detector)
    comparison = _compare(recording, detector) if {"L", "R"} <= found.keys() else {}
    tables = {
        "leg_movement": _movements(found),
        "unusable_span": _unusable(found),
        "signal_quality": _quality(found, comparison),
        "signal_quality_epoch": _epochs(found),
    }
    facts = {
        "duration_us": recording.duration_us,
        "declared_us": recording.duration_us + _missing_end_us(recording.header),
        "gaps_us": [list(gap) for gap in recording.gaps],
        "start": recording.start,
        "layout": recording.layout,
        "sensor": recording.sensor,
        "legs": sorted(found),
        "legs_used": _legs_used(found),
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
        "findings": [list(item) for item in recording.findings],
        "exclusion": excluded,
    }
    return NightPart({name: with_ids(name, ids, rows) for name, rows in tables.items()}, facts)


def _missing_end_us(header: Mapping[str, Any]) -> int:
    """Length that the header declares and a truncated file does not hold: unknown time, not absent time."""
    missing = max(0, header["n_records_declared"] - header["n_records"])
    return round(missing * header["record_duration_s"] * 1e6)


def _detect_leg(channel: ingest.Channel, recording: ingest.Recording, detector: emg.Detector) -> emg.LegResult:
    ecg = recording.ecg
    return emg.detect_leg(
        [(segment.start_us, segment.samples) for segment in channel.segments],
        channel.fs_hz,
        detector,
        rail_low_uv=channel.rail_low_uv,
        rail_high_uv=channel.rail_high_uv,
        lowpass_hz=channel.lowpass_hz,
        ecg=None if ecg is None else [(segment.start_us, segment.samples) for segment in ecg.segments],
        ecg_fs_hz=None if ecg is None else ecg.fs_hz,
    )


def _compare(recording: ingest.Recording, detector: emg.Detector) -> Mapping[str, Any]:
    left, right = (next(c for c in recording.legs if c.role == role) for role in ("left", "right"))
    return emg.compare_legs(
        [(segment.start_us, segment.samples) for segment in left.segments],
        [(segment.start_us, segment.samples) for segment in right.segments],
        left.fs_hz,
        right.fs_hz,
        detector,
    )


def _legs_used(found: Mapping[str, Any]) -> str:
    names = {(): "none", ("C",): "combined", ("L",): "left", ("R",): "right", ("L", "R"): "both"}
    return names[tuple(sorted(found))]


def _movements(found: Mapping[str, emg.LegResult]) -> dict[str, Any]:
    names = ("peak_uv", "resting_uv", "has_morphology", "is_kept", "reject_reason", "is_truncated")
    rows = [
        (leg, onset, offset, *values)
        for leg, result in found.items()
        for onset, offset, *values in zip(
            np.asarray(result.onset_us).tolist(),
            np.asarray(result.offset_us).tolist(),
            *(list(getattr(result, name)) for name in names),
            strict=True,
        )
    ]
    rows.sort(key=lambda row: (row[1], row[0], row[2]))
    columns: dict[str, Any] = {
        "leg": [row[0] for row in rows],
        "onset_s": seconds([row[1] for row in rows]),
        "offset_s": seconds([row[2] for row in rows]),
    }
    columns |= {name: [row[3 + at] for row in rows] for at, name in enumerate(names)}
    return columns | {"source": ["detector"] * len(rows)}


def _unusable(found: Mapping[str, emg.LegResult]) -> dict[str, Any]:
    rows = sorted((on, leg, off, why) for leg, result in found.items() for on, off, why in result.unusable)
    return {
        "leg": [row[1] for row in rows],
        "onset_s": seconds([row[0] for row in rows]),
        "offset_s": seconds([row[2] for row in rows]),
        "reason": [row[3] for row in rows],
    }


def _quality(found: Mapping[str, emg.LegResult], comparison: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"leg": leg, **found[leg].quality, **comparison} for leg in sorted(found)]
    names = [name for name in contracts.table("signal_quality").column_names if name not in ID_NAMES]
    return {name: [row.get(name) for row in rows] for name in names}


def _epochs(found: Mapping[str, emg.LegResult]) -> dict[str, Any]:
    legs = sorted(found)
    columns: dict[str, Any] = {"leg": [leg for leg in legs for _ in np.asarray(found[leg].epochs["epoch_index"])]}
    for name in ("epoch_index", "flags", "rest_uv"):
        values = [np.asarray(found[leg].epochs[name]) for leg in legs]
        columns[name] = np.concatenate(values) if values else []
    return columns
