"""The join: clinical rows beside nights, turned into statuses, for one night or for a hundred thousand.

One code path serves both. The cohort run links night by night (:func:`night_statuses`, a batch of one);
:mod:`plms_pipeline.exposures.batch` links a cohort at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.exposures.columns import Columns, Floats, Index, Row, columns_of, day_number, offsets_d
from plms_pipeline.exposures.conditions import Conditions, beside_egfr, recorded, statuses_of
from plms_pipeline.exposures.draws import Draws, read_draws
from plms_pipeline.exposures.kidney import Kidney, Kidneys, egfr_value, kidney_of, kidneys, under_dialysis
from plms_pipeline.exposures.laboratory import Laboratory, LabValue, laboratory_values, value_of
from plms_pipeline.exposures.medication import Exposure, exposure_rows, exposures
from plms_pipeline.exposures.medication_terms import Terms, terms_of
from plms_pipeline.exposures.people import People, people_of
from plms_pipeline.exposures.status import YES, Status

JOINED_TABLES = ("demographics", "medication", "inventory", "laboratory", "condition")


class Prepared(NamedTuple):
    """Clinical tables with what can be said of a row before it stands beside a night."""

    tables: dict[str, Columns]
    term: Index
    terms: Terms
    draws: Draws


class Beside(NamedTuple):
    """Rows of a table that may speak for nights (positions, one entry per row and night), and the night of each."""

    rows: Index
    at: Index


class Joined(NamedTuple):
    """Statuses of nights."""

    people: People
    medication: Exposure
    laboratory: Laboratory
    kidney: Kidneys
    conditions: Conditions


class NightStatuses(NamedTuple):
    """Statuses of one night: rows of ``medication_exposure`` without ids, values, kidney and conditions by name."""

    medication: list[dict[str, Any]]
    laboratory: dict[str, LabValue]
    kidney: Kidney
    conditions: dict[str, Status]


def prepare(tables: Mapping[str, Columns], rules: dict[str, Any]) -> Prepared:
    """Match medicines and read laboratory values once, whatever the number of nights they may speak for."""
    own = {name: tables.get(name, Columns(0, {}, {})) for name in JOINED_TABLES}
    term, terms, _ = terms_of(own["medication"])
    return Prepared(own, term, terms, read_draws(own["laboratory"], tuple(rules["analytes"]), rules))


def join(
    prepared: Prepared,
    beside: Mapping[str, Beside],
    night_d: Floats,
    declaration: dict[str, Any],
    rules: dict[str, Any],
) -> Joined:
    """Statuses of nights.

    Parameters
    ----------
    prepared
        :func:`prepare`.
    beside
        Of every table of :data:`JOINED_TABLES`, the rows that may speak for each night.
    night_d
        Day number of every night, NaN when not known.
    declaration, rules
        ``Covariates.declaration`` and the clinical rules.
    """
    n = len(night_d)
    rows = {name: prepared.tables[name].take(found.rows) for name, found in beside.items()}
    at = {name: found.at for name, found in beside.items()}
    people = people_of(rows["demographics"], at["demographics"], n, declaration, rules)
    medication = exposures(
        rows["medication"],
        at["medication"],
        rows["inventory"],
        at["inventory"],
        night_d,
        (prepared.term[beside["medication"].rows], prepared.terms),
        declaration,
        rules,
    )
    laboratory = laboratory_values(
        prepared.draws.take(beside["laboratory"].rows),
        at["laboratory"],
        offsets_d(rows["laboratory"], "collected", night_d[at["laboratory"]]),
        n,
        medication,
        declaration,
        rules,
    )
    kidney = kidneys(laboratory, people, rules)
    egfr = kidney.creatinine
    conditions = recorded(rows["condition"], at["condition"], night_d, declaration, rules)
    conditions = beside_egfr(conditions, egfr.lo, egfr.hi, egfr.offset_d, declaration, rules)
    return Joined(people, medication, laboratory, kidney, conditions)


def night_statuses(
    covariates: Mapping[str, list[Row]], night: str | None, declaration: dict[str, Any], rules: dict[str, Any]
) -> NightStatuses:
    """Statuses of one night: :func:`join` of a single one.

    Parameters
    ----------
    covariates
        ``Covariates.for_subject`` ({} without clinical tables).
    night
        ISO date of the recording, or None.
    declaration
        ``Covariates.declaration`` ({} without clinical tables: nothing was collected).
    rules
        Clinical rules.
    """
    tables = {name: columns_of(name, covariates.get(name, [])) for name in JOINED_TABLES}
    beside = {name: Beside(np.arange(columns.n), np.zeros(columns.n, np.int64)) for name, columns in tables.items()}
    night_d = np.array([day_number(night) if night else np.nan])
    return statuses_of_night(join(prepare(tables, rules), beside, night_d, declaration, rules), 0, rules)


def statuses_of_night(found: Joined, night: int, rules: dict[str, Any]) -> NightStatuses:
    """One night out of many."""
    conditions = statuses_of(found.conditions, night)
    laboratory = {name: value_of(found.laboratory, name, night, rules) for name in rules["analytes"]}
    siblings = {"egfr_crcys": found.kidney.both, "egfr_cys": found.kidney.cystatin}
    laboratory |= {name: egfr_value(egfr, name, night) for name, egfr in siblings.items()}
    kidney = kidney_of(found.kidney, night, rules)
    if conditions["dialysis"].value == YES:
        kidney = under_dialysis(kidney)
        for name in siblings:
            laboratory[name] = laboratory[name]._replace(interval=None, value=None, reason="dialysis", flags=())
    return NightStatuses(exposure_rows(found.medication, night), laboratory, kidney, conditions)
