"""The events of one night: scoring under every rule set, without the signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, ingest, scoring
from plms_pipeline.night.human import human_marks
from plms_pipeline.night.part import ID_NAMES, LEG_CODE, Ids, NightPart, microseconds, seconds, with_ids
from plms_pipeline.night.sources import DETECTOR, score_sources

_USED = {"both": ("L", "R"), "left": ("L",), "right": ("R",), "combined": ("C",)}


def movements_of(part: NightPart) -> scoring.Movements | None:
    """The kept movements of the legs that are used, as the scorer takes them; None without a leg that can be scored."""
    if part.facts["exclusion"] is not None or part.facts["legs_used"] == "none":
        return None
    rows = part.tables["leg_movement"]
    used = _USED[part.facts["legs_used"]]
    kept = np.array([bool(kept) and leg in used for kept, leg in zip(rows["is_kept"], rows["leg"], strict=True)], bool)
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
    main: str = DETECTOR,
) -> NightPart:
    """Score detected movements and human leg marks under every rule set; sees events, never the signal.

    Parameters
    ----------
    ids
        As `detect_night`.
    detected
        Its result.
    annotations
        Stages, respiratory events, arousals, lights, leg marks; what was not looked for is None.
    window
        Of `window_of`.
    rule_sets, evidence
        All numbers of the scoring.
    main
        `detector` or `annotation`: the source of movements that phenotypes, analysis and reports use.

    Returns
    -------
    NightPart
        Tables ``scored_movement``, ``night``, ``movement_agreement``, ``sleep_stage``, ``event``; facts with the
        evidence states, the window, the apnea-hypopnea index, the main source and the number of leg marks.
    """
    stages, respiratory, arousals = annotations.stages, annotations.respiratory, annotations.arousals
    night = scoring.NightInput(
        movements=movements_of(detected),
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
        no_leg_reason=no_leg_reason(detected.facts),
    )
    scored = score_sources(
        night, rule_sets, detected.facts, human_marks(annotations, detected.facts["legs_used"]), main
    )
    tables = scored.tables
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
        "main_source": scored.main,
        "n_leg_marks": scored.n_marks,
        "findings": [list(item) for item in (*annotations.findings, *scored.findings)],
    }
    return NightPart({name: with_ids(name, ids, rows) for name, rows in tables.items()}, facts)


def no_leg_reason(facts: Mapping[str, Any]) -> str:
    """Why the indices of a recording without a leg to score are null (code list ``index_reason``)."""
    if facts["exclusion"] is not None:
        return "sensor_not_declared" if facts["exclusion"] == "sensor_unknown" else "no_usable_leg"
    return "leg_unscorable" if facts["legs_used"] == "none" else "no_usable_leg"


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
