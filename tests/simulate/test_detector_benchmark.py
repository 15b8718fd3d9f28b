"""How the detector benchmark judges: what is missed, extra, neither; the index; the rivals written in its own code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.detector import detectors, report, table
from benchmarks.detector.judging import Detected, f1, judge, judge_leg
from plms_pipeline import simulate
from plms_pipeline.simulate.envelopes import LegEvents

S = 1_000_000


def events(*rows: tuple[float, float, str]) -> LegEvents:
    """Rows of onset, offset (s) and kind: sure, doubtful, twitch."""
    kinds = np.array([row[2] for row in rows])
    return LegEvents(
        np.array([round(row[0] * S) for row in rows]),
        np.array([round(row[1] * S) for row in rows]),
        np.full(len(rows), 20.0),
        np.full(len(rows), 0.5),
        kinds != "twitch",
        kinds == "doubtful",
    )


def found(*rows: tuple[float, float]) -> Detected:
    return Detected(np.array([round(a * S) for a, _ in rows]), np.array([round(b * S) for _, b in rows]))


@pytest.mark.parametrize(
    ("true", "detected", "hit_missed_extra"),
    [
        ([(1, 3, "sure")], [(1, 3)], (1, 0, 0)),
        ([(1, 3, "sure")], [(1, 5)], (1, 0, 0)),
        ([(1, 3, "sure")], [(1, 5.1)], (0, 1, 1)),
        ([(1, 3, "sure"), (3.6, 5.5, "sure")], [(1, 5.5)], (0, 2, 1)),
        ([(1, 3, "sure"), (3.6, 4.6, "sure")], [(1, 4.6)], (1, 1, 0)),
        ([(1, 3, "doubtful")], [], (0, 0, 0)),
        ([(1, 3, "doubtful")], [(1, 3)], (0, 0, 0)),
        ([(1, 1.3, "twitch")], [(1, 1.6)], (0, 0, 1)),
        ([], [(1, 2)], (0, 0, 1)),
        ([(1, 3, "sure")], [], (0, 1, 0)),
        ([(1, 3, "sure")], [(1, 2), (2.1, 3)], (1, 0, 1)),
    ],
    ids=[
        "same", "half of the union", "below half", "two as one", "two as one, near to the first", "doubtful left",
        "doubtful found", "twitch found", "nothing there", "missed", "one as two",
    ],
)  # fmt: skip
def test_hits_misses_and_extra_movements(
    true: list[tuple[float, float, str]], detected: list[tuple[float, float]], hit_missed_extra: tuple[int, int, int]
) -> None:
    verdict = judge_leg(events(*true), found(*detected))
    assert (verdict.n_hit, verdict.n_missed, verdict.n_extra) == hit_missed_extra


def test_errors_are_detected_minus_true() -> None:
    verdict = judge_leg(events((1, 3, "sure"), (10, 12, "sure")), found((1.1, 3), (10, 11.8)))
    np.testing.assert_allclose(verdict.onset_error_s, [0.1, 0.0])
    np.testing.assert_allclose(verdict.offset_error_s, [0.0, -0.2])


def test_a_movement_at_the_limit_of_a_candidate_does_not_decide_the_index() -> None:
    made = simulate.recording("one_leg", 3, duration_min=20)
    leg = made.legs["left"]
    onset = np.arange(6) * 30 * S + 600 * S
    length = np.array([3.0, 3.0, 3.0, 10.05, 3.0, 3.0])
    rows = [(a / S, a / S + b, "sure") for a, b in zip(onset.tolist(), length.tolist(), strict=True)]
    made = made._replace(legs={"left": leg._replace(events=events(*rows), unusable=())}, stages=("N2",) * 40)
    shorter = [(a, b - 0.1) for a, b, _ in rows]
    verdict = judge(made, {"left": found(*shorter)})
    assert verdict.n_hit == 6
    assert verdict.index_found_per_h == verdict.index_true_per_h > 0
    assert judge(made, {"left": found(*shorter[:3])}).index_found_per_h == 0.0


def test_f1_of_nothing_to_find_is_1_only_when_nothing_was_found() -> None:
    assert f1(0, 0, 0) == 1.0
    assert f1(0, 0, 3) == 0.0
    assert f1(2, 1, 1) == pytest.approx(2 / 3)


def test_the_truth_itself_is_judged_perfect_and_nothing_is_judged_by_its_misses() -> None:
    made = simulate.recording("mixture_1", 3, duration_min=40)
    truth = {
        name: Detected(
            leg.events.onset_us[leg.events.is_movement],
            leg.events.offset_us[leg.events.is_movement],
            tuple((a, b) for a, b, _ in leg.unusable),
        )
        for name, leg in made.legs.items()
    }
    verdict = judge(made, truth)
    assert (verdict.n_missed, verdict.n_extra) == (0, 0)
    assert verdict.index_found_per_h == verdict.index_true_per_h > 0
    assert not verdict.onset_error_s.any()
    blind = judge(made, {})
    assert (blind.n_hit, blind.n_extra, blind.index_found_per_h) == (0, 0, 0.0)
    assert blind.n_missed == verdict.n_hit


@pytest.mark.parametrize("name", ["rms", "scipy", "literal", "ours"])
def test_every_detector_finds_clean_movements(name: str) -> None:
    made = simulate.recording("one_leg", 3, duration_min=20)
    verdict = judge(made, detectors.DETECTORS[name](made))
    assert f1(verdict.n_hit, verdict.n_missed, verdict.n_extra) > 0.9


def test_literal_rule_does_not_survive_resting_noise() -> None:
    made = simulate.recording("noise_3", 3, duration_min=20)
    verdict = judge(made, detectors.literal(made))
    assert f1(verdict.n_hit, verdict.n_missed, verdict.n_extra) < 0.2


def row(condition: str, detector: str, *, score: float = 1.0, error: float = 0.0, seed: int = 1) -> report.Row:
    group = {"clean": "plain", "crackle": "rest_moving", "alma": "more"}[condition]
    return report.Row(
        condition, group, seed, detector, 10, 10, 0, 0, score, 20.0, 20.0 + error, error, 0.0, 0.01, 0.0, 0.01, 0.1
    )


def test_table_says_which_targets_are_missed() -> None:
    rows = [row("clean", "ours", score=0.985), row("crackle", "ours", score=0.985, error=5.0), row("alma", "ours")]
    text = table.markdown(rows)
    assert "| clean | plain | 0.985 | 0.985 | 0.0 | +0 (10) | +0 (10) | F1 below 0.99 |" in text
    assert "| crackle | rest_moving | 0.985 | 0.985 | 5.0 | +0 (10) | +0 (10) | index error above 3 |" in text
    assert "| alma | more | 1.000 | 1.000 | 0.0 | +0 (10) | +0 (10) | none |" in text
    assert "| **mean** | **0.990 / 1.7** |" in text


def test_rows_of_other_detectors_are_taken_over_only_from_the_same_recordings(tmp_path: Path) -> None:
    report.write([row("clean", "rms"), row("clean", "ours", score=0.5), row("clean", "rms", seed=9)], tmp_path)
    earlier = report.read(tmp_path / "results.csv")
    assert earlier[0] == row("clean", "rms")
    merged = report.with_earlier([row("clean", "ours")], earlier)
    assert merged == [row("clean", "ours"), row("clean", "rms")]
    with pytest.raises(SystemExit, match="clean seed 1: the simulator has changed"):
        report.with_earlier([row("clean", "ours")._replace(n_true=11)], earlier)


def test_picture_is_written(tmp_path: Path) -> None:
    table.write([row("clean", "ours"), row("clean", "rms", score=0.0, error=50.0)], tmp_path)
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
