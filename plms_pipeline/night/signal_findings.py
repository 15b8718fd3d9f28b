"""Findings about the signal of the legs: copies, shared electrodes, ECG in a leg, a wrong unit, nothing to score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plms_pipeline import emg, ingest

# Reason of an unusable span → finding when it holds for nearly the whole recording of a leg.
_WHOLE_NIGHT = {
    "flat": "leg_flat",
    "railed": "leg_railed",
    "rest_above_limit": "leg_rest_above_limit",
    "band_too_narrow": "leg_band_too_narrow",
    "segment_too_short": "leg_segments_too_short",
}
_OTHER_SIDE = {"left": "right", "right": "left"}


def signal_findings(
    recording: ingest.Recording,
    found: Mapping[str, Any],
    comparison: Mapping[str, Any],
    checks: emg.SignalChecks,
    band_hz: tuple[float, float],
) -> list[ingest.Finding]:
    """What the signal itself says against the channels that were chosen.

    Parameters
    ----------
    recording
        The opened recording.
    found
        Role of a leg (left, right, combined) → its `emg.LegResult` or `emg.PiezoResult`.
    comparison
        Of `emg.compare_legs`; empty without two legs.
    checks
        All numbers.
    band_hz
        Band of the sensor.

    Returns
    -------
    list of Finding
        In the order of the legs. None of them moves a movement, but of two identical legs only one is scored.
    """
    findings = _sides(recording)
    for channel in recording.legs:
        name = f"{channel.role} '{channel.label}'"
        findings += _whole_night(name, found[channel.role], checks)
        if recording.sensor != "piezo":
            findings += _units(name, channel, checks, band_hz)
            findings += _ecg(name, channel, recording.ecg, found[channel.role], checks, band_hz)
    r = comparison.get("leg_correlation")
    if comparison.get("is_duplicate_suspected"):
        findings.append(ingest.finding("legs_identical", f"correlation {r:.3f}"))
    elif comparison.get("is_swap_suspected"):
        findings.append(ingest.finding("legs_share_signal", f"correlation {r:.2f}"))
    return findings


def _sides(recording: ingest.Recording) -> list[ingest.Finding]:
    """Declared sides against the sides that the labels name."""
    findings = []
    for channel in recording.legs:
        named = {ingest.role_of(label) for label in channel.source_labels}
        other = _OTHER_SIDE.get(channel.role)
        if other and named and named <= {other, f"{other}_1", f"{other}_2"}:
            findings.append(ingest.finding("sides_contradict_labels", f"{channel.role}: '{channel.label}'"))
    return findings


def _whole_night(name: str, result: Any, checks: emg.SignalChecks) -> list[ingest.Finding]:
    recorded_us = float(result.quality["recorded_min"]) * 60e6
    findings = []
    for reason, code in _WHOLE_NIGHT.items():
        lost_us = sum(offset - onset for onset, offset, why in result.unusable if why == reason)
        if recorded_us and lost_us >= checks.whole_night_fraction * recorded_us:
            findings.append(ingest.finding(code, name))
    return findings


def _units(
    name: str, channel: ingest.Channel, checks: emg.SignalChecks, band_hz: tuple[float, float]
) -> list[ingest.Finding]:
    segments = [(segment.start_us, segment.samples) for segment in channel.segments]
    level = emg.signal_level(segments, channel.fs_hz, checks, band_hz, channel.lowpass_hz)
    if level is None:
        return []
    if level.quiet > checks.unit_too_large_uv:
        return [ingest.finding("leg_unit_too_large", f"{name}: {level.quiet:.0f} µV RMS at its quietest")]
    if level.loud < checks.unit_too_small_uv:
        return [ingest.finding("leg_unit_too_small", f"{name}: {level.loud:.1e} µV RMS at its loudest")]
    return []


def _ecg(
    name: str,
    channel: ingest.Channel,
    ecg: ingest.Channel | None,
    result: Any,
    checks: emg.SignalChecks,
    band_hz: tuple[float, float],
) -> list[ingest.Finding]:
    if ecg is not None:
        pair = [[(segment.start_us, segment.samples) for segment in one.segments] for one in (channel, ecg)]
        r = emg.shared_correlation(pair[0], pair[1], channel.fs_hz, ecg.fs_hz, checks, band_hz)
        if r is not None and abs(r) >= checks.duplicate_correlation:
            return [ingest.finding("leg_is_ecg", f"{name} and '{ecg.label}': correlation {r:.3f}")]
    height_uv = result.quality.get("ecg_uv")
    if height_uv is not None and height_uv >= checks.ecg_level_uv:
        return [ingest.finding("leg_ecg_level", f"{name}: {height_uv:.0f} µV")]
    return []
