"""A Methods paragraph for a paper, generated from the rule files and whatever the user overrides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import plms_pipeline
from plms_pipeline import contracts, scoring
from plms_pipeline.night import methods_prose
from plms_pipeline.night.settings import available_rule_sets, rule_files
from plms_pipeline.scoring.rules import EVIDENCE_FIELDS, RULE_FIELDS, effective_settings, evidence_settings

_SIGNS = {"uV": "µV", "1": "", None: ""}


class Entry(NamedTuple):
    """One number or option in effect: value, unit as printed, citation, value of the file if it was overridden."""

    value: Any
    unit: str
    citation: str
    is_option: bool
    file_value: Any


class Values:
    """Settings as prose takes them: every value is given out once more as text and remembered as told.

    Parameters
    ----------
    name, title
        Of the rule set.
    entries
        Key → entry, in the order of the file.
    """

    def __init__(self, name: str, title: str, entries: Mapping[str, Entry]) -> None:
        self.name = name
        self.title = title
        self.entries = entries
        self._told: list[str] = []
        self._since: list[str] = []

    def raw(self, key: str) -> Any:
        """The value itself, to choose words by."""
        self._told.append(key)
        self._since.append(key)
        return self.entries[key].value

    def __call__(self, key: str) -> str:
        """The value with its unit."""
        return with_unit(self.raw(key), self.entries[key].unit)

    def since(self) -> list[str]:
        """Keys told since the last call."""
        since, self._since = self._since, []
        return since

    def untold(self) -> list[str]:
        """Keys no sentence has used; a paragraph with any would be incomplete."""
        return [key for key in self.entries if key not in self._told]


def with_unit(value: Any, unit: str) -> str:
    """``0.5 s``, ``50 and 60 Hz``, ``true``, ``none``; every decimal place that the file has."""
    return plain(value) if value is None else f"{plain(value)} {unit}".strip()


def plain(value: Any) -> str:
    """A value without its unit."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return " and ".join(plain(one) for one in value)
    return str(value)


class References:
    """Numbers of the works cited, in the order in which they come."""

    def __init__(self) -> None:
        self._known: list[dict[str, Any]] = contracts.load_yaml("references.yaml")["references"]
        self.works: list[str] = []

    def numbers(self, citation: str) -> list[int]:
        """Numbers of the works a citation names; a citation of none of the known works is one of its own."""
        works = [work["reference"] for work in self._known if any(name in citation for name in work["cited_as"])]
        for work in works or [citation]:
            if work not in self.works:
                self.works.append(work)
        return sorted(self.works.index(work) + 1 for work in works or [citation])


def paragraph(values: Values, prose: Callable[[Any], Iterator[str]], references: References) -> str:
    """The sentences of one paragraph, each with the numbers of the works behind its values.

    Raises
    ------
    RuntimeError
        When a value of the file stands in no sentence.
    """
    sentences = []
    for text in prose(values):
        keys = values.since()
        numbers = sorted({n for key in keys for n in references.numbers(values.entries[key].citation)})
        cited = f" [{', '.join(map(str, numbers))}]" if numbers else ""
        sentences.append(f"{text}{cited}.")
    if untold := values.untold():
        raise RuntimeError(f"{values.name}: {', '.join(untold)} stand in no sentence of the Methods paragraph")
    if options := [f"{key} = {plain(entry.value)}" for key, entry in values.entries.items() if entry.is_option]:
        sentences.append(f"Named options in effect: {', '.join(options)}.")
    if changed := [
        f"{key} = {with_unit(entry.value, entry.unit)} (instead of {with_unit(entry.file_value, entry.unit)})"
        for key, entry in values.entries.items()
        if entry.value != entry.file_value
    ]:
        sentences.append(f"Set differently from the rule file for this analysis: {', '.join(changed)}.")
    return " ".join(sentences)


def _entries(mapping: Mapping[str, Any], fields: Mapping[str, Any], effective: Mapping[str, Any]) -> dict[str, Entry]:
    entries = {}
    for key, field in fields.items():
        section = "numbers" if key in mapping["numbers"] else "options"
        entry = mapping[section][key]
        is_option = field.kind in ("flag", "option")
        unit = "" if is_option else _SIGNS.get(entry.get("unit"), entry.get("unit"))
        entries[key] = Entry(effective[key], unit, entry["citation"], is_option, entry["value"])
    return entries


