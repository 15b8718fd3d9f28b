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
OF_SERIES = ["n_plm"]
OF_SERIES_IN_SLEEP = ["n_plms", "n_plmw", "plmsi", "plmwi", "plms_arousal_index", "n_arousal_with_plms",
                      "periodicity_index_ferri", "plm_clm_ratio"]  # fmt: skip
OF_SERIES_NR = ["n_plms_nr", "plmsi_nr"]


def what_was_seen(night: dict[str, Any]) -> dict[str, Any]:
    """The night with its window, with one list of gaps, and without a leg that was lost for most of the sleep."""
    view = dict(night)
    start = 0 if night["lights_off"] is None else min(max(night["lights_off"], 0), night["duration"])
    end = night["duration"] if night["lights_on"] is None else min(max(night["lights_on"], start), night["duration"])
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
        half_of = view["asleep"] or window
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
    view["edges"] = [0, night["duration"], start, end]
    for gap in plain_time.shared(view["gaps"], [(0, night["duration"])]):
        view["edges"] += gap
    return view


def is_series_unknown(rows: list[dict[str, Any]], view: dict[str, Any], rule: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the series, and those without respiratory-related movements, cannot be known."""
    unknown = has_unknown_duration(rows) or (rule["scores"] != "sleep and wake" and view["stages"] is None)
    unknown_nr = unknown or rule["respiratory"] is None or not respiratory_known(view)
    if rule["respiratory_related"] == "taken out first":
        return unknown_nr, unknown_nr
    return unknown, unknown_nr


def has_unknown_duration(rows: list[dict[str, Any]]) -> bool:
    """A mark without duration where it could matter: in the window, not in a gap."""
    return any(row["shape"] == "no_duration" and row["in_window"] and not row["in_gap"] for row in rows)


def respiratory_known(view: dict[str, Any]) -> bool:
    return view["respiratory"] is not None and not view["respiratory_partial"]


def per_hour(count: int, microseconds: int) -> float | None:
    return None if microseconds == 0 else count * HOUR / microseconds


def numbers_of_night(rows: list[dict[str, Any]], view: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    """Counts, times, rates, intervals, class; None is unknown."""
    unknown_durations = has_unknown_duration(rows)
    unknown, unknown_nr = is_series_unknown(rows, view, rule)
    sleep_only = rule["scores"] != "sleep and wake"
    time = exposure(view)
    v, u = time["v"], time["u"]

    counted = [row for row in rows if row["in_window"] and not row["in_gap"] and row["is_lm"]]
    counted = [row for row in counted if row["shape"] != "no_duration"]
    candidates = [row for row in counted if row["is_candidate"]]
    candidates_asleep = [row for row in candidates if row["is_asleep"]]
    taking_part = [row for row in candidates_asleep if not (row["respiratory"] and removes_first(rule))]
    plm = [row for row in counted if row["is_plm"]]
    plms = [row for row in plm if row["is_asleep"]]
    plms_nr = [row for row in counted if row["is_plm_nr"] and row["is_asleep"]]

    out: dict[str, Any] = {
        "tst_h": (v + u) / HOUR,
        "sleep_scorable_h": v / HOUR,
        "n_lm": len(counted),
        "n_clm": len(candidates),
        "n_clms": len(candidates_asleep),
        "n_plm": len(plm),
        "n_plms": len(plms),
        "n_plms_nr": len(plms_nr),
        "n_plmw": sum(row["stage"] == "W" for row in plm),
        "plmsi": per_hour(len(plms), v),
        "plmsi_nr": per_hour(len(plms_nr), v),
        "plmwi": per_hour(sum(row["stage"] == "W" for row in plm), time["wake"]),
        "plms_arousal_index": per_hour(sum(row["arousal"] is True for row in plms), v),
        "n_arousal_with_plms": arousals_with(plms, rule),
        "periodicity_index_ferri": ferri(rows, rule),
        "plm_clm_ratio": len(plms) / len(taking_part) if taking_part else None,
        "evidence_class": evidence_class(view, time, unknown_durations),
    }
    for suffix, is_unknown in (("", unknown), ("_nr", unknown_nr)):
        lo, hi = interval(rows, view, rule, time, suffix, is_unknown, out["plmsi" + suffix])
        out[f"plmsi{suffix}_lo"], out[f"plmsi{suffix}_hi"] = lo, hi

    nothing = []
    if unknown:
        nothing += [*OF_SERIES, *OF_SERIES_IN_SLEEP]
    if unknown_nr:
        nothing += OF_SERIES_NR
    if view["stages"] is None:
        nothing += ["tst_h", "sleep_scorable_h", "n_clms", *OF_SERIES_IN_SLEEP, *OF_SERIES_NR]
    if unknown_durations or (sleep_only and view["stages"] is None):
        nothing += ["n_clm", "n_clms"]
    if sleep_only:
        nothing += ["n_plmw", "plmwi"]
    if not view["lights_known"]:
        nothing += ["plmwi"]
    if view["arousals"] is None or view["arousals_partial"] or rule["arousal_below"] is None:
        nothing += ["plms_arousal_index", "n_arousal_with_plms"]
    for name in nothing:
        out[name] = None
    return out


def removes_first(rule: dict[str, Any]) -> bool:
    return bool(rule["respiratory_related"] == "taken out first")


def exposure(view: dict[str, Any]) -> dict[str, int]:
    """v, u, w of the interval, the part of w that is not scorable either, scorable wake, edges of gaps."""
    edges = 0
    for gap in view["gaps"]:
        for edge in gap:
            if view["window"][0] < edge < view["window"][1]:
                edges += 1
    return {
        "v": plain_time.length(plain_time.without(view["asleep"], view["gaps"])),
        "u": plain_time.length(plain_time.shared(view["asleep"], view["gaps"])),
        "w": plain_time.length(view["unstaged"]),
        "w_and_gap": plain_time.length(plain_time.shared(view["unstaged"], view["gaps"])),
        "wake": plain_time.length(plain_time.without(view["awake"], view["gaps"])),
        "edges": edges,
    }


def interval(
    rows: list[dict[str, Any]],
    view: dict[str, Any],
    rule: dict[str, Any],
    time: dict[str, int],
    suffix: str,
    is_unknown: bool,
    point: float | None,
) -> tuple[float | None, float | None]:
    """lo and hi per hour of the index of one pass."""
    if suffix == "_nr" and rule["respiratory"] is None:
        return None, None
    v, u, w, e = time["v"], time["u"], time["w"], time["edges"]
    if v + u + w == 0:
        return None, None
    r = rule["endless_train_per_h"]
    if view["legs_used"] != "both" or view["stages"] is None or has_unknown_duration(rows) or v + u == 0:
        return 0.0, float(r) if point is None or is_unknown else max(float(r), point)
    n = m = 0
    for row in rows:
        if not row["in_window"] or row["in_gap"]:
            continue
        chosen = row["is_candidate"] if is_unknown else row["is_plm" + suffix]
        n += bool(chosen and row["is_asleep"])
        if rule["scores"] == "sleep and wake":
            m += bool(chosen and row["is_unstaged"])
        else:
            m += row["would_be"]
    hidden = u + time["w_and_gap"]
    lo = 0.0 if is_unknown else max(0, n - LOST_AT_AN_EDGE * e) * HOUR / (v + u + w)
    hi = min(float(r), ((n + m + HIDDEN_AT_AN_EDGE * e) * HOUR + r * hidden) / (v + hidden))
    if point is not None and not is_unknown:
        hi = max(hi, point)
    return lo, hi


def arousals_with(plms: list[dict[str, Any]], rule: dict[str, Any]) -> int:
    """Arousals of PLMS, each once; where the rule set says so, of movements close together only the first counts."""
    found = set()
    last = None
    for row in plms:
        if not row["arousal"]:
            continue
        if rule["arousals_apart"] is not None and last is not None and row["onset"] - last < rule["arousals_apart"]:
            continue
        last = row["onset"]
        found.update(row["arousals"])
    return len(found)


def ferri(rows: list[dict[str, Any]], rule: dict[str, Any]) -> float | None:
    """Intervals in runs of three and more of 10 to 90 s, as a share of all intervals; sleep only."""
    n_intervals = n_periodic = 0
    run = 0
    for row in [*rows, None]:
        interval = None
        if row is not None:
            if not row["is_candidate"] or row["ignored"]:
                continue
            if removes_first(rule) and row["respiratory"]:
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


def evidence_class(view: dict[str, Any], time: dict[str, int], unknown_durations: bool) -> str:
    window = view["window"][1] - view["window"][0]
    v, u, w = time["v"], time["u"], time["w"]
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
