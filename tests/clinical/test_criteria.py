"""Three-valued criteria: Kleene logic, intervals, truth tables, guards G1–G7, monotone information."""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.exposures import clinical_rules, questionnaires
from plms_pipeline.exposures.questionnaires import CRITERIA, read_answers
from plms_pipeline.exposures.status import (
    Interval,
    Status,
    age_interval,
    all_of,
    any_of,
    ge,
    gt,
    le,
    lt,
    negation,
    point,
    unknown,
)
from plms_pipeline.phenotypes import criteria as rule
from plms_pipeline.phenotypes import rls

RULES = clinical_rules()
VALUES = ("yes", "no", "unknown")
NUMBER = {"no": 0.0, "unknown": 0.5, "yes": 1.0}
LIMITS = (RULES["plms_adult_per_h"], RULES["plms_child_per_h"], RULES["adult_age_years"])


def known(value: str) -> Status:
    return Status(value, "item_missing" if value == "unknown" else None)


@pytest.mark.parametrize("values", list(itertools.product(VALUES, repeat=3)))
def test_kleene_against_min_max_oracle(values: tuple[str, ...]) -> None:
    numbers = [NUMBER[value] for value in values]
    assert NUMBER[all_of(values)] == min(numbers)
    assert NUMBER[any_of(values)] == max(numbers)
    assert NUMBER[negation(values[0])] == 1 - numbers[0]


@pytest.mark.parametrize(
    ("age", "lo", "hi", "expected"),
    [
        (40, 15, 15, "no"),
        (40, 15.01, 15.01, "yes"),
        (40, 12, 18, "unknown"),
        (40, 16, 18, "yes"),
        (9, 5, 5, "no"),
        (9, 5.1, 5.1, "yes"),
        (17.99, 10, 10, "yes"),
        (18, 10, 10, "no"),
        (None, 16, 16, "yes"),
        (None, 4, 4, "no"),
        (None, 10, 10, "unknown"),
    ],
)
def test_icsd3_threshold_is_strict_and_by_age(age: float | None, lo: float, hi: float, expected: str) -> None:
    years = None if age is None else point(age)
    assert rule.index_elevated(Interval(lo, hi), years, *LIMITS).value == expected


@pytest.mark.parametrize(
    ("age", "precision", "expected"),
    [
        (18, "rounded", "unknown"),
        (17, "floor", "yes"),
        (18, "floor", "no"),
        (18, "unknown", "unknown"),
        (19, "rounded", "no"),
        (17, "rounded", "yes"),
        (18, "exact", "no"),
    ],
)
def test_age_precision_is_an_interval(age: float, precision: str, expected: str) -> None:
    years = age_interval(age, precision, top_code_years=90, top_code_hi_years=105)
    status = rule.index_elevated(point(10.0), years, *LIMITS)
    assert status.value == expected
    assert status.reason == ("age_uncertain" if expected == "unknown" else None)


def test_a_top_coded_age_is_an_interval() -> None:
    assert age_interval(90, "floor", top_code_years=90, top_code_hi_years=105) == Interval(90, 105)
    assert age_interval(93.2, "exact", top_code_years=90, top_code_hi_years=105) == point(93.2)
    assert age_interval(None, "exact", top_code_years=90, top_code_hi_years=105) is None


def test_irlssg_243_combinations() -> None:
    found = Counter(
        rls.rls_irlssg(dict(zip(CRITERIA, map(known, values), strict=True))).value
        for values in itertools.product(VALUES, repeat=5)
    )
    assert found == {"yes": 1, "no": 211, "unknown": 31}


def test_plmd_81_combinations_with_two_exclusions() -> None:
    found = Counter()
    for elevated, disturbance, first, second in itertools.product(VALUES, repeat=4):
        better = rule.any_composite({"a": known(first), "b": known(second)}, {"a", "b"})
        status = rule.plmd_compatible(known(elevated), known(disturbance), better.strict, Status("yes"))
        assert (status.reason is not None) == (status.value == "unknown")
        found[status.value] += 1
    assert found == {"yes": 1, "no": 65, "unknown": 15}


