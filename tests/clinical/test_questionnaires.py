"""Scales and complaints: cut-offs at their borders, values outside a scale, complaint beside scale."""

from __future__ import annotations

from typing import Any

import pytest

from plms_pipeline.exposures.questionnaires import read_answers

COLLECTED = {"insomnia", "sleepiness", "fatigue"}


def complaint(name: str, rules: dict[str, Any], *rows: dict[str, Any]) -> tuple[str, str | None]:
    status = read_answers(list(rows), COLLECTED, rules).disturbance[name]
    return status.value, status.reason


@pytest.mark.parametrize(
    ("name", "scale", "value", "expected"),
    [
        ("sleepiness", "ess_score", 10.0, "no"),
        ("sleepiness", "ess_score", 10.5, "yes"),
        ("sleepiness", "ess_score", 24.0, "yes"),
        ("sleepiness", "ess_score", 0.0, "no"),
        ("fatigue", "fss_mean_score", 3.99, "no"),
        ("fatigue", "fss_mean_score", 4.0, "yes"),
        ("insomnia", "whiirs_score", 8.0, "no"),
        ("insomnia", "whiirs_score", 9.0, "yes"),
    ],
)
def test_cut_offs(name: str, scale: str, value: float, expected: str, rules: dict[str, Any]) -> None:
    assert complaint(name, rules, {scale: value}) == (expected, None)


@pytest.mark.parametrize(
    ("name", "scale", "value"),
    [
        ("sleepiness", "ess_score", 25.0),
        ("sleepiness", "ess_score", -1.0),
        ("sleepiness", "ess_score", 99.0),
        ("fatigue", "fss_mean_score", 0.0),
        ("fatigue", "fss_mean_score", 63.0),
        ("insomnia", "whiirs_score", 21.0),
    ],
)
def test_a_value_outside_the_scale_is_no_answer(name: str, scale: str, value: float, rules: dict[str, Any]) -> None:
    assert complaint(name, rules, {scale: value}) == ("unknown", "implausible")


@pytest.mark.parametrize(
    ("asked", "score", "expected"),
    [
        ("yes", 3.0, "yes"),
        ("no", 3.0, "no"),
        ("no", 12.0, "yes"),
        ("yes", 99.0, "yes"),
        ("no", 99.0, "no"),
    ],
)
def test_a_complaint_beside_the_scale(asked: str, score: float, expected: str, rules: dict[str, Any]) -> None:
    rows = {"sleepiness_complaint": asked, "ess_score": score}
    assert complaint("sleepiness", rules, rows) == (expected, None)


def test_a_usable_score_of_another_row_counts(rules: dict[str, Any]) -> None:
    assert complaint("sleepiness", rules, {"ess_score": 99.0}, {"ess_score": 12.0}) == ("yes", None)
    assert complaint("sleepiness", rules, {"ess_score": 5.0}, {"ess_score": 12.0}) == ("unknown", "item_missing")


@pytest.mark.parametrize(("score", "expected"), [(0.0, 0.0), (40.0, 40.0), (41.0, None), (-9.0, None)])
def test_irls_severity_from_0_to_40(score: float, expected: float | None, rules: dict[str, Any]) -> None:
    assert read_answers([{"rls_severity_irls": score}], COLLECTED, rules).severity_irls == expected
