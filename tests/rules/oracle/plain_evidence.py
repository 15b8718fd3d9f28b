"""What was seen of a night, and the numbers of the night with their intervals: the second time, in loops."""

from __future__ import annotations

from typing import Any

from . import plain_time
from .rule_numbers import (
    FULL_SCORABLE_PERCENT,
    FULL_SLEEP,
    FULL_STAGED_PERCENT,
    HIDDEN_AT_AN_EDGE,
    LOST_AT_AN_EDGE,
    PERIODICITY_LONGEST,
    PERIODICITY_RUN,
    PERIODICITY_SHORTEST,
)

HOUR = 3_600_000_000


def what_was_seen(night: dict[str, Any]) -> dict[str, Any]:
    """The night with its window, with one list of gaps, and without a leg that was lost for most of the sleep."""
    view = dict(night)
    start = 0 if night["lights_off"] is None else night["lights_off"]
    end = night["duration"] if night["lights_on"] is None else night["lights_on"]
    view["window"] = (start, end)
    view["lights_known"] = night["lights_off"] is not None and night["lights_on"] is not None
    window = [(start, end)] if end > start else []
    staged, asleep, awake = [], [], []
    for onset, duration, label in night["stages"] or []:
        if label == "U":
            continue
        staged.append((onset, onset + duration))
        (awake if label == "W" else asleep).append((onset, onset + duration))
    view["asleep"] = plain_time.shared(asleep, window)
    view["awake"] = plain_time.shared(awake, window)
    view["unstaged"] = plain_time.without(window, staged)
    view["gaps_of"] = {}
    for leg in ("L", "R"):
        mine = [(a, b) for a, b, of in night["gaps"] if of is None or of == leg]
        view["gaps_of"][leg] = plain_time.union(mine)
    view["legs_used"] = night["legs"]
    if night["legs"] == "both":
        half_of = view["asleep"] if night["stages"] is not None else window
        half = plain_time.length(half_of) / 2
        lost = [leg for leg in ("L", "R") if plain_time.length(plain_time.shared(half_of, view["gaps_of"][leg])) > half]
        if len(lost) == 1:
            view["legs_used"] = "right" if lost == ["L"] else "left"
            view["movements"] = [movement for movement in night["movements"] if movement[0] != lost[0]]
        elif len(lost) == 2:
            view["legs_used"] = "neither for long"
    gaps = []
    for a, b, of in night["gaps"]:
        if view["legs_used"] == "left" and of == "R":
            continue
        if view["legs_used"] == "right" and of == "L":
            continue
        gaps.append((a, b))
    view["gaps"] = plain_time.union(gaps)
    return view


def per_hour(count: int, microseconds: int) -> float | None:
    return None if microseconds == 0 else count * HOUR / microseconds


