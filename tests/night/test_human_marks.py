"""Human leg marks take the same path through scoring as detected movements, beside them (source, agreement)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plms_pipeline import contracts, ingest, night

IDS = {"recording_id": "a", "cohort": "c", "subject_id": "s", "visit": "v1"}
HOUR = 3_600_000_000
STAGES = "onset_s,duration_s,stage\n0,18000,N2\n"
SERIES = [1000.0 + 30 * k for k in range(10)]


def detection(found: list[tuple[str, float, float]], legs_used: str = "both", **facts: Any) -> night.NightPart:
    """What the detect stage hands over, five hours long."""
    rows = sorted((on, leg, off) for leg, on, off in found)
    movements = {
        "leg": [row[1] for row in rows],
        "onset_s": [row[0] for row in rows],
        "offset_s": [row[2] for row in rows],
        "is_kept": [True] * len(rows),
        "has_morphology": [True] * len(rows),
        "is_truncated": [False] * len(rows),
    }
    spans = facts.pop("unusable", [])
    unusable = {
        "leg": [row[0] for row in spans],
        "onset_s": [row[1] for row in spans],
        "offset_s": [row[2] for row in spans],
    }
    known = {
        "duration_us": 5 * HOUR, "declared_us": 5 * HOUR, "gaps_us": [], "legs_used": legs_used, "family": "emg",
        "exclusion": None,
    }  # fmt: skip
    return night.NightPart({"leg_movement": movements, "unusable_span": unusable}, known | facts)


def score(
    tmp_path: Path,
    detected: night.NightPart,
    marks: str | None,
    main: str = "detector",
    rules: tuple[str, ...] = ("wasm2016", "aasm3"),
) -> night.NightPart:
    texts = [STAGES] if marks is None else [STAGES, marks]
    paths = []
    for k, text in enumerate(texts):
        paths.append(tmp_path / f"{k}.csv")
        paths[-1].write_text(text)
    annotations = ingest.read_annotations(
        paths,
        duration_us=detected.facts["declared_us"],
        declared={"respiratory_state": "scored", "arousals_state": "scored"},
    )
    return night.score_night(
        IDS,
        detected,
        annotations,
        night.window_of(annotations, (None, None)),
        night.load_rule_sets(rules),
        night.load_evidence(),
        main,
    )


def marks(rows: list[tuple[str, float, float | None]]) -> str:
    return "leg,onset_s,offset_s\n" + "".join(f"{leg},{on},{'' if off is None else off}\n" for leg, on, off in rows)


def night_row(part: night.NightPart, source: str, rule_set: str = "wasm2016") -> dict[str, Any]:
    table = contracts.to_arrow("night", part.tables["night"]).to_pylist()
    [row] = [row for row in table if (row["source"], row["rule_set"]) == (source, rule_set)]
    return row


def agreement(part: night.NightPart, rule_set: str = "wasm2016") -> dict[str, Any]:
    rows = contracts.to_arrow("movement_agreement", part.tables["movement_agreement"]).to_pylist()
    [row] = [row for row in rows if row["rule_set"] == rule_set]
    return row


def test_the_same_marks_give_the_same_night_and_full_agreement(tmp_path: Path) -> None:
    both = [("L" if k % 2 else "R", on, on + 2.0) for k, on in enumerate(SERIES)]
    part = score(tmp_path, detection(both), marks(list(both)))
    differ = {"source", "is_main", "index_family"}
    for rule_set in ("wasm2016", "aasm3"):
        one, two = night_row(part, "detector", rule_set), night_row(part, "annotation", rule_set)
        assert {k: v for k, v in one.items() if k not in differ} == {k: v for k, v in two.items() if k not in differ}
        assert (one["is_main"], two["is_main"], two["index_family"]) == (True, False, "annotation")
        assert one["n_plms"] == 10 and one["plmsi_per_h"] == 2.0
        row = agreement(part, rule_set)
        assert (row["n_detector"], row["n_annotation"], row["n_matched"], row["f1"]) == (10, 10, 10, 1.0)
        assert row["plmsi_difference_per_h"] == 0.0 and row["onset_difference_median_s"] == 0.0


def test_agreement_counted_by_hand(tmp_path: Path) -> None:
    found = [("L", on, on + 2.0) for on in SERIES]
    # two marks missing, one more elsewhere, the others 0.4 s later
    human = [("L", on + 0.4, on + 2.0) for on in SERIES[2:]] + [("R", 5000.0, 5002.0)]
    row = agreement(score(tmp_path, detection(found), marks(human)))
    assert (row["n_detector"], row["n_annotation"], row["n_matched"]) == (10, 9, 8)
    assert row["f1"] == pytest.approx(16 / 19) and row["sensitivity"] == pytest.approx(8 / 9)
    assert row["precision"] == 0.8 and row["onset_difference_median_s"] == pytest.approx(-0.4)
    assert row["plmsi_difference_per_h"] == pytest.approx(2.0 - 1.6)


def test_without_marks_there_is_one_source(tmp_path: Path) -> None:
    part = score(tmp_path, detection([("L", on, on + 2.0) for on in SERIES]), None)
    assert set(part.tables["night"]["source"]) == {"detector"} and part.facts["n_leg_marks"] is None
    assert part.tables["movement_agreement"]["rule_set"] == []


def test_an_empty_table_of_marks_says_that_none_was_found(tmp_path: Path) -> None:
    part = score(tmp_path, detection([("L", on, on + 2.0) for on in SERIES]), "leg,onset_s,offset_s\n")
    assert night_row(part, "annotation")["n_lm"] == 0 and night_row(part, "annotation")["plmsi_per_h"] == 0.0
    row = agreement(part)
    assert (row["f1"], row["sensitivity"], row["precision"]) == (0.0, None, 0.0)


def test_marks_can_be_the_main_source(tmp_path: Path) -> None:
    part = score(tmp_path, detection([]), marks([("L", on, on + 2.0) for on in SERIES]), main="annotation")
    assert night_row(part, "annotation")["is_main"] and not night_row(part, "detector")["is_main"]
    assert part.facts["main_source"] == "annotation"


def test_a_night_nobody_marked_is_unknown_not_zero(tmp_path: Path) -> None:
    part = score(tmp_path, detection([("L", on, on + 2.0) for on in SERIES]), None, main="annotation")
    row = night_row(part, "annotation")
    assert (row["plmsi_per_h"], row["plmsi_per_h_reason"], row["n_lm"]) == (None, "legs_not_marked", None)
    assert row["is_main"] and row["evidence_class"] == "none"


def test_a24_start_only_marks_are_kept_and_give_no_index(tmp_path: Path) -> None:
    found = [("L", on, on + 2.0) for on in SERIES]
    part = score(tmp_path, detection(found), marks([("L", on + 0.5, None) for on in SERIES]))
    row = night_row(part, "annotation")
    assert (row["plmsi_per_h"], row["plmsi_per_h_reason"]) == (None, "no_duration")
    kept = [
        reason
        for reason, source in zip(
            part.tables["scored_movement"]["candidate_reason"], part.tables["scored_movement"]["source"], strict=True
        )
        if source == "annotation"
    ]
    assert set(kept) == {"no_duration"} and len(kept) == 20
    agreed = agreement(part)
    assert (agreed["n_annotation"], agreed["f1"], agreed["plmsi_difference_per_h_reason"]) == (10, 1.0, "no_duration")
    assert "leg_marks_without_duration" in [code for code, _, _ in part.facts["findings"]]


def test_a_mark_of_zero_seconds_has_a_start_only(tmp_path: Path) -> None:
    part = score(tmp_path, detection([]), marks([("L", on, on) for on in SERIES]))
    assert night_row(part, "annotation")["plmsi_per_h_reason"] == "no_duration"


@pytest.mark.parametrize(
    ("legs_used", "sides", "expected"),
    [
        ("both", "L", "both"),  # a quiet leg is not a missing one
        ("both", "LR", "both"),
        ("left", "L", "left"),
        ("left", "LR", "both"),
        ("none", "R", "right"),
        ("none", "LR", "both"),
        ("combined", "L", "combined"),  # one linked channel has no sides, whatever the menu of the program says
        ("both", "C", "combined"),
        ("both", "LC", "combined"),
    ],
)
def test_legs_of_human_marks(tmp_path: Path, legs_used: str, sides: str, expected: str) -> None:
    facts = {"exclusion": "no_leg_channel", "family": "none"} if legs_used == "none" else {}
    human = marks([(sides[k % len(sides)], on, on + 2.0) for k, on in enumerate(SERIES)])
    part = score(tmp_path, detection([], legs_used, **facts), human)
    assert night_row(part, "annotation")["legs_used"] == expected
    codes = [code for code, _, _ in part.facts["findings"]]
    assert ("leg_marks_combined" in codes) == (expected == "combined")


def test_marks_of_a_recording_without_a_leg_channel_are_scored(tmp_path: Path) -> None:
    part = score(
        tmp_path,
        detection([], "none", exclusion="no_leg_channel", family="none"),
        marks([("LR"[k % 2], on, on + 2.0) for k, on in enumerate(SERIES)]),
    )
    assert night_row(part, "annotation")["plmsi_per_h"] == 2.0
    assert night_row(part, "detector")["plmsi_per_h_reason"] == "no_usable_leg"
    assert agreement(part)["f1_reason"] == "no_usable_leg"


def test_both_sources_have_the_same_gaps_and_denominators(tmp_path: Path) -> None:
    found = [("L", on, on + 2.0) for on in SERIES]
    detected = detection(found, unusable=[("L", 1100.0, 4700.0)])
    part = score(tmp_path, detected, marks([("L", on, on + 2.0) for on in SERIES]))
    one, two = night_row(part, "detector"), night_row(part, "annotation")
    assert one["sleep_scorable_h"] == two["sleep_scorable_h"] == 4.0 and one["n_lm"] == two["n_lm"] == 4


def test_marks_without_a_side_lack_only_what_both_legs_lack(tmp_path: Path) -> None:
    detected = detection([], unusable=[("L", 1000.0, 4600.0), ("R", 2800.0, 6400.0)])
    part = score(tmp_path, detected, marks([("C", on, on + 2.0) for on in SERIES]))
    assert night_row(part, "annotation")["sleep_scorable_h"] == 4.5
    assert night_row(part, "detector")["sleep_scorable_h"] == 3.5


def test_movements_of_a_piezo_sensor_are_compared_without_their_index(tmp_path: Path) -> None:
    found = [("L", on, on + 2.0) for on in SERIES]
    part = score(tmp_path, detection(found, family="piezo"), marks([("L", on, on + 2.0) for on in SERIES]))
    row = agreement(part)
    assert (row["detector_source"], row["f1"]) == ("detector_piezo", 1.0)
    assert (row["plmsi_difference_per_h"], row["plmsi_difference_per_h_reason"]) == (None, "sensor_not_emg")
    assert row["plmsi_annotation_per_h"] == 2.0
