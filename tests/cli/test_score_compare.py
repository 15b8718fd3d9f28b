"""``plms score-compare``: every reason for a difference is found on a night made for it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.night.score_compare import COLUMNS

STAGES = "onset_s,duration_s,stage\n0,60,W\n60,7140,N2\n"


@pytest.fixture
def score(plms, tmp_path: Path) -> Callable[..., Path]:
    """Score movements given as onsets or (leg, onset, duration); returns the folder."""

    def run(name: str, movements: list, *options: object, respiratory: str | None = None, night: str = "m") -> Path:
        rows = [("L", one, 2.0) if isinstance(one, int | float) else one for one in movements]
        (tmp_path / f"in_{name}").mkdir()
        given = tmp_path / f"in_{name}" / f"{night}.csv"
        text = "".join(f"{leg},{at},{at + length}\n" for leg, at, length in rows)
        given.write_text("leg,onset_s,offset_s\n" + text, encoding="utf-8")
        (tmp_path / "s.csv").write_text(STAGES, encoding="utf-8")
        events = tmp_path / f"in_{name}" / "r.csv"
        events.write_text("onset_s,offset_s,type\n" + (respiratory or ""), encoding="utf-8")
        done = plms("score", "--movements", given, "--stages", tmp_path / "s.csv", "--respiratory", events, "--legs",
                    "both", *options, "--out", tmp_path / name)  # fmt: skip
        assert done.code == 0, done.err
        return tmp_path / name

    return run


@pytest.fixture
def compare(plms, tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Rows of the comparison; their number agrees with what is said."""

    def run(*arguments: object) -> list[dict[str, str]]:
        out = tmp_path / "differences.csv"
        done = plms("score-compare", *arguments, "--out", out, "--overwrite")
        assert done.code == 0, done.err
        with out.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        assert f"{len(rows)} differ" in done.out
        for reason, n in Counter(row["reason"] for row in rows).items():
            assert f"{n:8d}  {reason}\n" in done.out
            assert reason in contracts.codes("score_difference").values
        return rows

    return run


def _reasons(rows: list[dict[str, str]]) -> dict[float, tuple[str, str]]:
    return {float(row["onset_s"]): (row["reason"], row["detail"]) for row in rows}


SERIES = [100 + 30 * k for k in range(6)]


def test_the_same_scoring_differs_in_nothing(plms, score, compare) -> None:
    a, b = score("a", SERIES), score("b", SERIES)
    assert compare(a, b) == []
    done = plms("score-compare", a, b)
    assert done.out == "wasm2016 (a) and wasm2016 (b), 1 recording: 6 and 6 combined movements, 6 alike, 0 differ\n"


def test_an_option_that_differs_is_named_and_is_the_reason(plms, score, compare) -> None:
    onsets = [100, 130, 135, 165, 195, 225]
    a, b = score("a", onsets), score("b", onsets, "--set", "wasm2016.short_imi_may_start=false")
    assert _reasons(compare(a, b)) == dict.fromkeys(onsets[2:], ("series_rule", ""))
    assert "rules that differ: short_imi_may_start true / false" in plms("score-compare", a, b).out


def test_two_rule_sets_of_one_output_and_an_interval_too_short_for_one(score, compare) -> None:
    a = score("a", [100, 107, 114, 121], "--rules", "wasm2016,aasm3")
    rows = compare(a, "--rules", "wasm2016,aasm3")
    assert _reasons(rows) == dict.fromkeys((100, 107, 114, 121), ("interval_too_short", "7 s"))
    assert [(row["rule_set_a"], row["is_plm_a"], row["rule_set_b"], row["is_plm_b"]) for row in rows] == [
        ("wasm2016", "false", "aasm3", "true")
    ] * 4
    # The other way round it is the same difference.
    assert _reasons(compare(a, "--rules", "aasm3,wasm2016")) == _reasons(rows)


def test_an_interval_too_long_under_an_own_limit(score, compare) -> None:
    onsets = [100, 180, 260, 340]
    a, b = score("a", onsets), score("b", onsets, "--set", "wasm2016.imi_max_s=70")
    assert _reasons(compare(a, b)) == dict.fromkeys(onsets, ("interval_too_long", "80 s"))


def test_a_movement_too_long_interrupts_in_one_and_is_none_in_the_other(score, compare) -> None:
    a = score("a", [100, 130, ("L", 150, 12.0), 190, 220], "--rules", "wasm2016,aasm3")
    found = _reasons(compare(a, "--rules", "wasm2016,aasm3"))
    assert found.pop(150.0) == ("candidate", "too_long")
    assert found == dict.fromkeys((100.0, 130.0, 190.0, 220.0), ("interrupted", "too_long"))


def test_legs_joined_in_one_only(score, compare) -> None:
    # 1 s apart: two movements where the gap counts, one where the onsets count; both series go on.
    a = score("a", [100, 130, 160, ("R", 163, 1.0), 190, 220], "--rules", "wasm2016,aasm3")
    found = _reasons(compare(a, "--rules", "wasm2016,aasm3"))
    assert found[160.0] == ("combined_differently", "2 and 1")
    assert found[130.0] == found[190.0] == ("neighbour_combined", "2 and 1")