def numbers_of_night(rows: list[dict[str, Any]], view: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    """Counts, times, rates, intervals, class; None is unknown."""
    unknown_durations = any(row["shape"] == "no_duration" and row["in_window"] for row in rows)
    removing = rule["respiratory_related"] == "taken out first"
    no_respiratory = view["respiratory"] is None and rule["respiratory"] is not None
    sleep_only = rule["scores"] != "sleep and wake"

    v = plain_time.length(plain_time.without(view["asleep"], view["gaps"]))
    u = plain_time.length(plain_time.shared(view["asleep"], view["gaps"]))
    w = plain_time.length(view["unstaged"])
    hidden = u + plain_time.length(plain_time.shared(view["unstaged"], view["gaps"]))
    wake = plain_time.length(plain_time.without(view["awake"], view["gaps"]))
    edges = 0
    for start, end in view["gaps"]:
        for edge in (start, end):
            if view["window"][0] < edge < view["window"][1]:
                edges += 1

    counted = [row for row in rows if row["in_window"] and not row["in_gap"] and row["is_lm"]]
    if sleep_only:
        counted = [row for row in counted if row["reason"] != "not_in_sleep"]
    candidates = [row for row in counted if row["is_candidate"]]
    plm = [row for row in counted if row["is_plm"]]
    plms = [row for row in plm if row["is_asleep"]]
    plms_nr = [row for row in counted if row["is_plm_nr"] and row["is_asleep"]]
    candidates_asleep = [row for row in candidates if row["is_asleep"]]
    if sleep_only:
        unstaged_plm = unstaged_plm_nr = unstaged_candidates = sum(row["would_be"] for row in rows)
    else:
        unstaged_plm = sum(row["stage"] == "U" for row in plm)
        unstaged_plm_nr = sum(row["is_plm_nr"] and row["stage"] == "U" for row in counted)
        unstaged_candidates = sum(row["stage"] == "U" for row in candidates)

    out: dict[str, Any] = {
        "tst_h": (v + u) / HOUR,
        "sleep_scorable_h": v / HOUR,
        "n_lm": len(counted),
        "n_clm": len(candidates),
        "n_plm": len(plm),
        "n_plms": len(plms),
        "n_plms_nr": len(plms_nr),
        "n_plmw": None if sleep_only else sum(row["stage"] == "W" for row in plm),
        "plmsi": per_hour(len(plms), v),
        "plmsi_nr": per_hour(len(plms_nr), v),
        "plmwi": None,
        "plms_arousal_index": None,
        "periodicity_index_ferri": ferri(rows, rule),
        "plm_clm_ratio": len(plms) / len(candidates_asleep) if candidates_asleep else None,
    }
    if view["lights_known"] and not sleep_only:
        out["plmwi"] = per_hour(out["n_plmw"], wake)
    if view["arousals"] is not None and rule["arousal_below"] is not None:
        out["plms_arousal_index"] = per_hour(sum(bool(row["arousal"]) for row in plms), v)

    r = rule["endless_train_per_h"]
    boundless = view["legs_used"] != "both" or view["stages"] is None or unknown_durations or (v + u == 0 and w > 0)
    for suffix, n, m in (("", len(plms), unstaged_plm), ("_nr", len(plms_nr), unstaged_plm_nr)):
        unknown = no_respiratory and (removing or suffix == "_nr")
        if unknown:
            n, m = len(candidates_asleep), unstaged_candidates
        if v + u + w == 0:
            lo = hi = None
        elif boundless:
            lo, hi = 0.0, float(r)
        else:
            lo = 0.0 if unknown else max(0, n - LOST_AT_AN_EDGE * edges) * HOUR / (v + u + w)
            hi = (n + m + r * hidden / HOUR + HIDDEN_AT_AN_EDGE * edges) * HOUR / (v + hidden)
            hi = min(float(r), hi)
            point = out["plmsi" + suffix]
            if point is not None and not unknown:
                hi = max(hi, point)
        out[f"plmsi{suffix}_lo"], out[f"plmsi{suffix}_hi"] = lo, hi

    if no_respiratory:
        out["n_plms_nr"] = out["plmsi_nr"] = None
        if removing:
            for name in ("n_plm", "n_plms", "n_plmw", "plmsi", "plmwi", "plms_arousal_index",
                         "periodicity_index_ferri", "plm_clm_ratio"):  # fmt: skip
                out[name] = None
    if unknown_durations:
        for name in ("n_clm", "n_plm", "n_plms", "n_plms_nr", "n_plmw", "plmsi", "plmsi_nr", "plmwi",
                     "plms_arousal_index", "periodicity_index_ferri", "plm_clm_ratio"):  # fmt: skip
            out[name] = None
    if view["stages"] is None:
        for name in ("tst_h", "sleep_scorable_h", "n_plms", "n_plms_nr", "n_plmw", "plmsi", "plmsi_nr", "plmwi",
                     "plms_arousal_index", "periodicity_index_ferri", "plm_clm_ratio"):  # fmt: skip
            out[name] = None
    out["evidence_class"] = evidence_class(view, v, u, w, unknown_durations)
    return out


def ferri(rows: list[dict[str, Any]], rule: dict[str, Any]) -> float | None:
    """Intervals in runs of three and more of 10 to 90 s, as a share of all intervals; sleep only."""
    n_intervals = n_periodic = 0
    run = 0
    for row in [*rows, None]:
        interval = None
        if row is not None:
            if not row["is_candidate"] or row["ignored"]:
                continue
            if rule["respiratory_related"] == "taken out first" and row["respiratory"]:
                continue
            if row["imi"] is not None and row["is_asleep"]:
                interval = row["imi"]
                n_intervals += 1
        if interval is not None and PERIODICITY_SHORTEST <= interval <= PERIODICITY_LONGEST:
            run += 1
        else:
            if run >= PERIODICITY_RUN:
                n_periodic += run
            run = 0
    return n_periodic / n_intervals if n_intervals else None


def evidence_class(view: dict[str, Any], v: int, u: int, w: int, unknown_durations: bool) -> str:
    window = max(0, view["window"][1] - view["window"][0])
    if view["stages"] is None or v == 0:
        return "none"
    if view["legs_used"] == "combined":
        return "combined"
    if view["legs_used"] != "both":
        return "one_leg"
    complete = (
        100 * v >= FULL_SCORABLE_PERCENT * (v + u)
        and v >= FULL_SLEEP
        and 100 * (window - w) >= FULL_STAGED_PERCENT * window
        and not unknown_durations
    )
    return "full" if complete else "partial"
