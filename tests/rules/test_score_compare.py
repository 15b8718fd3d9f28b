"""Comparison of scorings on random nights: nothing differs from itself, and both directions tell the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts, night, scoring
from plms_pipeline.night.score_compare import NEEDED, Limits, compare

RULE_SETS = night.load_rule_sets(["wasm2016", "aasm3", "wasm2006", "coleman"])
LIMITS = {rules.name: Limits(rules.imi_min_us / 1e6, rules.imi_max_us / 1e6, rules.imi_limits_are_inside)
          for rules in RULE_SETS}  # fmt: skip
HOUR_US = 3_600_000_000

movements = st.lists(
    st.tuples(st.integers(0, 1), st.integers(5, 95), st.sampled_from([0.3, 0.5, 2.0, 4.5, 9.0, 10.5, 16.0])),
    min_size=0,
    max_size=30,
)
spans = st.lists(st.integers(60, 3000), max_size=6, unique=True)


def _scored(marks: list[tuple[int, int, float]], respiratory: list[int]) -> dict[str, list[dict[str, Any]]]:
    onsets, at = [], 0
    for _, step, _ in marks:
        at += step * 500_000
        onsets.append(60_000_000 + at)
    given_night = scoring.NightInput(
        movements=scoring.make_movements(
            [leg for leg, _, _ in marks],
            onsets,
            [onset + round(length * 1e6) for onset, (_, _, length) in zip(onsets, marks, strict=True)],
        ),
        stages=scoring.make_stages([0, 60_000_000], [60_000_000, HOUR_US], ["W", "N2"]),
        respiratory=scoring.make_respiratory(
            [s * 1_000_000 for s in respiratory], [(s + 12) * 1_000_000 for s in respiratory]
        ),
        arousals=scoring.make_spans(),
        gaps=scoring.make_spans(),
        duration_us=HOUR_US,
        window=(None, None),
        legs="both",
        evidence=night.load_evidence(),
    )
    out = {}
    for one in scoring.score(given_night, RULE_SETS):
        columns = {name: list(one.movements[name]) for name in NEEDED}
        out[one.rule_set] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return out


@settings(max_examples=60, deadline=None)
@given(movements, spans)
def test_every_pair_of_rule_sets_on_random_nights(marks: list[tuple[int, int, float]], respiratory: list[int]) -> None:
    found = _scored(marks, respiratory)
    known = contracts.codes("score_difference").values
    for a in found:
        itself = compare(found[a], found[a], LIMITS[a], LIMITS[a])
        assert (itself.rows, itself.n_alike) == ([], len(found[a]))
        for b in found:
            there = compare(found[a], found[b], LIMITS[a], LIMITS[b])
            back = compare(found[b], found[a], LIMITS[b], LIMITS[a])
            assert {row["reason"] for row in there.rows} <= set(known)
            assert [(row["onset_s"], row["reason"], row["differs"]) for row in there.rows] == [
                (row["onset_s"], row["reason"], row["differs"]) for row in back.rows
            ]
            told = {float(text) for row in there.rows for text in row["onset_s_a"].split(";") if text}
            for row in found[a]:
                meets = [other for other in found[b] if _overlap(row, other)]
                if all(bool(row["is_plm"]) != bool(other["is_plm"]) for other in meets):
                    assert row["onset_s"] in told


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["onset_s"] < other["offset_s"] and other["onset_s"] < one["offset_s"]
