"""The mapping file: which CSV columns hold what, in which codes, and what a cohort collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures.rules import nearest

FORMAT = "plms-clinical-mapping/1"
KEYS = (
    "format",
    "age_precision",
    "ahi_definition",
    "dialysis_ascertained_as_absent",
    "missing",
    "inventory_default",
    "collected",
    "files",
)
_FILE_KEYS = ("table", "path", "columns", "missing", "undated")
_COLUMN_KEYS = ("column", "constant", "values", "missing")
SCORED_EVENTS = "scored_events"

YES_NO, NUMBER, INTEGER, DATE, TEXT = "yes_no", "number", "integer", "date", "text"
_IDS = {"subject_id": TEXT, "visit": TEXT}
_COLLECTED = {"collected_date": DATE, "collected_offset_d": INTEGER}
# Canonical columns of each table and their kinds; a kind that is none of the five above names a code list.
TABLES: dict[str, dict[str, str]] = {
    "demographics": {
        **_IDS,
        "age_years": NUMBER,
        "sex": "sex",
        "height_cm": NUMBER,
        "bmi_kg_m2": NUMBER,
        "race": TEXT,
        "ethnicity": TEXT,
        "site": TEXT,
        "psu": TEXT,
        "stratum": TEXT,
        "weight": NUMBER,
        "family_id": TEXT,
        "ahi_per_h": NUMBER,
        "study_type": TEXT,
        "night_number": INTEGER,
    },
    "medication": {
        **_IDS,
        "medication": TEXT,
        "atc_code": TEXT,
        "class_id": "medication_class",
        "taken": YES_NO,
        "record_type": "medication_record_type",
        **_COLLECTED,
        "use_start_date": DATE,
        "use_start_offset_d": INTEGER,
        "use_end_date": DATE,
        "use_end_offset_d": INTEGER,
        "days_supply": NUMBER,
        "active": YES_NO,
        "dose_mg_d": NUMBER,
    },
    "inventory": {**_IDS, "complete": YES_NO, **_COLLECTED},
    "laboratory": {
        **_IDS,
        "analyte": TEXT,
        "value": TEXT,
        "unit": TEXT,
        **_COLLECTED,
        "assay": TEXT,
        "setting": TEXT,
    },
    "condition": {
        **_IDS,
        "condition": "condition",
        "status": YES_NO,
        "stage": INTEGER,
        "icd10": TEXT,
        "basis": "condition_basis",
        "recorded_date": DATE,
        "recorded_offset_d": INTEGER,
    },
    "questionnaire": {
        **_IDS,
        **_COLLECTED,
        **dict.fromkeys(
            (
                "rls_urge",
                "rls_rest",
                "rls_relief",
                "rls_evening",
                "rls_not_mimic",
                "rls_single_question",
                "rls_physician_told",
                "rls_or_plms_told",
            ),
            YES_NO,
        ),
        "rls_probability": "rls_probability",
        "rls_severity_irls": NUMBER,
        "cramp_feel": "cramp_feel",
        "cramp_relief": "cramp_relief",
        **dict.fromkeys(
            (
                "cramp_evening",
                "cramp_sole_symptom",
                "relief_past",
                "insomnia_complaint",
                "unrefreshing_sleep",
                "sleepiness_complaint",
                "fatigue_complaint",
                "clinician_disturbance",
            ),
            YES_NO,
        ),
        "ess_score": NUMBER,
        "fss_mean_score": NUMBER,
        "whiirs_score": NUMBER,
    },
}
REQUIRED = {
    "demographics": ("subject_id",),
    "medication": ("subject_id",),
    "inventory": ("subject_id", "complete"),
    "laboratory": ("subject_id", "analyte", "value"),
    "condition": ("subject_id", "condition"),
    "questionnaire": ("subject_id",),
}


class ColumnMap(NamedTuple):
    """How one canonical column is filled."""

    canonical: str
    kind: str
    column: str | None
    constant: str | None
    values: dict[str, str]
    missing: frozenset[str]


class FileMap(NamedTuple):
    """One CSV file: its table, its columns (None: the header is canonical) and how undated rows are read."""

    table: str
    path: Path
    columns: tuple[ColumnMap, ...] | None
    missing: frozenset[str]
    undated: str


class Mapping(NamedTuple):
    """A read mapping file."""

    name: str
    files: tuple[FileMap, ...]
    age_precision: str
    ahi_definition: str
    dialysis_ascertained_as_absent: bool
    inventory_default: str
    collected: tuple[str, ...]


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises
    ------
    InputError
        One line: file, key, what is wrong, the nearest known name.
    """
    name = path.name
    raw = contracts.load_yaml(path.resolve())
    if not isinstance(raw, dict):
        raise InputError(f"{name}: must hold keys and values; see docs/clinical_inputs.md")
    _known(name, "key", raw, KEYS)
    if raw.get("format") != FORMAT:
        raise InputError(f"{name}: 'format' must be '{FORMAT}', not {raw.get('format')!r}; write it so")
    missing = _texts(name, "missing", raw.get("missing", []))
    files = raw.get("files")
    if not isinstance(files, list) or not files:
        raise InputError(f"{name}: 'files' must be a list of tables with their paths; see docs/clinical_inputs.md")
    absent = raw.get("dialysis_ascertained_as_absent", False)
    if not isinstance(absent, bool):
        raise InputError(f"{name}: 'dialysis_ascertained_as_absent' must be true or false, not {absent!r}; correct it")
    return Mapping(
        name=name,
        files=tuple(_file(name, path.parent, entry, missing) for entry in files),
        age_precision=_choice(name, "age_precision", raw.get("age_precision"), contracts.codes("age_precision").values),
        ahi_definition=_text(name, "ahi_definition", raw.get("ahi_definition", SCORED_EVENTS)),
        dialysis_ascertained_as_absent=absent,
        inventory_default=_choice(
            name,
            "inventory_default",
            raw.get("inventory_default", "unknown"),
            ("complete", "incomplete", "unknown"),
        ),
        collected=_collected(name, raw.get("collected")),
    )