def rule_set_values(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Values:
    """Numbers and options of a loaded rule file after overrides, ready to be told; errors as `load_rule_sets`."""
    name = scoring.rule_set_name(mapping)
    effective = effective_settings(mapping, overrides)
    return Values(name, str(mapping.get("title") or name), _entries(mapping, RULE_FIELDS, effective))


def evidence_values() -> Values:
    """Numbers and options of ``schemas/rules/evidence.yaml``."""
    mapping = contracts.load_yaml("rules/evidence.yaml")
    return Values("evidence", mapping["title"], _entries(mapping, EVIDENCE_FIELDS, evidence_settings(mapping)))


def detector_values(overrides: Mapping[str, Any] | None = None) -> Values:
    """Numbers and options of ``schemas/rules/detector_emg.yaml`` after overrides."""
    return _detector_values("detector_emg", "Detection of leg movements", overrides)


def piezo_values(overrides: Mapping[str, Any] | None = None) -> Values:
    """Numbers of ``schemas/rules/detector_piezo.yaml`` after overrides."""
    return _detector_values("detector_piezo", "Detection with a piezo-electric sensor", overrides)


def _detector_values(name: str, title: str, overrides: Mapping[str, Any] | None) -> Values:
    entries = {}
    for key, entry in contracts.load_yaml(f"rules/{name}.yaml")["rules"].items():
        value = (overrides or {}).get(key, entry["value"])
        unit = _SIGNS.get(entry["unit"], entry["unit"])
        entries[key] = Entry(value, unit, entry["source"], isinstance(value, str), entry["value"])
    return Values(name, title, entries)


class Section(NamedTuple):
    """Heading, paragraph and the values in it."""

    heading: str
    text: str
    values: Values


def sections(
    names: Sequence[str],
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    with_detector: bool = False,
) -> tuple[list[Section], list[str]]:
    """Paragraphs of the detectors (on request), rule sets and evidence, and the works they cite.

    Parameters
    ----------
    names
        Rule sets by name or path, as `load_rule_sets`.
    overrides
        Rule set → option → value.
    """
    references = References()
    told = []
    if with_detector:
        told = [(detector_values(), methods_prose.detector), (piezo_values(), methods_prose.piezo)]
    for mapping in rule_files(names, overrides):
        values = rule_set_values(mapping, (overrides or {}).get(mapping["rule_set"]))
        told.append((values, methods_prose.rule_set))
    told.append((evidence_values(), methods_prose.evidence))
    made = [Section(values.title, paragraph(values, prose, references), values) for values, prose in told]
    return made, references.works


def _reference_list(works: Sequence[str]) -> list[str]:
    return ["## References", "", *(f"{number}. {work}" for number, work in enumerate(works, start=1))]


def methods_text(names: Sequence[str], overrides: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Paragraphs of the rule sets in effect and of the evidence classes with their references, as Markdown."""
    made, works = sections(names, overrides)
    lines = []
    for section in made:
        lines += [f"## {section.heading}", "", section.text, ""]
    return "\n".join([*lines, *_reference_list(works)]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(values: Values) -> list[str]:
    rows = [
        f"| `{key}` | {with_unit(entry.value, entry.unit)} | {_cell(entry.citation)} |"
        for key, entry in values.entries.items()
    ]
    return ["| setting | value | source |", "|---|---|---|", *rows]


def methods_markdown() -> str:
    """The page ``docs/methods.md``: detector, every rule set of ``schemas/rules`` and evidence, as they are."""
    made, works = sections(available_rule_sets(), with_detector=True)
    lines = [
        "# Methods, to paste",
        "",
        "Generated from `schemas/rules` by `make docs`; do not edit. One paragraph per rule set, one for each "
        "detector and",
        "one for evidence and indices: take those that were used, with the references they cite. The same paragraphs "
        "for",
        "options of one's own or a rule file of one's own: `plms score --methods --rules … --set …`.",
        "",
        "The sentences hold every number and option of the files; a value changed there changes here.",
        f"Software: plms-pipeline {plms_pipeline.__version__}.",
        "",
    ]
    for section in made:
        kind = f" (`{section.values.name}`)"
        lines += [f"## {section.heading}{kind}", "", section.text, "", *_table(section.values), ""]
    return "\n".join([*lines, *_reference_list(works)]) + "\n"
