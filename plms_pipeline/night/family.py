"""Index families: what a piezo sensor measures stays in columns of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plms_pipeline import contracts, scoring

EMG, PIEZO, NO_FAMILY = "emg", "piezo", "none"
SOURCES = {EMG: "detector", PIEZO: "detector_piezo"}
_SUFFIX = "_piezo"
# These say where they rest on instead of being unknown.
_NEVER_NULL = {"evidence_class": "none", "legs_used": "none"}


def family_of(source: str) -> str:
    """Family of movements by who found them (code list ``movement_source``)."""
    return PIEZO if source == SOURCES[PIEZO] else EMG


def source_of(family: str) -> str:
    """Who finds movements of a family (code list ``movement_source``)."""
    return SOURCES[family]


def score_family(night: scoring.NightInput, rule_sets: Sequence[scoring.RuleSet], family: str) -> dict[str, Any]:
    """The tables ``scored_movement`` and ``night`` (without ids) of all rule sets, one after the other.

    Movements of a piezo sensor are scored by the same rules of periodicity, but every index in the columns of the
    published rules stays null (``sensor_not_emg``): those are defined on microvolts.

    Parameters
    ----------
    night
        One night.
    rule_sets
        All numbers of the scoring.
    family
        `EMG` or `PIEZO` for its movements, `NO_FAMILY` when it has none.

    Returns
    -------
    dict
        Table → columns.
    """
    scored = scoring.score(night, rule_sets)
    shown = scored
    if family == PIEZO:
        shown = scoring.score(night._replace(movements=None, no_leg_reason="sensor_not_emg"), rule_sets)
    movements: dict[str, list[Any]] = {}
    nights: dict[str, list[Any]] = {}
    for found, published in zip(scored, shown, strict=True):
        rows = {name: list(values) for name, values in found.movements.items()}
        n = len(rows["movement_id"])
        for name, values in (rows | {"index_family": [family] * n}).items():
            movements.setdefault(name, []).extend(values)
        row = dict(published.night) | {"index_family": family}
        for name, value in (row | _piezo_columns(found.night if family == PIEZO else None)).items():
            nights.setdefault(name, []).append(value)
    return {"scored_movement": movements, "night": nights}


def _piezo_columns(row: dict[str, Any] | None) -> dict[str, Any]:
    """The columns that end in ``_piezo`` from a row scored on piezo movements; null without one."""
    columns: dict[str, Any] = {}
    for name in contracts.table("night").column_names:
        if not name.endswith(_SUFFIX):
            continue
        plain = name.removesuffix(_SUFFIX)
        if plain in _NEVER_NULL:
            columns[name] = _NEVER_NULL[plain] if row is None else row[plain]
            continue
        columns[name] = None if row is None else row[plain]
        columns[f"{name}_reason"] = "sensor_not_piezo" if row is None else row.get(f"{plain}_reason")
    return columns