def test_a_movement_that_only_one_scorer_marked(score, compare) -> None:
    five, four = [100, 190, 280, 370, 460], [100, 190, 370, 460]
    found = _reasons(compare(score("a", five), score("b", four)))
    assert found == {280.0: ("absent", "b"), **dict.fromkeys((100.0, 190.0, 370.0, 460.0), ("neighbour_absent", ""))}


def test_a_candidate_more_breaks_the_series(score, compare) -> None:
    a, b = score("a", [100, 130, 160, 190]), score("b", [100, 130, 135, 160, 190])
    found = _reasons(compare(a, b))
    assert found[135.0] == ("absent", "a")
    assert found[130.0] == found[160.0] == ("candidate_between", "")


def test_a_respiratory_event_seen_by_one_scorer(score, compare) -> None:
    a, b = score("a", SERIES[:4]), score("b", SERIES[:4], respiratory="110,129,hypopnea\n")
    found = _reasons(compare(a, b))
    # wasm2016 counts them all, and without the related one only three are left.
    assert found[130.0] == ("respiratory_related", "")
    assert found[100.0] == found[160.0] == found[190.0] == ("neighbour_left_out", "respiratory_related")


def test_a_respiratory_event_that_changes_no_series_is_told_as_such(score, compare) -> None:
    rows = compare(score("a", [100, 130]), score("b", [100, 130], respiratory="110,129,hypopnea\n"))
    assert [(row["reason"], row["differs"]) for row in rows] == [("respiratory_window", "is_respiratory_related")]


def test_unknown_against_known(plms, score, compare, tmp_path: Path) -> None:
    a = score("a", SERIES, "--rules", "aasm3")
    (tmp_path / "u").mkdir()
    done = plms("score", "--movements", tmp_path / "in_a" / "m.csv", "--stages", tmp_path / "s.csv", "--legs", "both",
                "--rules", "aasm3", "--out", tmp_path / "u", "--overwrite")  # fmt: skip
    assert done.code == 0, done.err
    rows = compare(a, tmp_path / "u")
    assert {(row["reason"], row["detail"]) for row in rows} == {("unknown", "respiratory_not_scored")}


def test_movements_are_matched_by_overlap_and_times_alone_are_no_difference(score, compare) -> None:
    later = [("L", at + 0.4, 2.2) for at in SERIES]
    assert compare(score("a", SERIES), score("b", later)) == []


def test_one_night_each_goes_together_whatever_the_ids(score, compare) -> None:
    rows = compare(score("a", SERIES[:5], night="human"), score("b", SERIES, night="detector"))
    assert [(row["recording_id"], row["reason"]) for row in rows] == [("human", "absent")]


def test_files_parquet_and_no_provenance_are_fine_too(plms, score, compare, tmp_path: Path) -> None:
    onsets = [100, 107, 114, 121]
    a = score("a", onsets, "--rules", "wasm2016,aasm3", "--format", "parquet")
    (a / "provenance.parquet").unlink()
    rows = compare(a / "scored_movement.parquet", a, "--rules", "wasm2016,aasm3")
    assert {row["reason"] for row in rows} == {"interval_too_short"}
    assert tuple(rows[0]) == COLUMNS


def test_no_movement_in_one(score, compare) -> None:
    rows = compare(score("a", []), score("b", SERIES))
    assert [(row["reason"], row["detail"]) for row in rows] == [("absent", "a")] * 6


def test_without_out_the_movements_are_printed(plms, score) -> None:
    done = plms("score-compare", score("a", SERIES), score("b", SERIES[:5]))
    assert done.code == 0 and done.err == ""
    assert "       1  absent\n" in done.out
    assert done.out.splitlines()[-1].split() == ["m", "250.000", "left", "-", "true", "-", "absent", "b", "presence"]


ERRORS = {
    "no such path": (("nowhere", "a"), "nowhere"),
    "no table in the folder": (("in_a", "a"), "holds no scored_movement.csv"),
    "no scored_movement table": (("in_a/m.csv", "a"), "column 'recording_id' is missing"),
    "binary": (("noise", "a"), "noise"),
    "one output, no rules": (("a",), "name two of its rule sets"),
    "rule set that is not there": (("a", "b", "--rules", "aasm3"), "was not scored by 'aasm3'"),
    "three rule sets": (("a", "b", "--rules", "x,y,z"), "3 rule sets"),
    "nothing in common": (("two", "aasm"), "no rule set in common"),
    "out exists": (("a", "b", "--out", "s.csv"), "--overwrite"),
    "a bad value": (("bad.csv", "a"), "line 2, column onset_s"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_input_is_one_line_and_exit_2(
    plms, score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arguments, message = ERRORS[case]
    score("a", SERIES)
    score("b", SERIES)
    score("aasm", SERIES, "--rules", "aasm3")
    score("two", SERIES, "--rules", "wasm2006,coleman")
    (tmp_path / "noise").write_bytes(bytes(range(128, 256)))
    text = (tmp_path / "a" / "scored_movement.csv").read_text(encoding="utf-8")
    (tmp_path / "bad.csv").write_text(text.replace(",100,", ",soon,", 1), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = plms("score-compare", *arguments)
    assert done.code == 2 and message in done.err
    assert done.err.count("\n") == 1 and done.out == ""


def test_every_reason_is_explained_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")
    for code in contracts.codes("score_difference").codes:
        assert f"| `{code.value}` | {code.label} |" in page
