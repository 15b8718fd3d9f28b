"""Leg movements scored a second time: slow, obvious, from the published rules alone.

Nothing here knows the package. Times are whole microseconds, movements are dictionaries, every rule is a loop.
A night is a dictionary:

``legs``           "both", "left", "right" or "combined"
``movements``      list of (leg "L" | "R" | "C", onset, offset or None, has_morphology, is_truncated)
``stages``         list of (onset, duration, label) or None
``respiratory``    list of (onset, offset) or None; ``respiratory_partial``: not looked for everywhere
``arousals``       list of (onset, offset) or None; ``arousals_partial``
``gaps``           list of (onset, offset, leg or None)
``lights_off``, ``lights_on``, ``duration``
"""

from __future__ import annotations

from typing import Any

from . import plain_evidence, plain_time
from .rule_numbers import ASLEEP, RULE_SETS, SAME_LEG_JOINED_BELOW

Night = dict[str, Any]
Row = dict[str, Any]
Rule = dict[str, Any]


def score(night: Night, rule_set: str) -> tuple[list[Row], dict[str, Any]]:
    """One night under one rule set: rows of combined movements in order of onset, and the numbers of the night."""
    rule = RULE_SETS[rule_set]
    view = plain_evidence.what_was_seen(night)
    rows = movements_of_both_legs(view, rule)
    for row in rows:
        place(row, view)
        judge_shape(row, rule)
        meet_respiratory(row, view, rule)
        meet_arousals(row, view, rule)
        decide_candidate(row, view, rule)
    passes(rows, view, rule)
    return rows, plain_evidence.numbers_of_night(rows, view, rule)


# --- movements ---------------------------------------------------------------------------------------------------


def monolateral(view: Night, rule: Rule, leg: str) -> list[Row]:
    """Movements of one leg: marks joined, then the short ones dropped."""
    marks = []
    unfinished = []
    for mark_leg, onset, offset, has_morphology, is_truncated in view["movements"]:
        if mark_leg != leg:
            continue
        if rule["needs_morphology"] and not has_morphology:
            continue
        if offset is None:
            unfinished.append({"leg": leg, "onset": onset, "offset": None, "is_truncated": is_truncated})
        else:
            marks.append((onset, offset, is_truncated))
    joined: list[Row] = []
    for onset, offset, is_truncated in sorted(marks):
        if joined and onset - joined[-1]["offset"] < SAME_LEG_JOINED_BELOW:
            joined[-1]["offset"] = max(joined[-1]["offset"], offset)
            joined[-1]["is_truncated"] = joined[-1]["is_truncated"] or is_truncated
        else:
            joined.append({"leg": leg, "onset": onset, "offset": offset, "is_truncated": is_truncated})
    kept = [movement for movement in joined if movement["offset"] - movement["onset"] >= rule["shortest_lm"]]
    return kept + unfinished


def longest(movement: Row, rule: Rule) -> int:
    return int(rule["longest_combined_channel"] if movement["leg"] == "C" else rule["longest_monolateral"])


def movements_of_both_legs(view: Night, rule: Rule) -> list[Row]:
    """Combined movements, and beside them the ones that combine with nothing (no duration, no LM)."""
    alone, joinable = [], []
    for leg in ("L", "R", "C"):
        for movement in monolateral(view, rule, leg):
            movement["too_long"] = movement["offset"] is not None and movement["offset"] - movement["onset"] > longest(
                movement, rule
            )
            if movement["offset"] is None or (movement["too_long"] and rule["too_long"] == "is no LM"):
                alone.append([movement])
            else:
                joinable.append(movement)
    if rule["legs_join"] == "gap between them":
        groups = join_by_gap(joinable, rule["legs_join_below"])
    else:
        groups = pair_by_onset(joinable, rule["legs_join_below"])
    rows = []
    for group in groups + alone:
        legs = {movement["leg"] for movement in group}
        if len(legs) == 2:
            side = "bilateral"
        else:
            side = {"L": "left", "R": "right", "C": "combined"}[group[0]["leg"]]
        offsets = [movement["offset"] for movement in group]
        rows.append(
            {
                "onset": min(movement["onset"] for movement in group),
                "offset": None if offsets == [None] else max(offsets),
                "side": side,
                "n_monolateral": len(group),
                "is_truncated": any(movement["is_truncated"] for movement in group),
                "members": group,
            }
        )
    for row in rows:
        # Of a mark without duration only the onset is known: what is asked of it is asked of that moment.
        row["until"] = row["onset"] if row["offset"] is None else row["offset"]
    rows.sort(key=lambda row: (row["onset"], row["until"], row["side"]))
    return rows


