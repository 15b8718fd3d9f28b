"""The Methods paragraph: every number and option of a rule file stands in it, with its source."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plms_pipeline import contracts, night
from plms_pipeline.night import methods, methods_prose
from plms_pipeline.scoring.rules import EVIDENCE_FIELDS, RULE_FIELDS

NAMES = ("wasm2016", "aasm3", "wasm2006", "coleman")
OTHER_NUMBER = {"number": 7.3125, "count": 17}


def told(values: methods.Values, prose: Callable[[Any], Iterator[str]] = methods_prose.rule_set) -> str:
    return methods.paragraph(values, prose, methods.References())


def with_value(values: methods.Values, key: str, value: Any) -> methods.Values:
    entries = {**values.entries, key: values.entries[key]._replace(value=value, file_value=value)}
    return methods.Values(values.name, values.title, entries)


def numbers_in(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", re.sub(r"\[[\d, ]+\]", "", text)))


def prose_of(text: str) -> str:
    """The sentences before the list of named options."""
    return text.split("Named options in effect")[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", [key for key, field in RULE_FIELDS.items() if field.kind in OTHER_NUMBER])
def test_every_number_of_a_rule_file_stands_in_the_sentences(name: str, key: str) -> None:
    before = methods.rule_set_values(contracts.load_yaml(f"rules/{name}.yaml"))
    value = before.entries[key].value
    if value is not None:
        unit = before.entries[key].unit
        assert f"{value:.15g} {unit}".strip() in prose_of(told(before))
    other = OTHER_NUMBER[RULE_FIELDS[key].kind]
    assert f"{other:g}" not in numbers_in(told(before))
    assert f"{other:g}" in numbers_in(prose_of(told(with_value(before, key, other))))


OPTIONS = [key for key, field in RULE_FIELDS.items() if field.kind not in OTHER_NUMBER]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", OPTIONS)
def test_every_option_is_named_with_its_value(name: str, key: str) -> None:
    before = methods.rule_set_values(contracts.load_yaml(f"rules/{name}.yaml"))
    for choice in RULE_FIELDS[key].allowed:
        text = told(with_value(before, key, choice))
        assert f"{key} = {str(choice).lower() if isinstance(choice, bool) else choice}" in text


@pytest.mark.parametrize("key", [key for key in OPTIONS if len(RULE_FIELDS[key].allowed) > 1])
def test_every_option_that_can_be_chosen_changes_the_sentences_where_it_matters(key: str) -> None:
    values = methods.rule_set_values(contracts.load_yaml("rules/wasm2016.yaml"))
    texts = {prose_of(told(with_value(values, key, choice))) for choice in RULE_FIELDS[key].allowed}
    assert len(texts) == len(RULE_FIELDS[key].allowed)


def test_every_number_of_detector_and_evidence_stands_in_the_sentences() -> None:
    for values, prose in (
        (methods.detector_values(), methods_prose.detector),
        (methods.evidence_values(), methods_prose.evidence),
    ):
        before = told(values, prose)
        for key, entry in values.entries.items():
            if entry.is_option:
                assert f"{key} = {entry.value}" in before
            elif not isinstance(entry.value, list):
                assert "7.3125" in numbers_in(told(with_value(values, key, 7.3125), prose)), key
    text = told(methods.detector_values(), methods_prose.detector)
    assert "50 and 60 Hz" in text and "0.1 s before to 0.15 s after" in text
    assert set(methods.evidence_values().entries) == set(EVIDENCE_FIELDS)


def test_a_value_that_no_sentence_tells_is_an_error() -> None:
    values = methods.rule_set_values(contracts.load_yaml("rules/wasm2016.yaml"))
    with pytest.raises(RuntimeError, match="imi_min_s"):
        told(values, lambda v: iter([f"LM lasted at least {v('lm_min_s')}"]))


def test_every_sentence_that_holds_a_value_cites_a_listed_work() -> None:
    made, works = methods.sections(NAMES, with_detector=True)
    for section in made:
        sentences = prose_of(section.text).rstrip(". ").split("]. ")
        cited = [{int(n) for n in re.findall(r"\d+", text.split(" [")[-1])} for text in sentences]
        assert all(numbers and max(numbers) <= len(works) for numbers in cited), section.heading
    assert len(works) == len(set(works))
    for name in ("Ferri R, Fulda S", "Zucconi M", "American Academy", "Atlas Task Force", "Coleman RM", "Manconi M"):
        assert any(name in work for work in works), name


def test_what_the_user_overrides_is_told_beside_the_value_of_the_file() -> None:
    text = methods.methods_text(["wasm2016"], {"wasm2016": {"short_imi_may_start": False, "imi_min_s": 5}})
    assert "the CLM after it could not be the first of a new one" in text
    assert "intervals of 5 s to 90 s" in text
    assert "imi_min_s = 5 s (instead of 10 s), short_imi_may_start = false (instead of true)" in text


def test_a_citation_of_no_known_work_is_listed_as_it_stands() -> None:
    mapping = copy.deepcopy(contracts.load_yaml("rules/wasm2016.yaml"))
    mapping["numbers"]["imi_min_s"]["citation"] = "Somebody et al., J Sleep 2031; 1:2-3"
    references = methods.References()
    methods.paragraph(methods.rule_set_values(mapping), methods_prose.rule_set, references)
    assert "Somebody et al., J Sleep 2031; 1:2-3" in references.works


def test_the_page_holds_a_paragraph_and_a_table_for_every_rule_set_of_the_schemas() -> None:
    page = methods.methods_markdown()
    for name in [*night.available_rule_sets(), "detector_emg", "detector_piezo", "evidence"]:
        assert f"(`{name}`)" in page
    for key in RULE_FIELDS:
        assert page.count(f"| `{key}` |") >= len(night.available_rule_sets())


def test_the_page_in_docs_is_the_generated_one() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "methods.md"
    assert page.read_text(encoding="utf-8") == methods.methods_markdown()
