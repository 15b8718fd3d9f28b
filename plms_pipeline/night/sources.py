"""A night scored from detected movements and, beside them, from human marks; which of the two decides is a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plms_pipeline import contracts, ingest, scoring
from plms_pipeline.night.agreement import agreement_rows
from plms_pipeline.night.family import EMG, SOURCES, score_family
from plms_pipeline.night.human import ANNOTATION, HumanMarks, gaps_for
from plms_pipeline.night.part import ID_NAMES

DETECTOR = "detector"


class Sources(NamedTuple):
    """Tables of every source of movements in one, and what was noticed about the human marks."""

    tables: dict[str, dict[str, Any]]
    main: str
    findings: tuple[ingest.Finding, ...]
    n_marks: int | None


def score_sources(
    night: scoring.NightInput,
    rule_sets: Sequence[scoring.RuleSet],
    detected: Mapping[str, Any],
    marks: HumanMarks | None,
    main: str,
) -> Sources:
    """Score the detected movements of a night and its human leg marks by the same rules.

    Parameters
    ----------
    night
        The night with the detected movements.
    rule_sets
        All numbers of the scoring.
    detected
        Facts of the detection.
    marks
        Human leg marks, the second source; None where nobody marked legs.
    main
        `detector` or `annotation`: the source that phenotypes, analysis and reports use.

    Returns
    -------
    Sources
        Tables ``scored_movement`` and ``night`` (without ids) of the detector and, where there are human marks or
        they are the main source, of the annotation; ``movement_agreement`` where there are both.
    """
    source = SOURCES.get(detected["family"], SOURCES[EMG])
    by_detector = with_source(score_family(night, rule_sets, detected["family"]), source, is_main=main == DETECTOR)
    if marks is None and main == DETECTOR:
        return Sources(by_detector | {"movement_agreement": _no_agreement()}, main, (), None)
    by_human = with_source(
        score_family(_as_marked(night, marks, detected), rule_sets, ANNOTATION), ANNOTATION, is_main=main == ANNOTATION
    )
    tables = {name: _below(by_detector[name], by_human[name]) for name in by_detector}
    tables["movement_agreement"] = (
        _no_agreement()
        if marks is None
        else agreement_rows(by_detector, by_human, source, night.evidence.agreement_tolerance_us)
    )
    n_marks = None if marks is None else int(marks.movements.onset_us.size)
    return Sources(tables, main, () if marks is None else marks.findings, n_marks)


def _as_marked(night: scoring.NightInput, marks: HumanMarks | None, detected: Mapping[str, Any]) -> scoring.NightInput:
    if marks is None:
        return night._replace(movements=None, legs="none", no_leg_reason="legs_not_marked")
    gaps = gaps_for(night.gaps, marks.legs, detected["legs_used"])
    return night._replace(movements=marks.movements, legs=marks.legs, gaps=gaps)


def with_source(tables: Mapping[str, Mapping[str, Any]], source: str, *, is_main: bool) -> dict[str, dict[str, Any]]:
    """The tables of one source with the columns that say so."""
    marked = {name: dict(rows) | {"source": [source] * len(rows["rule_set"])} for name, rows in tables.items()}
    marked["night"]["is_main"] = [is_main] * len(marked["night"]["rule_set"])
    return marked


def of_source(rows: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The rows of one source of a table with the column `source`."""
    kept = [at for at, name in enumerate(rows["source"]) if name == source]
    return {name: [values[at] for at in kept] for name, values in rows.items()}


def _below(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [*one[name], *two[name]] for name in one}


def _no_agreement() -> dict[str, Any]:
    return {name: [] for name in contracts.table("movement_agreement").column_names if name not in ID_NAMES}