def join_by_gap(movements: list[Row], below: int) -> list[list[Row]]:
    """Groups in which each movement is less than ``below`` from another one, whatever the way through the group."""
    groups: list[list[Row]] = []
    for movement in movements:
        near, far = [movement], []
        for group in groups:
            touches = False
            for other in group:
                later, earlier = (movement, other) if movement["onset"] >= other["onset"] else (other, movement)
                if later["onset"] - earlier["offset"] < below:
                    touches = True
            if touches:
                near = near + group
            else:
                far.append(group)
        groups = [*far, near]
    return groups


def pair_by_onset(movements: list[Row], below: int) -> list[list[Row]]:
    """In order of onset each free movement takes the first free one of the other leg that begins soon enough."""
    order = sorted(movements, key=lambda movement: (movement["onset"], movement["leg"]))
    taken = [False] * len(order)
    groups = []
    for i in range(len(order)):
        if taken[i]:
            continue
        taken[i] = True
        group = [order[i]]
        for j in range(i + 1, len(order)):
            if order[j]["onset"] - order[i]["onset"] >= below:
                break
            if not taken[j] and order[j]["leg"] != order[i]["leg"]:
                taken[j] = True
                group.append(order[j])
                break
        groups.append(group)
    return groups


# --- one movement ------------------------------------------------------------------------------------------------


def place(row: Row, view: Night) -> None:
    """Window, gap, stage, all by the onset; whether it is open at an edge."""
    row["in_window"] = plain_time.holds([view["window"]], row["onset"])
    row["in_gap"] = plain_time.holds(view["gaps"], row["onset"])
    row["stage"] = stage_at(view, row["onset"])
    for edge in view["edges"]:
        if row["onset"] <= edge <= row["until"]:
            row["is_truncated"] = True


def stage_at(view: Night, moment: int) -> str | None:
    if view["stages"] is None:
        return None
    for onset, duration, label in view["stages"] or []:
        if onset <= moment < onset + duration:
            return str(label)
    return "U"


def part_in_sleep(row: Row, view: Night) -> bool:
    for onset, duration, label in view["stages"] or []:
        if label in ASLEEP and onset < row["until"] and row["onset"] < onset + duration:
            return True
    return False


def judge_shape(row: Row, rule: Rule) -> None:
    """``is_lm``, and why the shape forbids a candidate (None when it does not)."""
    reason = None
    if row["offset"] is None:
        reason = "no_duration"
    else:
        bilateral = row["side"] == "bilateral"
        most = rule["most_monolateral_in_bilateral"]
        if row["members"][0]["too_long"] and not bilateral:
            reason = "too_long"
        elif bilateral:
            if any(member["too_long"] for member in row["members"]):
                reason = "contains_too_long"
            elif most is not None and row["n_monolateral"] > most:
                reason = "too_many_monolateral"
            elif rule["longest_bilateral"] is not None and row["offset"] - row["onset"] > rule["longest_bilateral"]:
                reason = "bilateral_too_long"
    row["shape"] = reason
    row["is_lm"] = reason in (None, "no_duration") or rule["too_long"] != "is no LM"


def meet_respiratory(row: Row, view: Night, rule: Rule) -> None:
    row["respiratory"] = None
    if view["respiratory"] is None or rule["respiratory"] is None:
        return
    row["respiratory"] = None if view["respiratory_partial"] else False
    for onset, offset in view["respiratory"]:
        start = (offset if rule["respiratory"] == "around the end" else onset) + rule["respiratory_from"]
        end = offset + rule["respiratory_to"]
        if row["onset"] <= end and row["until"] >= start:
            row["respiratory"] = True


def meet_arousals(row: Row, view: Night, rule: Rule) -> None:
    row["arousal"] = None
    if view["arousals"] is None or rule["arousal_below"] is None:
        return
    row["arousal"] = None if view["arousals_partial"] else False
    row["arousals"] = []
    for number in range(len(view["arousals"])):
        onset, offset = view["arousals"][number]
        if onset - row["until"] < rule["arousal_below"] and row["onset"] - offset < rule["arousal_below"]:
            row["arousal"] = True
            row["arousals"].append(number)


