"""Which combined movements differ between two scorings of one night, and because of which rule."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Row = Mapping[str, Any]

NEEDED = (
    "onset_s", "offset_s", "side", "n_monolateral", "is_lm", "is_candidate", "candidate_reason", "imi_s", "imi_nr_s",
    "series_id", "series_nr_id", "is_plm", "plm_reason", "is_plm_nr", "plm_nr_reason", "stage", "is_in_sleep",
    "is_respiratory_related", "is_arousal_associated",
)  # fmt: skip
_STATUS = (
    "side", "n_monolateral", "is_lm", "is_candidate", "candidate_reason", "is_plm", "is_plm_nr", "stage",
    "is_in_sleep", "is_respiratory_related", "is_arousal_associated",
)  # fmt: skip
_SHOWN = (
    "onset_s", "offset_s", "side", "n_monolateral", "is_candidate", "candidate_reason", "imi_s", "is_plm",
    "plm_reason", "is_plm_nr", "plm_nr_reason", "stage",
)  # fmt: skip
COLUMNS = (
    "recording_id", "rule_set_a", "rule_set_b", "onset_s", "differs", "reason", "detail",
    *(f"{name}_{which}" for name in _SHOWN for which in "ab"),
)  # fmt: skip
_PASSES = (("is_plm", "plm_reason", "series_id", "imi_s"), ("is_plm_nr", "plm_nr_reason", "series_nr_id", "imi_nr_s"))
# Non-candidates that only lie elsewhere do not interrupt a series.
_DOES_NOT_INTERRUPT = (
    "outside_window", "in_unscorable_stretch", "in_one_leg_stretch", "stage_unknown", "not_in_sleep",
)  # fmt: skip


class Limits(NamedTuple):
    """Shortest and longest interval of a rule set, and whether they are inside; None = not known."""

    imi_min_s: float | None
    imi_max_s: float | None
    is_inside: bool


class Compared(NamedTuple):
    """Movements that differ (rows with `COLUMNS` but the first three), and how many are alike."""

    rows: list[dict[str, Any]]
    n_a: int
    n_b: int
    n_alike: int


class _Side(NamedTuple):
    rows: list[Row]
    onsets: list[float]
    limits: Limits


class _Group(NamedTuple):
    """Movements of both scorings that overlap, as positions in their lists."""

    a: list[int]
    b: list[int]


def _end(row: Row) -> float:
    # A mark without duration still is somewhere: one microsecond.
    return max(row["onset_s"] + 1e-6, row["offset_s"] if row["offset_s"] is not None else 0.0)


def _groups(a: Sequence[Row], b: Sequence[Row]) -> list[_Group]:
    both = [(row["onset_s"], _end(row), which, at) for which, rows in enumerate((a, b)) for at, row in enumerate(rows)]
    groups: list[_Group] = []
    reach = float("-inf")
    for onset, end, which, at in sorted(both):
        if onset >= reach:
            groups.append(_Group([], []))
            reach = end
        reach = max(reach, end)
        groups[-1][which].append(at)
    return [part for group in groups for part in _parted(group, a, b)]


def _parted(group: _Group, a: Sequence[Row], b: Sequence[Row]) -> list[_Group]:
    """Movements that both scorings have alike go in pairs of their own: within one scoring movements may overlap."""
    if len(group.a) + len(group.b) <= 2 or not group.a or not group.b:
        return [group]
    there = {_extent(b[at]): at for at in group.b}
    pairs = [_Group([at], [there.pop(_extent(a[at]))]) for at in group.a if _extent(a[at]) in there]
    paired = ({at for pair in pairs for at in pair.a}, {at for pair in pairs for at in pair.b})
    rest = _Group([at for at in group.a if at not in paired[0]], [at for at in group.b if at not in paired[1]])
    return sorted([*pairs, *([rest] if rest.a or rest.b else [])], key=lambda one: (one.a, one.b))


def _extent(row: Row) -> tuple[Any, ...]:
    return row["onset_s"], row["offset_s"], row["side"]


def compare(a: Sequence[Row], b: Sequence[Row], limits_a: Limits, limits_b: Limits) -> Compared:
    """Compare two scorings of one recording.

    Parameters
    ----------
    a, b
        Rows of ``scored_movement`` of one recording and one rule set each, with the columns `NEEDED`.
    limits_a, limits_b
        Intervals of the rule sets behind them.

    Returns
    -------
    Compared
        One row per group of overlapping movements that differs. Movements are matched by overlap; onset and offset
        alone make no difference, what the movement counts as does.
    """
    sides = []
    for rows, limits in ((a, limits_a), (b, limits_b)):
        ordered = sorted(rows, key=lambda row: (row["onset_s"], _end(row)))
        sides.append(_Side(ordered, [row["onset_s"] for row in ordered], limits))
    groups = _groups(sides[0].rows, sides[1].rows)
    partners: tuple[dict[int, _Group], dict[int, _Group]] = ({}, {})
    for group in groups:
        for which in (0, 1):
            partners[which].update(dict.fromkeys(group[which], group))
    found = []
    for group in groups:
        differs, reason, detail = _difference(group, (sides[0], sides[1]), partners)
        if not reason:
            continue
        shown = [[side.rows[at] for at in group[which]] for which, side in enumerate(sides)]
        found.append(
            {
                "onset_s": min(row["onset_s"] for rows in shown for row in rows),
                "differs": " ".join(differs),
                "reason": reason,
                "detail": detail,
                **{
                    f"{name}_{letter}": ";".join(_text(row[name]) for row in shown[which])
                    for name in _SHOWN
                    for which, letter in enumerate("ab")
                },
            }
        )
    found.sort(key=lambda row: (row["onset_s"], row["reason"], row["differs"], row["detail"]))
    return Compared(found, len(a), len(b), len(groups) - len(found))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)


def _difference(
    group: _Group, sides: tuple[_Side, _Side], partners: tuple[dict[int, _Group], dict[int, _Group]]
) -> tuple[list[str], str, str]:
    """What differs, the reason and its detail; no reason when nothing does."""
    if not group.a or not group.b:
        return ["presence"], "absent", "a" if not group.a else "b"
    if len(group.a) != 1 or len(group.b) != 1:
        return ["combination"], "combined_differently", f"{len(group.a)} and {len(group.b)}"
    pair = (sides[0].rows[group.a[0]], sides[1].rows[group.b[0]])
    differs = [name for name in _STATUS if pair[0][name] != pair[1][name]]
    if not differs:
        return [], "", ""
    if "is_candidate" in differs or "is_lm" in differs:
        lacking = pair[0] if pair[0]["candidate_reason"] else pair[1]
        return differs, "candidate", _text(lacking["candidate_reason"])
    for plm, why, series, imi in _PASSES:
        if plm in differs:
            # The scoring in which it is periodic says what its series needs; the other lacks it.
            has = 0 if pair[0][plm] else 1
            if not pair[has][plm]:  # unknown against no
                unknown = pair[0] if pair[0][plm] is None else pair[1]
                return differs, "unknown", _text(unknown[why])
            reason, detail = _plm_reason(group[has][0], has, pair[1 - has], sides, partners, (why, series, imi))
            return differs, reason, detail
    for name, reason in (
        ("is_respiratory_related", "respiratory_window"),
        ("is_arousal_associated", "arousal"),
        ("is_in_sleep", "stage"),
        ("stage", "stage"),
        ("side", "combined_differently"),
        ("n_monolateral", "combined_differently"),
    ):
        if name in differs:
            return differs, reason, f"{_text(pair[0][name])} and {_text(pair[1][name])}"
    return differs, "candidate_reason", f"{_text(pair[0]['candidate_reason'])} and {_text(pair[1]['candidate_reason'])}"


def _plm_reason(
    at: int,
    has: int,
    other: Row,
    sides: tuple[_Side, _Side],
    partners: tuple[dict[int, _Group], dict[int, _Group]],
    columns: tuple[str, str, str],
) -> tuple[str, str]:
    why, series, imi = columns
    stated = other[why]
    if stated in ("respiratory_related", "short_interval_ignored"):
        return stated, ""
    if stated != "series_too_short":
        return "unknown", _text(stated)
    rows = sides[has].rows
    # Only members of one series lie between its first and last one in time, apart from what it passes over.
    members = [k for k, row in enumerate(rows) if row[series] is not None and row[series] == rows[at][series]]
    here = members.index(at)
    links = sorted(range(len(members) - 1), key=lambda link: (abs(link + 0.5 - here), link))
    for link in links:
        cause = _link_cause(members[link], members[link + 1], has, sides, partners, (why, imi))
        if cause is not None:
            return cause
    return "series_rule", ""


def _link_cause(
    first: int,
    second: int,
    has: int,
    sides: tuple[_Side, _Side],
    partners: tuple[dict[int, _Group], dict[int, _Group]],
    columns: tuple[str, str],
) -> tuple[str, str] | None:
    """Why two neighbours of a series of one scoring are none in the other."""
    why, imi = columns
    side = sides[1 - has]
    ends = []
    for member in (first, second):
        group = partners[has][member]
        there = group[1 - has]
        if not there:
            return "neighbour_absent", ""
        if len(there) != 1 or len(group[has]) != 1:
            return "neighbour_combined", f"{len(group.a)} and {len(group.b)}"
        row = side.rows[there[0]]
        if not row["is_candidate"]:
            return "neighbour_no_candidate", _text(row["candidate_reason"])
        if row[why] in ("respiratory_related", "short_interval_ignored"):
            return "neighbour_left_out", row[why]
        ends.append(there[0])
    low, high = (
        bisect_right(side.onsets, side.rows[ends[0]]["onset_s"]),
        bisect_left(side.onsets, side.rows[ends[1]]["onset_s"]),
    )
    for row in side.rows[low:high]:
        if row["is_candidate"] and row[why] not in ("respiratory_related", "short_interval_ignored"):
            return "candidate_between", ""
        if row["is_candidate"] is False and row["is_lm"] and row["candidate_reason"] not in _DOES_NOT_INTERRUPT:
            return "interrupted", _text(row["candidate_reason"])
    interval = side.rows[ends[1]][imi]
    if interval is None:
        return "interval_unknown", ""
    return _outside(interval, side.limits)


def _outside(interval_s: float, limits: Limits) -> tuple[str, str] | None:
    low, high, inside = limits
    if low is not None and (interval_s < low or (interval_s == low and not inside)):
        return "interval_too_short", f"{interval_s:.15g} s"
    if high is not None and (interval_s > high or (interval_s == high and not inside)):
        return "interval_too_long", f"{interval_s:.15g} s"
    return None