def test_pattern_729_combinations() -> None:
    names = RULES["factors"]
    found = Counter(
        rule.secondary_factor_pattern(elevated, dict(zip(names, values, strict=True)))
        for elevated in VALUES
        for values in itertools.product(VALUES, repeat=5)
    )
    assert found == {
        "not_applicable": 243,
        "undetermined": 349,
        "multiple": 131,
        "none_of_assessed": 1,
        **dict.fromkeys(names, 1),
    }


def test_a_pattern_over_nothing_is_undetermined() -> None:
    assert rule.secondary_factor_pattern("yes", {}) == "undetermined"


@pytest.mark.parametrize(
    ("feel", "relief", "expected"),
    [
        ("painful_tightening", "stretch_only", "yes"),
        ("painful_tightening", "any_movement", "unknown"),
        ("painful_tightening", "neither", "unknown"),
        ("painful_tightening", None, "unknown"),
        ("urge", "any_movement", "no"),
        ("urge", "stretch_only", "unknown"),
        ("urge", "neither", "no"),
        ("urge", None, "unknown"),
        ("other", "any_movement", "no"),
        ("other", "stretch_only", "no"),
        ("other", "neither", "no"),
        ("other", None, "no"),
        (None, "any_movement", "unknown"),
        (None, "stretch_only", "unknown"),
        (None, "neither", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_cramp_table(feel: str | None, relief: str | None, expected: str) -> None:
    status = rls.leg_cramp_pattern(feel, relief)
    assert status.value == expected
    assert (status.reason is not None) == (expected == "unknown")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"cramp_feel": "painful_tightening", "cramp_relief": "stretch_only", "cramp_sole_symptom": "yes"},
            {"rls_not_mimic": "no"},
        ),
        ({"cramp_feel": "painful_tightening", "cramp_relief": "stretch_only"}, {}),
        ({"cramp_feel": "painful_tightening", "cramp_relief": "any_movement"}, {"rls_relief": "yes"}),
        (
            {"cramp_feel": "urge", "cramp_relief": "any_movement", "cramp_evening": "yes"},
            {"rls_urge": "yes", "rls_relief": "yes", "rls_evening": "yes"},
        ),
        ({"cramp_feel": "urge", "cramp_relief": "stretch_only"}, {"rls_urge": "yes"}),
        ({"cramp_feel": "urge", "cramp_relief": "neither"}, {"rls_urge": "yes"}),
        (
            {"cramp_feel": "urge", "cramp_relief": "neither", "relief_past": "no"},
            {"rls_urge": "yes", "rls_relief": "no"},
        ),
        ({"cramp_feel": "urge"}, {"rls_urge": "yes"}),
        ({"cramp_feel": "other", "cramp_relief": "any_movement"}, {}),
    ],
)
def test_cramp_answers_contribute_to_rls(row: dict[str, Any], said: dict[str, str]) -> None:
    answers = read_answers([row], {"cramp_questions", "rls_criteria"}, RULES)
    assert {name: status.value for name, status in answers.criteria.items() if status.value != "unknown"} == said


def test_urge_beside_a_cramp_answer_is_a_conflict() -> None:
    row = {"rls_urge": "yes", "cramp_feel": "painful_tightening", "cramp_relief": "stretch_only"}
    answers = read_answers([row], {"cramp_questions", "rls_criteria"}, RULES)
    status = rls.leg_cramp_pattern(answers.cramp_feel, answers.cramp_relief, answers.cramp_reason)
    assert (status.value, status.reason) == ("unknown", "conflicting_items")
    assert answers.criteria["rls_urge"].value == "yes"


E = dict(zip(CRITERIA, ["yes"] * 5, strict=True))


