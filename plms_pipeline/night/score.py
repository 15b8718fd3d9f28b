"""The events of one night: scoring under every rule set, without the signal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, ingest, scoring
from plms_pipeline.night.part import ID_NAMES, LEG_CODE, Ids, NightPart, microseconds, seconds, with_ids


def movements_of(part: NightPart) -> scoring.Movements:
    """The kept movements of a detection as the scorer takes them."""
    rows = part.tables["leg_movement"]
    kept = np.asarray(rows["is_kept"], dtype=bool)
    legs = np.array([LEG_CODE[leg] for leg in rows["leg"]], dtype=np.int8)
    morphology = [True if value is None else bool(value) for value in rows["has_morphology"]]
    return scoring.make_movements(
        legs[kept],
        microseconds(rows["onset_s"])[kept],
        microseconds(rows["offset_s"])[kept],
        np.asarray(morphology, dtype=bool)[kept],
        np.asarray(rows["is_truncated"], dtype=bool)[kept],
    )


def gaps_of(part: NightPart) -> scoring.Spans:
    """Gaps of the recording and its missing end (both legs), and unusable stretches (their leg) of a detection."""
    rows = part.tables["unusable_span"]
    end_us, declared_us = part.facts["duration_us"], part.facts["declared_us"]
    gaps = [*part.facts["gaps_us"], *([[end_us, declared_us]] if declared_us > end_us else [])]
    onset = [*(gap[0] for gap in gaps), *microseconds(rows["onset_s"]).tolist()]
    offset = [*(gap[1] for gap in gaps), *microseconds(rows["offset_s"]).tolist()]
    return scoring.make_spans(onset, offset, [scoring.BOTH_LEGS] * len(gaps) + [LEG_CODE[leg] for leg in rows["leg"]])


class Window(NamedTuple):
    """Analysis window; microseconds from the start, None = unknown; basis from the code list ``window_basis``."""

    lights_off_us: int | None
    lights_on_us: int | None
    basis: str


def window_of(annotations: ingest.Annotations, sheet_window_us: tuple[int | None, int | None]) -> Window:
    """Lights off and on: those of the sheet win over those of the annotations, each end by itself."""
    given = [(value, "sheet") for value in sheet_window_us]
    marked = [(value, "annotations") for value in (annotations.lights_off_us, annotations.lights_on_us)]
    chosen = [first if first[0] is not None else second for first, second in zip(given, marked, strict=True)]
    bases = {basis for value, basis in chosen if value is not None}
    basis = "recording" if not bases else "sheet" if "sheet" in bases else "annotations"
    return Window(chosen[0][0], chosen[1][0], basis)


def score_night(
    ids: Ids,
    detected: NightPart,
    annotations: ingest.Annotations,
    window: Window,
    rule_sets: Sequence[scoring.RuleSet],
    evidence: scoring.EvidenceSettings,
) -> NightPart:
    """Score detected movements under every rule set; sees events, never the signal.

    Parameters
    ----------
    ids
        As `detect_night`.
    detected
        Its result.
    annotations
        Stages, respiratory events, arousals, lights; what was not looked for is None.
    window
        Of `window_of`.
    rule_sets, evidence
        All numbers of the scoring.

    Returns
    -------
    NightPart
        Tables ``scored_movement``, ``night``, ``sleep_stage``, ``event``; facts with the evidence states, the window
        and the apnea-hypopnea index.
    """
    stages, respiratory, arousals = annotations.stages, annotations.respiratory, annotations.arousals
    night = scoring.NightInput(
        movements=None if detected.facts["exclusion"] else movements_of(detected),
        stages=None
        if stages is None
        else scoring.make_stages(stages.onset_us, stages.onset_us + stages.duration_us, stages.stage),
        respiratory=None
        if respiratory is None
        else scoring.make_respiratory(
            respiratory.onset_us, respiratory.offset_us, [kind == "rera" for kind in respiratory.type]
        ),
        arousals=None if arousals is None else scoring.make_spans(arousals.onset_us, arousals.offset_us),
        gaps=gaps_of(detected),
        duration_us=detected.facts["declared_us"],
        window=(window.lights_off_us, window.lights_on_us),
        legs=detected.facts["legs_used"],
        evidence=evidence,
        stages_state=annotations.stages_state,
        respiratory_state=annotations.respiratory_state,
        arousals_state=annotations.arousals_state,
        window_basis=window.basis,
        no_leg_reason=_NO_LEG.get(detected.facts["exclusion"], "no_usable_leg"),
    )
    tables = scored_tables(scoring.score(night, rule_sets))
    tables["sleep_stage"] = _stage_rows(annotations)
    tables["event"] = _event_rows(annotations)
    ahi: float | None = None
    ahi_reason: str | None = "respiratory_not_scored"
    if respiratory is not None and annotations.respiratory_state == "scored":
        ahi, ahi_reason = scoring.apnea_hypopnea_per_h(
            respiratory.onset_us, respiratory.type, night.stages, night.window, night.duration_us
        )
    facts = {
        "stages_state": annotations.stages_state,
        "respiratory_state": annotations.respiratory_state,
        "arousals_state": annotations.arousals_state,
        "window_us": [window.lights_off_us, window.lights_on_us],
        "window_basis": window.basis,
        "ahi_per_h": ahi,
        "ahi_reason": ahi_reason,
        "sources": list(annotations.sources),
        "findings": [list(item) for item in annotations.findings],
    }
    return NightPart({name: with_ids(name, ids, rows) for name, rows in tables.items()}, facts)


# Outcome reasons of an excluded recording → why its indices are null (code list ``index_reason``).
_NO_LEG = {"sensor_piezo": "sensor_not_emg", "sensor_unknown": "sensor_not_declared"}


def scored_tables(scored: Sequence[scoring.Scored]) -> dict[str, dict[str, Any]]:
    """The tables ``scored_movement`` and ``night`` (without ids) of all rule sets, one after the other."""
    movements: dict[str, list[Any]] = {}
    nights: dict[str, list[Any]] = {}
    for one in scored:
        for name, values in one.movements.items():
            movements.setdefault(name, []).extend(list(values))
        for name, value in one.night.items():
            nights.setdefault(name, []).append(value)
    return {"scored_movement": movements, "night": nights}


def _stage_rows(annotations: ingest.Annotations) -> dict[str, Any]:
    stages = annotations.stages
    if stages is None:
        return {name: [] for name in contracts.table("sleep_stage").column_names if name not in ID_NAMES}
    return {
        "onset_s": seconds(stages.onset_us),
        "duration_s": seconds(stages.duration_us),
        "stage": list(stages.stage),
        "source_label": list(stages.label),
        "scorer": [None] * len(stages.stage),
        "source": list(stages.source),
    }


def _event_rows(annotations: ingest.Annotations) -> dict[str, Any]:
    events = annotations.events
    offsets = [None if off == ingest.NO_DURATION else off / 1e6 for off in events.offset_us.tolist()]
    return {
        "event_index": list(range(len(offsets))),
        "onset_s": seconds(events.onset_us),
        "offset_s": offsets,
        "type": list(events.type),
        "event_class": [ingest.class_of(kind) for kind in events.type],
        "leg": [leg or None for leg in events.leg],
        "source_label": list(events.label),
        "source": list(events.source),
    }
