"""Link a cohort at once: the tables ``medication_exposure``, ``laboratory`` and ``condition`` of many nights.

Engine: numpy. Rows are grouped by night with sorted ranges and reduced with ``bincount`` and ``ufunc.at``; pyarrow
reads the files and holds the result. Nights are taken some thousands at a time, so that what is made of the rows does
not grow with the cohort.
The rules are those of :mod:`plms_pipeline.exposures.join`, which the cohort run calls night by night.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from plms_pipeline import contracts
from plms_pipeline.exposures.columns import Floats, day_number
from plms_pipeline.exposures.conditions import REASONS as CONDITION_REASONS
from plms_pipeline.exposures.conditions import Conditions
from plms_pipeline.exposures.covariates import Covariates
from plms_pipeline.exposures.join import JOINED_TABLES, Beside, Joined, join, prepare
from plms_pipeline.exposures.kidney import REASONS as KIDNEY_REASONS
from plms_pipeline.exposures.kidney import UNIT, Egfr
from plms_pipeline.exposures.medication import USER_TYPES, Exposure
from plms_pipeline.exposures.medication_terms import QUALITIES
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.nearest import FLAG, FLAGS
from plms_pipeline.exposures.status import NO, UNKNOWN, YES
from plms_pipeline.exposures.use import ANSWERS, BASES, REASONS

IDS = ("recording_id", "cohort", "subject_id", "visit")
NIGHTS_AT_ONCE = 8192
Columns = dict[str, Any]


def join_cohort(
    covariates: Covariates,
    nights: Mapping[str, Sequence[Any]],
    rules: dict[str, Any],
    *,
    nights_at_once: int = NIGHTS_AT_ONCE,
) -> Iterator[dict[str, pa.Table]]:
    """Clinical tables of many nights, some thousand nights at a time.

    Parameters
    ----------
    covariates
        Clinical tables of the cohort.
    nights
        Columns ``recording_id``, ``cohort``, ``subject_id``, ``visit`` and ``recording_date`` (ISO, or None) of equal
        length.
    rules
        :func:`~plms_pipeline.exposures.rules.clinical_rules`.
    nights_at_once
        Nights per batch: what bounds the memory.

    Yields
    ------
    dict
        ``medication_exposure``, ``laboratory``, ``condition`` in their declared schemas, nights in the given order.
        Content and order are those of :func:`plms_pipeline.phenotypes.link_recording`, night by night.
    """
    prepared = prepare(covariates.tables, rules)
    n = len(nights["recording_id"])
    for begin in range(0, n, nights_at_once):
        part = {name: list(nights[name][begin : begin + nights_at_once]) for name in (*IDS, "recording_date")}
        beside = {name: Beside(*covariates.beside(name, part["subject_id"], part["visit"])) for name in JOINED_TABLES}
        night_d = np.array([day_number(date) if date else np.nan for date in part["recording_date"]], np.float64)
        found = join(prepared, beside, night_d, covariates.declaration, rules)
        yield tables_of(found, {name: part[name] for name in IDS}, rules)


def tables_of(found: Joined, ids: Mapping[str, Sequence[str]], rules: dict[str, Any]) -> dict[str, pa.Table]:
    """Statuses of nights as Arrow tables in their declared schemas."""
    under_dialysis = _is_yes(found.conditions, "dialysis")
    columns = {
        "medication_exposure": _exposures(found.medication),
        "laboratory": _laboratory(found, under_dialysis, rules),
        "condition": _conditions(found.conditions),
    }
    return {name: _table(name, own, ids) for name, own in columns.items()}


def _is_yes(conditions: Conditions, name: str) -> npt.NDArray[np.bool_]:
    at = contracts.codes("condition").values.index(name)
    return np.asarray(conditions.answer[:, at] == 2)


def _table(name: str, columns: Columns, ids: Mapping[str, Sequence[str]]) -> pa.Table:
    schema = contracts.arrow_schema(name)
    n = len(next(iter(ids.values())))
    each = len(next(iter(columns.values()))) // max(n, 1)
    at = pa.array(np.repeat(np.arange(n), each))
    columns = {key: pa.array(list(values), pa.string()).take(at) for key, values in ids.items()} | columns
    precision = {column.name: column.precision for column in contracts.table(name).columns}
    arrays = []
    for field in schema:
        values = columns[field.name]
        digits = precision[field.name]
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and digits is not None:
            values = np.round(values, digits) + 0.0
        arrays.append(values if isinstance(values, pa.Array) else _array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: npt.NDArray[Any], type_: pa.DataType) -> pa.Array:
    if values.dtype.kind != "f":
        return pa.array(values, type_)
    missing = np.isnan(values)
    if pa.types.is_floating(type_):
        return pa.array(values, type_, mask=missing)
    return pa.array(np.where(missing, 0, values).astype(np.int64), type_, mask=missing)


def _words(codes: npt.NDArray[Any], words: Sequence[str]) -> pa.Array:
    """Codes as texts; a negative code is null."""
    flat = codes.ravel()
    return pa.array(list(words), pa.string()).take(pa.array(flat.astype(np.int32), mask=flat < 0))


def _exposures(found: Exposure) -> Columns:
    table = medication_table()
    n = found.exposed.shape[0]
    classes = table.classes()
    days = np.array([table.lookback(name) for name in classes], np.int64)
    each = pa.array(np.tile(np.arange(len(classes)), n))
    return {
        "class_id": pa.array(list(classes), pa.string()).take(each),
        "parent_class_id": pa.array([parent for parent, _ in classes.values()], pa.string()).take(each),
        "direction": pa.array([direction for _, direction in classes.values()], pa.string()).take(each),
        "exposed": _words(found.exposed, ANSWERS),
        "exposed_reason": _words(found.exposed_reason, REASONS),
        "exposed_sensitivity": _words(found.exposed_sensitivity, ANSWERS),
        "exposed_sensitivity_reason": _words(found.exposed_sensitivity_reason, REASONS),
        "basis": _words(found.basis, BASES),
        "n_records": found.n_records.ravel(),
        "last_use_offset_d": found.last_use_offset_d.ravel(),
        "start_offset_d": found.start_offset_d.ravel(),
        "user_type": _words(found.user_type, USER_TYPES),
        "stopped_recently": found.stopped_recently.ravel(),
        "dose_mg_d": found.dose_mg_d.ravel(),
        "mapping_quality": _words(found.mapping_quality, QUALITIES),
        "lookback_d": np.tile(days[:, 0], n),
        "lookback_sensitivity_d": np.tile(days[:, 1], n),
    }


def _conditions(found: Conditions) -> Columns:
    names = contracts.codes("condition").values
    n = found.answer.shape[0]
    return {
        "condition": pa.array(list(names), pa.string()).take(pa.array(np.tile(np.arange(len(names)), n))),
        "status": _words(found.answer, (NO, UNKNOWN, YES)),
        "status_reason": _words(found.reason, CONDITION_REASONS),
        "basis": _words(found.basis, contracts.codes("condition_basis").values),
        "offset_d": found.offset_d.ravel(),
    }


def _laboratory(found: Joined, under_dialysis: npt.NDArray[np.bool_], rules: dict[str, Any]) -> Columns:
    """Values of all analytes, and the three eGFR, night by night."""
    laboratory, n = found.laboratory, found.laboratory.n
    nothing, no_code = np.full(n, np.nan), np.full(n, -1, np.int64)
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for name, near in laboratory.values.items():
        known = near.reason < 0
        spans = np.where(near.flags & FLAG["censored"] > 0, _why("censored"), _why("interval_spans_threshold"))
        reason = np.where(known, np.where(np.isnan(near.value), spans, -1), near.reason)
        _add(
            columns, reason=reason, lo=near.lo, hi=near.hi, hi_open=near.hi_open, value=near.value,
            offset_d=near.offset_d, n_draws=near.n_draws, flags=near.flags,
            value_source=np.where(known, near.value_source, np.nan), unit_source=np.where(known, near.unit, -1),
            assay=np.where(known, near.assay, -1), analyte=np.full(n, list(laboratory.values).index(name)),
        )  # fmt: skip
    creatinine = laboratory.values["creatinine"]
    kidneys = (
        (found.kidney.both, np.where(found.kidney.both.is_censored, FLAG["censored"], 0)),
        (found.kidney.cystatin, np.where(found.kidney.cystatin.is_censored, FLAG["censored"], 0)),
        (found.kidney.creatinine, creatinine.flags & ~FLAG["high_value"]),
    )
    for at, (egfr, flags) in enumerate(kidneys, start=len(laboratory.values)):
        reason, lo, hi, value = _under_dialysis(egfr, under_dialysis)
        _add(
            columns, reason=reason, lo=lo, hi=hi, hi_open=np.zeros(n, np.bool_), value=value, offset_d=egfr.offset_d,
            n_draws=egfr.n_draws, flags=np.where(np.isnan(lo), 0, flags).astype(np.uint8), value_source=nothing,
            unit_source=no_code, assay=no_code, analyte=np.full(n, at),
        )  # fmt: skip
    flat = {name: np.stack(arrays, axis=1).ravel() for name, arrays in columns.items()}
    names = (*laboratory.values, "egfr_crcys", "egfr_cys", "egfr")
    units = [rules["analytes"][name]["unit"] for name in laboratory.values] + [UNIT] * len(kidneys)
    has_hi = ~np.isinf(flat["hi"]) & ~np.isnan(flat["hi"])
    patterns = [[flag for flag in FLAGS if code & FLAG[flag]] for code in range(1 << len(FLAGS))]
    return {
        "analyte": _words(flat["analyte"], names),
        "value": flat["value"],
        "value_reason": _words(flat["reason"], KIDNEY_REASONS),
        "lo": flat["lo"],
        "hi": np.where(has_hi, flat["hi"], np.nan),
        "hi_open": flat["hi_open"].astype(np.bool_) & has_hi,
        "unit": _words(flat["analyte"], units),
        "offset_d": flat["offset_d"],
        "n_draws": flat["n_draws"],
        "flags": pa.array(patterns, pa.list_(pa.string())).take(pa.array(flat["flags"].astype(np.int32))),
        "value_source": flat["value_source"],
        "unit_source": _words(flat["unit_source"], laboratory.draws.units),
        "assay": _words(flat["assay"], laboratory.draws.assays),
    }


def _why(reason: str) -> int:
    return KIDNEY_REASONS.index(reason)


def _add(columns: dict[str, list[npt.NDArray[Any]]], **arrays: npt.NDArray[Any]) -> None:
    for name, values in arrays.items():
        columns.setdefault(name, []).append(values)


def _under_dialysis(egfr: Egfr, where: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], Floats, Floats, Floats]:
    """Reason, bounds and value of an eGFR, which cannot be interpreted under dialysis."""
    known = egfr.reason < 0
    reason = np.where(known, np.where(np.isnan(egfr.value), egfr.spans, -1), egfr.reason)
    lo, hi, value = (np.where(where, np.nan, values) for values in (egfr.lo, egfr.hi, egfr.value))
    return np.where(where, _why("dialysis"), reason), lo, hi, value