@pytest.mark.parametrize(
    ("row", "irlssg", "level", "for_exclusion"),
    [
        (E, "yes", "definite", "yes"),
        ({**E, "rls_not_mimic": None}, "unknown", "probable", "unknown"),
        ({**E, "rls_not_mimic": None, "rls_single_question": "no"}, "unknown", "probable", "unknown"),
        ({**E, "rls_not_mimic": None, "rls_physician_told": "no"}, "unknown", "probable", "unknown"),
        ({**E, "rls_evening": None, "rls_physician_told": "no"}, "unknown", "no_information", "no"),
        ({**E, "rls_rest": "no"}, "no", "none", "no"),
        ({**E, "rls_not_mimic": "no"}, "no", "mimic", "no"),
        ({"rls_single_question": "yes"}, "unknown", "screen_positive", "unknown"),
        ({"rls_single_question": "no"}, "unknown", "screen_negative", "no"),
        ({"rls_ch_rlsq_result": "yes"}, "unknown", "screen_positive", "unknown"),
        ({"rls_ch_rlsq_result": "no"}, "unknown", "screen_negative", "no"),
        ({"rls_ch_rlsq_result": "no", "rls_single_question": "yes"}, "unknown", "screen_negative", "unknown"),
        ({"rls_physician_told": "yes"}, "unknown", "reported", "unknown"),
        ({"rls_physician_told": "no"}, "unknown", "no_information", "no"),
        ({"rls_physician_told": "yes", "rls_single_question": "no"}, "unknown", "reported", "unknown"),
        ({"rls_probability": "likely"}, "unknown", "probable", "unknown"),
        ({"rls_probability": "possible"}, "unknown", "possible", "unknown"),
        ({"rls_probability": "unlikely_past"}, "unknown", "none", "no"),
        ({"rls_or_plms_told": "yes"}, "unknown", "not_usable", "unknown"),
        ({}, "unknown", "no_information", "unknown"),
    ],
)
def test_rls_levels(row: dict[str, Any], irlssg: str, level: str, for_exclusion: str) -> None:
    row = {key: value for key, value in row.items() if value is not None}
    answers = read_answers([row], {"rls_criteria", "rls_screen", "rls_physician"}, RULES)
    found = rls.rls_irlssg(answers.criteria)
    told, single, scored = answers.physician_told.value, answers.single_question.value, answers.ch_rlsq.value
    compound = answers.compound_told.value
    assert found.value == irlssg
    assert rls.rls_level(answers.criteria, single, told, answers.rls_probability, compound, scored) == level
    excluded = rls.rls_for_exclusion(found, answers.criteria, single, told, answers.rls_probability, scored)
    assert excluded.value == for_exclusion


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [
        ({"ess_score": 10.0}, "sleepiness", "no"),
        ({"ess_score": 11.0}, "sleepiness", "yes"),
        ({"ess_score": 4.0, "sleepiness_complaint": "yes"}, "sleepiness", "yes"),
        ({"fss_mean_score": 3.9}, "fatigue", "no"),
        ({"fss_mean_score": 4.0}, "fatigue", "yes"),
        ({"whiirs_score": 9.0}, "insomnia", "yes"),
        ({"whiirs_score": 8.0, "insomnia_complaint": "no"}, "insomnia", "no"),
        ({}, "insomnia", "unknown"),
        ({"unrefreshing_sleep": "yes"}, "unrefreshing", "yes"),
    ],
)
def test_instruments_and_their_cut_offs(row: dict[str, Any], name: str, expected: str) -> None:
    answers = read_answers([row], {name}, RULES)
    assert answers.disturbance[name].value == expected


@pytest.mark.parametrize(
    ("ahi", "pap", "age", "expected"),
    [
        (5.0, "no", 40, "yes"),
        (4.9, "no", 40, "no"),
        (1.0, "no", 9, "yes"),
        (0.9, "no", 9, "no"),
        (30.0, "yes", 40, "no"),
        (30.0, "unknown", 40, "unknown"),
        (1.0, "unknown", 40, "no"),
        (None, "no", 40, "unknown"),
        (None, "yes", 40, "no"),
        (3.0, "no", None, "unknown"),
    ],
)
def test_untreated_breathing_disorder(ahi: float | None, pap: str, age: float | None, expected: str) -> None:
    found = rule.sdb_untreated(None if ahi is None else point(ahi), pap, None if age is None else point(age), RULES)
    assert found == expected


