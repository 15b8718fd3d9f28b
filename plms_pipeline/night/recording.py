"""The row of table ``recording``: one for every recording of the sheet, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.night.part import ID_NAMES, Ids

_CHANNELS = {"left": "channel_left", "right": "channel_right", "combined": "channel_combined", "ecg": "channel_ecg"}


def recording_columns(
    ids: Ids,
    *,
    outcome: str,
    outcome_reason: str | None,
    pap_this_night: str,
    digest: tuple[str | None, str | None, int | None] = (None, None, None),
    detected: Mapping[str, Any] | None = None,
    scored: Mapping[str, Any] | None = None,
    findings: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Columns (one row) of table ``recording``.

    Parameters
    ----------
    ids
        ``recording_id``, ``cohort``, ``subject_id``, ``visit``.
    outcome, outcome_reason
        How the recording ended.
    pap_this_night
        yes, no or unknown.
    digest
        Digest, its kind and the size of the file in bytes, as far as known.
    detected, scored
        Facts of the detect and score stage; None when the recording did not get there.
    findings
        Findings (code, severity, text) beyond those in the facts.

    Returns
    -------
    dict
        Column → list of one value; what is not known is None.
    """
    row: dict[str, Any] = dict.fromkeys(contracts.table("recording").column_names)
    row |= {name: ids[name] for name in ID_NAMES}
    row |= {"outcome": outcome, "outcome_reason": outcome_reason, "pap_this_night": pap_this_night}
    row |= dict(zip(("digest", "digest_kind", "n_bytes"), digest, strict=True))
    if detected is not None:
        row |= _file_and_channels(detected)
    if detected is not None and scored is not None:
        row |= _evidence(scored)
        start_us, end_us = scored["window_us"]
        row["window_start_s"] = 0.0 if start_us is None else start_us / 1e6
        row["window_end_s"] = detected["declared_us"] / 1e6 if end_us is None else end_us / 1e6
    noticed = [tuple(item) for facts in (detected, scored) if facts for item in facts["findings"]]
    noticed += [tuple(item) for item in findings if tuple(item) not in noticed]
    row["n_findings"] = len(noticed)
    row["findings"] = sorted({code for code, _, _ in noticed})
    row["finding_texts"] = [f"{code} ({severity}): {text}" for code, severity, text in noticed]
    return {name: [value] for name, value in row.items()}


def _file_and_channels(facts: Mapping[str, Any]) -> dict[str, Any]:
    header = facts["header"]
    channels = facts["channels"]
    legs = [channels[role] for role in ("left", "right", "combined") if role in channels]
    return {
        "file_format": header["format"],
        "n_signals": header["n_signals"],
        "n_records": header["n_records"],
        "record_duration_s": header["record_duration_s"],
        "start_time_of_day": None if facts["start"] is None else facts["start"].rpartition("T")[2],
        "duration_s": facts["duration_us"] / 1e6,
        "missing_end_s": (facts["declared_us"] - facts["duration_us"]) / 1e6,
        "n_gaps": len(facts["gaps_us"]),
        "gap_s": sum(end - begin for begin, end in facts["gaps_us"]) / 1e6,
        "layout": facts["layout"],
        "sensor": facts["sensor"],
        "channel_rule": facts["decision"]["rule"],
        "channel_choice": facts["decision"]["reason"],
        "legs_used": None if facts["exclusion"] else facts["legs_used"],
        "leg_fs_hz": [leg["fs_hz"] for leg in legs] or None,
        "leg_unit": [leg["unit"] for leg in legs] or None,
        **{column: channels[role]["label"] if role in channels else None for role, column in _CHANNELS.items()},
    }


def _evidence(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "window_basis": facts["window_basis"],
        "stages_state": facts["stages_state"],
        "respiratory_state": facts["respiratory_state"],
        "arousals_state": facts["arousals_state"],
        "annotation_sources": facts["sources"],
    }