def _known(name: str, what: str, given: Any, known: Any) -> None:
    for key in given:
        if key not in known:
            raise InputError(f"{name}: unknown {what} '{key}'{nearest(key, known)}; correct or remove it")


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name}: '{key}' must be text, not {value!r}; correct it")
    return value.strip()


def _choice(name: str, key: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InputError(f"{name}: '{key}' must be one of {', '.join(choices)}, not {value!r}; correct it")
    return str(value)


def _texts(name: str, key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list):
        raise InputError(f'{name}: \'{key}\' must be a list, not {value!r}; write ["NA", "."]')
    return frozenset(str(item).strip() for item in value)


def _collected(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(
            f"{name}: 'collected' must list what this cohort collected; without it nothing could be called absent"
        )
    inputs = contracts.codes("atomic_input").values
    _known(name, "input under 'collected'", value, inputs)
    given = set(value)
    if "medication" in given:
        given |= set(contracts.codes("medication_class").values) & set(inputs)
    return tuple(item for item in inputs if item in given and item != "medication")


def _file(name: str, folder: Path, entry: Any, missing: frozenset[str]) -> FileMap:
    if not isinstance(entry, dict):
        raise InputError(f"{name}: every entry of 'files' needs 'table' and 'path', not {entry!r}")
    _known(name, "key under 'files'", entry, _FILE_KEYS)
    table = entry.get("table")
    if table not in TABLES:
        raise InputError(f"{name}: unknown table '{table}' under 'files'{nearest(str(table), TABLES)}; correct it")
    path = folder / _text(name, f"path of {table}", entry.get("path"))
    missing = missing | _texts(name, f"missing of {table}", entry.get("missing", []))
    undated = _choice(name, f"undated of {table}", entry.get("undated", "unknown"), ("unknown", "at_visit"))
    columns = entry.get("columns")
    if columns is None:
        return FileMap(table, path, None, missing, undated)
    if not isinstance(columns, dict):
        raise InputError(f"{name}: 'columns' of {table} must map canonical names to columns of {path.name}")
    _known(name, f"column of table {table}", columns, TABLES[table])
    for needed in REQUIRED[table]:
        if needed not in columns:
            raise InputError(f"{name}: table {table} needs '{needed}' under 'columns'; add it")
    return FileMap(
        table,
        path,
        tuple(_column(name, table, key, value, missing) for key, value in columns.items()),
        missing,
        undated,
    )


def _column(name: str, table: str, canonical: str, value: Any, missing: frozenset[str]) -> ColumnMap:
    where = f"{name}: column '{canonical}' of {table}"
    kind = TABLES[table][canonical]
    if isinstance(value, str):
        return ColumnMap(canonical, kind, value, None, {}, missing)
    if not isinstance(value, dict):
        raise InputError(f"{where}: must be a column name or {{column, values, missing}}, not {value!r}")
    _known(where, "key", value, _COLUMN_KEYS)
    if ("column" in value) == ("constant" in value):
        raise InputError(f"{where}: needs either 'column' or 'constant'")
    values = value.get("values", {})
    if not isinstance(values, dict):
        raise InputError(f"{where}: 'values' must map the file's codes to canonical values")
    return ColumnMap(
        canonical,
        kind,
        str(value["column"]) if "column" in value else None,
        str(value["constant"]) if "constant" in value else None,
        {str(raw).strip(): str(to).strip() for raw, to in values.items()},
        missing | _texts(where, "missing", value.get("missing", [])),
    )
