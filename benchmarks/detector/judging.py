"""Detected movements against the truth: F1 at IoU >= 0.5, PLMS-index error, errors of onset and offset."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from plms_pipeline import night, scoring
from plms_pipeline.simulate.conditions import Recording
from plms_pipeline.simulate.envelopes import LegEvents

LEAST_IOU = 0.5
# A candidate lasts at most 10 s (WASM/IRLSSG 2016): this near to it a hundredth of a second ends a series or does not.
CANDIDATE_LIMIT_S, NEAR_LIMIT_S = 10.0, 0.25
_LEG_CODES = {"left": scoring.LEFT, "right": scoring.RIGHT, "combined": scoring.COMBINED}
_US = 1_000_000
_EPOCH_US = 30 * _US


class Detected(NamedTuple):
    """Movements of one leg, int64 (n,), sorted by onset; stretches that the detector itself calls unscorable."""

    onset_us: np.ndarray
    offset_us: np.ndarray
    unusable: tuple[tuple[int, int], ...] = ()


class LegVerdict(NamedTuple):
    """Counts and errors of one leg; ``counted`` (bool, n_detected): what enters the index; ``partner``: match or -1."""

    n_hit: int
    n_missed: int
    n_extra: int
    onset_error_s: np.ndarray
    offset_error_s: np.ndarray
    missed_us: np.ndarray
    extra_us: np.ndarray
    counted: np.ndarray
    partner: np.ndarray


class Verdict(NamedTuple):
    """One recording: counts over its legs, PLMS index (true, found; per hour; None without), errors in seconds."""

    n_hit: int
    n_missed: int
    n_extra: int
    index_true_per_h: float | None
    index_found_per_h: float | None
    onset_error_s: np.ndarray
    offset_error_s: np.ndarray


def f1(n_hit: int, n_missed: int, n_extra: int) -> float:
    """F1; 1 when there was nothing to find and nothing was found."""
    all_of_both = 2 * n_hit + n_missed + n_extra
    return 2 * n_hit / all_of_both if all_of_both else 1.0


def judge_leg(events: LegEvents, found: Detected) -> LegVerdict:
    """Match detections to true movements that share at least half of their union.

    A doubtful event is neither missed nor extra, and a detection that overlaps one without being a match is left out
    too. Every other detection without a match is extra, every other true movement without one is missed.
    """
    is_sure = events.is_movement & ~events.is_doubtful
    onset, offset = events.onset_us, events.offset_us
    matched_events = np.zeros(onset.size, dtype=np.bool_)
    n_found = found.onset_us.size
    partner = np.full(n_found, -1, dtype=np.int64)
    touches_doubtful = np.zeros(n_found, dtype=np.bool_)
    touches_sure = np.zeros(n_found, dtype=np.bool_)
    for k in range(n_found):
        a, b = int(found.onset_us[k]), int(found.offset_us[k])
        near = np.flatnonzero((onset < b) & (offset > a))
        inner = np.minimum(offset[near], b) - np.maximum(onset[near], a)
        outer = np.maximum(offset[near], b) - np.minimum(onset[near], a)
        touches_doubtful[k] = bool(events.is_doubtful[near].any())
        touches_sure[k] = bool(is_sure[near].any())
        for i in near[(inner >= LEAST_IOU * outer) & is_sure[near]]:
            if not matched_events[i]:
                matched_events[i] = True
                partner[k] = i
                break
    hit = partner >= 0
    is_extra = ~hit & ~touches_doubtful
    missed = is_sure & ~matched_events
    return LegVerdict(
        int(hit.sum()),
        int(missed.sum()),
        int(is_extra.sum()),
        (found.onset_us[hit] - onset[partner[hit]]) / 1e6,
        (found.offset_us[hit] - offset[partner[hit]]) / 1e6,
        onset[missed],
        found.onset_us[is_extra],
        hit | is_extra | (touches_sure & ~hit),
        partner,
    )


def judge(recording: Recording, found: dict[str, Detected]) -> Verdict:
    """Counts, PLMS index and errors of one recording; a leg without an entry has no detection."""
    verdicts, rows, true_rows, spans, true_spans = [], [], [], [], []
    for name, leg in recording.legs.items():
        code = _LEG_CODES[name]
        mine = found.get(name, Detected(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)))
        verdict = judge_leg(leg.events, mine)
        verdicts.append(verdict)
        length_s = (leg.events.offset_us - leg.events.onset_us) / 1e6
        is_at_limit = np.abs(length_s - CANDIDATE_LIMIT_S) < NEAR_LIMIT_S
        sure = leg.events.is_movement & ~leg.events.is_doubtful & ~is_at_limit
        true_rows += [(code, a, b) for a, b in zip(leg.events.onset_us[sure], leg.events.offset_us[sure], strict=True)]
        use = verdict.counted & ~np.append(is_at_limit, False)[verdict.partner]
        rows += [(code, a, b) for a, b in zip(mine.onset_us[use], mine.offset_us[use], strict=True)]
        true_spans += [(a, b, code) for a, b, _ in leg.unusable]
        spans += [(a, b, code) for a, b in mine.unusable]
    return Verdict(
        sum(v.n_hit for v in verdicts),
        sum(v.n_missed for v in verdicts),
        sum(v.n_extra for v in verdicts),
        plms_index(recording, true_rows, true_spans),
        plms_index(recording, rows, spans),
        np.concatenate([v.onset_error_s for v in verdicts]),
        np.concatenate([v.offset_error_s for v in verdicts]),
    )


@lru_cache
def _rules() -> tuple[tuple[scoring.RuleSet, ...], scoring.EvidenceSettings]:
    return night.load_rule_sets(["wasm2016"]), night.load_evidence()


def plms_index(
    recording: Recording, rows: list[tuple[int, int, int]], spans: list[tuple[int, int, int]]
) -> float | None:
    """PLMS per hour of scorable sleep by WASM/IRLSSG 2016 from (leg, onset, offset) in µs and unusable spans."""
    rules, evidence = _rules()
    legs = "both" if len(recording.legs) == 2 else next(iter(recording.legs))
    at = np.arange(len(recording.stages), dtype=np.int64) * _EPOCH_US
    scored = scoring.score(
        scoring.NightInput(
            scoring.make_movements([r[0] for r in rows], [int(r[1]) for r in rows], [int(r[2]) for r in rows]),
            scoring.make_stages(at, at + _EPOCH_US, list(recording.stages)),
            scoring.make_respiratory([], []),
            None,
            scoring.make_spans([s[0] for s in spans], [s[1] for s in spans], [s[2] for s in spans]),
            round(recording.duration_s * _US),
            (None, None),
            legs,
            evidence,
            arousals_state="not_scored",
        ),
        list(rules),
    )
    index = scored[0].night["plmsi_per_h"]
    return None if index is None else float(index)