def test_g1_an_elevated_index_alone_decides_nothing() -> None:
    nothing = rule.any_composite({name: unknown("no_record") for name in RULES["exclusion_lists"]["strict"]}, set())
    status = rule.plmd_compatible(Status("yes"), unknown("no_record"), nothing.strict, Status("yes"))
    assert status.value == "unknown"
    assert rls.rls_irlssg({name: unknown("no_record") for name in CRITERIA}).value == "unknown"


def test_g2_g5_over_all_inputs() -> None:
    for values in itertools.product(VALUES, repeat=5):
        elevated, disturbance, first, second, pap = values
        better = rule.any_composite({"a": known(first), "b": known(second)}, {"a", "b"})
        status = rule.plmd_compatible(known(elevated), known(disturbance), better.strict, rule.not_pap_night(pap))
        if status.value == "yes":
            assert (disturbance, first, second, pap) == ("yes", "no", "no", "no")
        if elevated == "no":
            assert status.value == "no"
        if pap != "no":
            assert status.value != "yes"


def test_g3_rls_functions_take_nothing_from_a_recording() -> None:
    allowed = {
        "criteria",
        "single_question",
        "ch_rlsq",
        "physician_told",
        "rls_probability",
        "compound_told",
        "irlssg",
        "feel",
        "relief",
        "reason",
        "rows",
        "night",
        "window_d",
        "absent_reason",
        "collected",
        "rules",
    }
    night = set(contracts.table("night").column_names) if "night" in contracts.tables() else set()
    functions = [
        function
        for module in (rls, questionnaires)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert {function.__name__ for function in functions} >= {"rls_irlssg", "rls_level", "rls_for_exclusion"}
    for function in functions:
        parameters = set(inspect.signature(function).parameters)
        assert parameters <= allowed, function.__name__
        assert not parameters & night
    for module in (rls, questionnaires):
        source = inspect.getsource(module)
        for word in ("plmsi", "night_rows", "facts", "plms_elevated", "ahi"):
            assert word not in source, (module.__name__, word)


def test_g4_no_column_is_called_diagnosis() -> None:
    for name in ("phenotype", "analysis", "condition", "medication_exposure", "laboratory"):
        for column in contracts.table(name).columns:
            assert "diagnos" not in column.name
            if column.name.startswith("plmd_compatible") and column.codes == "yes_no_unknown":
                assert "not a diagnosis" in column.description


def test_g7_a_cramp_never_stands_beside_rls() -> None:
    items: dict[str, tuple[str | None, ...]] = {
        **dict.fromkeys(CRITERIA[:2], ("yes", "no", None)),
        **dict.fromkeys(CRITERIA[2:], ("yes",)),
        "cramp_feel": ("urge", "painful_tightening", "other", None),
        "cramp_relief": ("any_movement", "stretch_only", "neither", None),
        "cramp_sole_symptom": ("yes", None),
    }
    for values in itertools.product(*items.values()):
        row = {key: value for key, value in zip(items, values, strict=True) if value is not None}
        answers = read_answers([row], {"cramp_questions", "rls_criteria"}, RULES)
        cramp = rls.leg_cramp_pattern(answers.cramp_feel, answers.cramp_relief, answers.cramp_reason)
        assert not (cramp.value == "yes" and rls.rls_irlssg(answers.criteria).value == "yes")


THREE = st.sampled_from(VALUES)
BOUND = st.sampled_from([0.0, 0.9, 1.0, 4.9, 5.0, 5.1, 14.9, 15.0, 15.1, 17.0, 18.0, 19.0, 50.0])


@st.composite
def more_known(draw: st.DrawFn) -> tuple[str, str]:
    """A value, and the same or the value it turned out to be."""
    value = draw(THREE)
    return value, draw(st.sampled_from(VALUES)) if value == "unknown" else value


@st.composite
def shrunk(draw: st.DrawFn) -> tuple[Interval | None, Interval | None]:
    """An interval (None = nothing known) and one inside it."""
    lo, inner_lo, inner_hi, hi = sorted(draw(st.tuples(BOUND, BOUND, BOUND, BOUND)))
    hi_open = draw(st.booleans()) and lo < hi
    inner_open = draw(st.booleans()) and inner_lo < inner_hi
    if hi_open and inner_hi == hi:
        inner_open = True
        if inner_lo == inner_hi:
            inner_lo = lo
    outer = Interval(lo, hi, hi_open=hi_open)
    return draw(st.sampled_from([outer, None])), Interval(inner_lo, inner_hi, hi_open=inner_open)


def never_flips(before: str, after: str) -> None:
    assert before in ("unknown", "undetermined") or before == after


@given(shrunk(), BOUND)
def test_g6_thresholds_are_monotone(pair: tuple[Interval | None, Interval | None], limit: float) -> None:
    before, after = pair
    if before is not None and after is not None:
        for test in (gt, ge, lt, le):
            never_flips(test(before, limit), test(after, limit))


@given(shrunk(), shrunk())
def test_g6_elevated_index_is_monotone(
    index: tuple[Interval | None, Interval | None], age: tuple[Interval | None, Interval | None]
) -> None:
    before = index[0] or Interval(0.0, 360.0)
    assert index[1] is not None
    never_flips(
        rule.index_elevated(before, age[0], *LIMITS).value, rule.index_elevated(index[1], age[1], *LIMITS).value
    )


@given(shrunk(), shrunk(), more_known())
def test_g6_untreated_breathing_disorder_is_monotone(
    ahi: tuple[Interval | None, Interval | None], age: tuple[Interval | None, Interval | None], pap: tuple[str, str]
) -> None:
    never_flips(rule.sdb_untreated(ahi[0], pap[0], age[0], RULES), rule.sdb_untreated(ahi[1], pap[1], age[1], RULES))


@given(st.lists(more_known(), min_size=8, max_size=8), more_known(), more_known(), more_known())
def test_g6_compatibility_pattern_and_masking_are_monotone(
    exclusions: list[tuple[str, str]], elevated: tuple[str, str], disturbance: tuple[str, str], pap: tuple[str, str]
) -> None:
    names = RULES["exclusion_lists"]["strict"]
    results = []
    for side in (0, 1):
        better = rule.any_composite(
            {name: known(pair[side]) for name, pair in zip(names, exclusions, strict=True)}, set(names[:5])
        )
        compatible = [
            rule.plmd_compatible(
                known(elevated[side]), known(disturbance[side]), form, rule.not_pap_night(pap[side])
            ).value
            for form in (better.strict, better.assessed)
        ]
        factors = {name: pair[side] for name, pair in zip(RULES["factors"], exclusions[:5], strict=True)}
        results.append(
            [
                *compatible,
                rule.secondary_factor_pattern(elevated[side], factors),
                rule.masked_possible(elevated[side], pap[side]),
            ]
        )
    for before, after in zip(*results, strict=True):
        never_flips(before, after)


@given(st.lists(more_known(), min_size=5, max_size=5))
def test_g6_rls_is_monotone(pairs: list[tuple[str, str]]) -> None:
    before, after = (
        rls.rls_irlssg({name: known(pair[side]) for name, pair in zip(CRITERIA, pairs, strict=True)}).value
        for side in (0, 1)
    )
    never_flips(before, after)


FEEL = st.sampled_from(["urge", "painful_tightening", "other"])
RELIEF = st.sampled_from(["any_movement", "stretch_only", "neither"])


@given(FEEL, RELIEF, st.booleans(), st.booleans())
def test_g6_cramp_is_monotone(feel: str, relief: str, feel_known: bool, relief_known: bool) -> None:
    before = rls.leg_cramp_pattern(feel if feel_known else None, relief if relief_known else None)
    never_flips(before.value, rls.leg_cramp_pattern(feel, relief).value)


def test_assessed_over_nothing_is_unknown_never_no() -> None:
    composite = rule.any_composite({"a": unknown("not_collected"), "b": unknown("not_collected")}, set())
    assert composite.assessed == unknown("not_collected")
    assert composite.universe == ()
    assert composite.not_collected == ("a", "b")


def test_strict_and_assessed_differ_by_what_was_not_collected() -> None:
    composite = rule.any_composite({"a": Status("no"), "b": unknown("not_collected")}, {"a"})
    assert (composite.strict.value, composite.assessed.value) == ("unknown", "no")
    assert composite.strict.reason == "not_collected"