def decide_candidate(row: Row, view: Night, rule: Rule) -> None:
    """``is_candidate`` with one reason; ``would_be`` = candidate if its unstaged time were sleep."""
    row["reason"] = row["shape"]
    if not row["in_window"]:
        row["reason"] = "outside_window"
    elif row["in_gap"]:
        row["reason"] = "in_one_leg_stretch" if one_leg_is_seen(row["onset"], view) else "in_unscorable_stretch"
    elif row["shape"] is None and rule["scores"] != "sleep and wake":
        if rule["scores"] == "any part in sleep":
            asleep = part_in_sleep(row, view)
        else:
            asleep = row["stage"] in ASLEEP
        if view["stages"] is None:
            row["reason"] = "stage_unknown"
        elif not asleep:
            row["reason"] = "not_in_sleep"
    row["is_candidate"] = None if row["reason"] == "stage_unknown" else row["reason"] is None
    row["is_asleep"] = row["stage"] in ASLEEP
    if rule["scores"] == "any part in sleep":
        row["is_asleep"] = part_in_sleep(row, view)
    # Already asleep by another part: counted there, not here.
    row["is_unstaged"] = row["stage"] == "U" and not row["is_asleep"]
    row["would_be"] = row["shape"] is None and row["in_window"] and not row["in_gap"] and row["is_unstaged"]


def one_leg_is_seen(moment: int, view: Night) -> bool:
    if view["legs_used"] not in ("both", "neither for long"):
        return False
    return not (plain_time.holds(view["gaps_of"]["L"], moment) and plain_time.holds(view["gaps_of"]["R"], moment))


# --- series ------------------------------------------------------------------------------------------------------


def passes(rows: list[Row], view: Night, rule: Rule) -> None:
    """Series with and without the respiratory-related candidates."""
    for row in rows:
        for name in ("imi", "imi_nr", "series", "series_nr"):
            row[name] = None
        row["ignored"] = False
    if rule["respiratory_related"] == "taken out first":
        series(rows, view, rule, "", leave_out_respiratory=True)
        series(rows, view, rule, "_nr", leave_out_respiratory=True)
    else:
        series(rows, view, rule, "", leave_out_respiratory=False)
        series(rows, view, rule, "_nr", leave_out_respiratory=True)
    unknown, unknown_nr = plain_evidence.is_series_unknown(rows, view, rule)
    for suffix, is_unknown in (("", unknown), ("_nr", unknown_nr)):
        for row in rows:
            row["is_plm" + suffix] = row["series" + suffix] is not None
            if is_unknown:
                # What is no candidate is no PLM whatever else is unknown.
                row["imi" + suffix] = row["series" + suffix] = None
                row["is_plm" + suffix] = False if row["is_candidate"] is False else None


def series(rows: list[Row], view: Night, rule: Rule, suffix: str, leave_out_respiratory: bool) -> None:
    """Runs of candidates at the right distance; writes ``imi`` and the number of the series."""
    runs: list[list[Row]] = []
    before: Row | None = None
    for row in rows:
        if not row["is_candidate"]:
            if interrupts(row, rule):
                before = None
            continue
        if leave_out_respiratory and row["respiratory"]:
            continue
        if before is not None and gap_between(before["onset"], row["onset"], view):
            before = None
        if before is None:
            runs.append([row])
            before = row
            continue
        interval = row["onset"] - before["onset"]
        if interval < rule["shortest_imi"] and rule["short_interval"] == "later one is ignored":
            row["ignored"] = True
            continue
        row["imi" + suffix] = interval
        if rule["shortest_imi"] <= interval <= rule["longest_imi"]:
            runs[-1].append(row)
        else:
            runs.append([row])
        before = row
    number = 0
    for run in runs:
        if len(run) >= rule["fewest_in_series"]:
            number += 1
            for row in run:
                row["series" + suffix] = number


def interrupts(row: Row, rule: Rule) -> bool:
    """A non-CLM inside the window ends the series, where the rule set knows non-CLM at all."""
    return row["in_window"] and row["shape"] is not None and rule["too_long"] == "is a non-CLM and ends the series"


def gap_between(first: int, second: int, view: Night) -> bool:
    return any(start < second and end > first for start, end in view["gaps"])
