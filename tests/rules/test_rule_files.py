"""Rule files: what a file must hold, and that each number of it is used."""

from __future__ import annotations

import copy

import pytest

from plms_pipeline import scoring
from plms_pipeline.errors import InputError
from plms_pipeline.scoring.rules import RULE_FIELDS

NAMES = ("wasm2016", "aasm3", "wasm2006", "coleman")
OPEN_POINTS = {f"A{k}" for k in range(1, 25)} - {"A17"}


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_says_value_meaning_and_citation(t, name):
    loaded = t.loaded(name)
    assert loaded["rule_set"] == name
    for section in ("numbers", "options"):
        for key, entry in loaded[section].items():
            assert entry["citation"].strip() and entry["meaning"].strip(), key


@pytest.mark.parametrize("name", NAMES)
def test_every_open_point_but_that_of_the_detector_is_an_entry(t, name):
    loaded = t.loaded(name)
    found = {entry.get("open_point") for section in ("numbers", "options") for entry in loaded[section].values()}
    assert found - {None} == OPEN_POINTS


@pytest.mark.parametrize("name", NAMES)
def test_choices_written_in_the_file_are_those_that_are_taken(t, name):
    for key, entry in t.loaded(name)["options"].items():
        assert tuple(entry["choices"]) == RULE_FIELDS[key].allowed, key


def changed(t, edit, name="wasm2016"):
    mapping = copy.deepcopy(t.loaded(name))
    edit(mapping)
    return mapping


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (
            lambda m: m["numbers"].update(imi_minimum_s={"value": 1}),
            "unknown key 'imi_minimum_s'; did you mean 'imi_min_s'",
        ),
        (lambda m: m["numbers"].pop("imi_max_s"), "imi_max_s is missing"),
        (lambda m: m["numbers"]["imi_max_s"].update(value=-3), "must lie in"),
        (lambda m: m["numbers"]["imi_max_s"].update(value="90"), "is not a number"),
        (lambda m: m["numbers"]["imi_max_s"].update(value=True), "is not a number"),
        (lambda m: m["numbers"]["imi_max_s"].update(value=float("nan")), "must lie in"),
        (lambda m: m["numbers"]["imi_max_s"].update(value=None), "has no value"),
        (lambda m: m["numbers"]["imi_max_s"].update(unit="min"), "is in s, the file says 'min'"),
        (lambda m: m["numbers"]["imi_max_s"].update(citation=" "), "has no citation"),
        (lambda m: m["numbers"]["imi_max_s"].pop("value"), "has no 'value'"),
        (lambda m: m["numbers"]["imi_max_s"].update(value=5.0), "is above imi_max_s"),
        (lambda m: m["numbers"]["series_min_clm"].update(value=3.5), "is not a whole number"),
        (lambda m: m["numbers"]["series_min_clm"].update(value=1), "must lie in"),
        (lambda m: m["numbers"]["clm_bilateral_max_s"].update(value=0.1), "is below lm_min_s"),
        (lambda m: m["numbers"]["respiratory_after_s"].update(value=None), "give both"),
        (lambda m: m["numbers"]["arousal_gap_s"].update(value=None), "arousal_gap_s has no value"),
        (lambda m: m["options"]["short_imi"].update(value="brake"), "choose break, ignore_later"),
        (lambda m: m["options"]["short_imi_may_start"].update(value="yes"), "choose true, false"),
        (lambda m: m["options"]["short_imi_may_start"].update(value=1), "choose true, false"),
        (lambda m: m["options"].update(imi_min_s={"value": 1}), "stands twice"),
        (lambda m: m.pop("numbers"), "section 'numbers' is missing"),
        (lambda m: m.update(option={}), "unknown key 'option'; did you mean 'options'"),
        (lambda m: m.update(rule_set="My Rules"), "not a word in lower case"),
    ],
)
def test_a_wrong_rule_file_gets_one_clear_line(t, edit, text):
    with pytest.raises(InputError) as caught:
        scoring.rule_set_from_mapping(changed(t, edit))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_override_of_an_unknown_option_names_the_nearest(t):
    with pytest.raises(InputError, match="did you mean 'short_imi_may_start'"):
        scoring.rule_set_from_mapping(t.loaded("wasm2016"), {"short_imi_may_begin": False})


def test_an_override_reaches_the_settings_that_provenance_holds(t):
    assert scoring.effective_settings(t.loaded("wasm2016"))["short_imi_may_start"] is True
    changed_settings = scoring.effective_settings(t.loaded("wasm2016"), {"short_imi_may_start": False})
    assert changed_settings["short_imi_may_start"] is False


def test_a_fifth_rule_set_is_a_new_file(t):
    mapping = changed(t, lambda m: (m.update(rule_set="mine"), m["numbers"]["imi_max_s"].update(value=60)))
    rules = scoring.rule_set_from_mapping(mapping)
    found = scoring.score(t.night(t.every(70, 5)), [rules, t.rules("wasm2016")])
    assert [(one.rule_set, one.night["n_plm"]) for one in found] == [("mine", 0), ("wasm2016", 5)]


def test_decimal_limits_become_exact_microseconds(t):
    rules = t.rules("wasm2016", imi_min_s=10.1, same_leg_join_gap_s=0.3)
    assert (rules.imi_min_us, rules.same_leg_join_gap_us) == (10_100_000, 300_000)


def test_evidence_file_is_checked_the_same_way(t):
    mapping = copy.deepcopy(t.loaded("evidence"))
    mapping["numbers"]["full_min_scorable_fraction"]["value"] = 1.5
    with pytest.raises(InputError, match="full_min_scorable_fraction"):
        scoring.evidence_from_mapping(mapping)


def test_every_number_of_a_rule_set_changes_some_score(t):
    """No dead option: each number, moved, changes the score of a night that stands at its limit."""
    rows = [
        *t.every(90, 4, start=500),
        *t.every(10, 4, start=2000),
        ("L", 3000, "3000.5"),
        ("L", 4000, 4010),
        ("L", 4100, 4101),
        ("L", "4101.4", 4103),
        ("L", 5000, 5008),
        ("R", 5007, 5015),
        ("L", 6000, 6001),
        ("R", "6001.4", "6002.4"),
        ("L", "6002.6", "6003.6"),
        ("R", "6003.8", "6004.8"),
        ("L", 7000, None),
    ]
    events = [(1900, "1999.75"), (2000, "2022.5")]
    arousals = [("2002.4", 2009)]
    assumed = {"assumed_duration_s": 10.0}
    base = t.score("wasm2016", rows, respiratory=events, arousals=arousals, options=assumed)
    moved = {
        "same_leg_join_gap_s": 0.3,
        "lm_min_s": 0.6,
        "clm_monolateral_max_s": 9.0,
        "clm_bilateral_max_s": 14.0,
        "clm_bilateral_max_monolateral": 3,
        "assumed_duration_s": 11.0,
        "combine_limit_s": 0.3,
        "imi_min_s": 10.5,
        "imi_max_s": 89.0,
        "series_min_clm": 5,
        "respiratory_before_s": 0.4,
        "respiratory_after_s": 0.1,
        "arousal_gap_s": 0.3,
    }
    numbers = {key for key, entry in t.loaded("wasm2016")["numbers"].items() if entry["value"] is not None}
    assert numbers | {"assumed_duration_s"} == set(moved) | {"clm_combined_channel_max_s"}
    for key, value in moved.items():
        other = t.score("wasm2016", rows, respiratory=events, arousals=arousals, options={**assumed, key: value})
        assert other.movements != base.movements, key
