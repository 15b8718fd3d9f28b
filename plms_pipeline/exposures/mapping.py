"""The mapping file: which CSV columns hold what, in which codes, and what a cohort collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures.canonical import REQUIRED, TABLES
from plms_pipeline.exposures.rules import nearest

FORMAT = "plms-clinical-mapping/1"
KEYS = (
    "format",
    "cohort",
    "folder",
    "age_precision",
    "ahi_definition",
    "dialysis_ascertained_as_absent",
    "missing",
    "inventory_default",
    "collected",
    "not_collected",
    "rxnorm",
    "files",
)
_FILE_KEYS = ("table", "path", "columns", "wide", "values", "missing", "undated", "optional")
_COLUMN_KEYS = ("column", "constant", "values", "missing", "optional")
_WIDE_KEYS = ("column", "into", "values", "missing", "optional")
# The column of a table that the cells of a wide file fill, unless the entry says another.
_WIDE_INTO = {"medication": "taken", "laboratory": "value", "condition": "status"}
SCORED_EVENTS = "scored_events"
_CLINICAL = "_clinical"


class ColumnMap(NamedTuple):
    """How one canonical column is filled; an optional one may be absent from the file, and is then missing."""

    canonical: str
    kind: str
    column: str | None
    constant: str | None
    values: dict[str, str]
    missing: frozenset[str]
    optional: bool = False


class WideColumn(NamedTuple):
    """One column of a wide file that becomes a row of its own: what its cells fill, and the constants beside it."""

    value: ColumnMap
    constants: tuple[ColumnMap, ...]


class FileMap(NamedTuple):
    """One CSV file: its table, its columns (None: the header is canonical) and how undated rows are read."""

    table: str
    path: Path
    columns: tuple[ColumnMap, ...] | None
    missing: frozenset[str]
    undated: str
    wide: tuple[WideColumn, ...] = ()


class Mapping(NamedTuple):
    """A read mapping file."""

    name: str
    files: tuple[FileMap, ...]
    age_precision: str
    ahi_definition: str
    dialysis_ascertained_as_absent: bool
    inventory_default: str
    collected: tuple[str, ...]
    not_collected: tuple[str, ...]
    rxnorm: Path | None = None


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
    files: list[FileMap] = []
    if "cohort" in raw:
        files, raw = _with_cohort(name, path.parent, raw)
    own = raw.get("files", [])
    if not isinstance(own, list) or not (own or files):
        raise InputError(f"{name}: 'files' must be a list of tables with their paths; see docs/clinical_inputs.md")
    missing = _texts(name, "missing", raw.get("missing", []))
    absent = raw.get("dialysis_ascertained_as_absent", False)
    if not isinstance(absent, bool):
        raise InputError(f"{name}: 'dialysis_ascertained_as_absent' must be true or false, not {absent!r}; correct it")
    files += [_file(name, path.parent, entry, missing) for entry in own]
    collected = _collected(name, raw.get("collected"))
    return Mapping(
        name=name,
        files=tuple(files),
        age_precision=_choice(name, "age_precision", raw.get("age_precision"), contracts.codes("age_precision").values),
        ahi_definition=_text(name, "ahi_definition", raw.get("ahi_definition", SCORED_EVENTS)),
        dialysis_ascertained_as_absent=absent,
        inventory_default=_choice(
            name,
            "inventory_default",
            raw.get("inventory_default", "unknown"),
            ("complete", "incomplete", "unknown"),
        ),
        collected=collected,
        not_collected=_not_collected(name, raw.get("not_collected"), collected),
        rxnorm=path.parent / _text(name, "rxnorm", raw["rxnorm"]) if raw.get("rxnorm") is not None else None,
    )


def cohort_mappings() -> dict[str, str]:
    """Cohorts with a mapping of their own: name → declaration below ``schemas/``."""
    return {
        stem.removesuffix(_CLINICAL): f"cohorts/{stem}.yaml"
        for stem in contracts.names("cohorts")
        if stem.endswith(_CLINICAL)
    }


def _with_cohort(name: str, folder: Path, raw: dict[str, Any]) -> tuple[list[FileMap], dict[str, Any]]:
    """Files of the cohort's declared mapping, and the user's keys laid over its other keys."""
    known = cohort_mappings()
    cohort = raw["cohort"]
    if cohort not in known:
        raise InputError(
            f"{name}: no mapping is declared for cohort '{cohort}'{nearest(str(cohort), known)}; known: "
            f"{', '.join(known)}"
        )
    declared = contracts.load_yaml(known[cohort])
    where = Path(known[cohort]).name
    _known(where, "key", declared, KEYS)
    missing = _texts(where, "missing", declared.get("missing", []))
    folder = folder / _text(name, "folder", raw.get("folder", "."))
    files = [_file(where, folder, entry, missing) for entry in declared["files"]]
    own = raw.get("collected", [])
    if not isinstance(own, list):
        raise InputError(f"{name}: 'collected' must be a list of the inputs that your own files add to cohort {cohort}")
    merged = {key: value for key, value in declared.items() if key not in ("files", "missing")} | raw
    merged["collected"] = [*declared["collected"], *own]
    if "not_collected" not in raw:
        added = _collected(name, own)
        merged["not_collected"] = [item for item in declared["not_collected"] if item not in added]
    return files, merged


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


def _not_collected(name: str, value: Any, collected: tuple[str, ...]) -> tuple[str, ...]:
    """Inputs this cohort did not collect; a given list must hold exactly the inputs that ``collected`` leaves out."""
    left = tuple(item for item in contracts.codes("atomic_input").values if item not in (*collected, "medication"))
    if value is None:
        return left
    given = _texts(name, "not_collected", value)
    _known(name, "input under 'not_collected'", sorted(given), contracts.codes("atomic_input").values)
    for item in sorted(given & set(collected)):
        raise InputError(f"{name}: '{item}' stands under 'collected' and under 'not_collected'; remove one of them")
    for item in sorted(set(left) - given):
        raise InputError(f"{name}: '{item}' stands neither under 'collected' nor under 'not_collected'; add it to one")
    return left


def _file(name: str, folder: Path, entry: Any, missing: frozenset[str]) -> FileMap:
    if not isinstance(entry, dict):
        raise InputError(f"{name}: every entry of 'files' needs 'table' and 'path', not {entry!r}")
    _known(name, "key under 'files'", entry, _FILE_KEYS)
    table = entry.get("table")
    if table not in TABLES:
        raise InputError(f"{name}: unknown table '{table}' under 'files'{nearest(str(table), TABLES)}; correct it")
    path = _one_file(name, folder, _text(name, f"path of {table}", entry.get("path")))
    missing = missing | _texts(name, f"missing of {table}", entry.get("missing", []))
    undated = _choice(name, f"undated of {table}", entry.get("undated", "unknown"), ("unknown", "at_visit"))
    columns = entry.get("columns")
    wide = entry.get("wide", [])
    if columns is None and not wide:
        return FileMap(table, path, None, missing, undated)
    if not isinstance(columns, dict):
        raise InputError(f"{name}: 'columns' of {table} must map canonical names to columns of {path.name}")
    _known(name, f"column of table {table}", columns, TABLES[table])
    codes = _codes(f"{name}: table {table}", entry.get("values", {}))
    if not isinstance(wide, list):
        raise InputError(f"{name}: 'wide' of {table} must be a list of columns of {path.name} with what they stand for")
    optional = _flag(f"{name}: table {table}", entry.get("optional", False))
    rows = tuple(_wide(name, table, item, missing, codes, optional) for item in wide)
    filled = set(columns).union(*({row.value.canonical, *(c.canonical for c in row.constants)} for row in rows))
    for needed in REQUIRED[table]:
        if needed not in filled:
            raise InputError(f"{name}: table {table} needs '{needed}' under 'columns'; add it")
    return FileMap(
        table,
        path,
        tuple(
            _column(name, table, key, value, missing, optional and key not in ("subject_id", "visit"))
            for key, value in columns.items()
        ),
        missing,
        undated,
        rows,
    )


def _one_file(name: str, folder: Path, path: str) -> Path:
    """The file a path names; ``*`` stands for the release in a file name and must leave one file."""
    if "*" not in Path(path).name:
        return folder / path
    found = sorted((folder / path).parent.glob(Path(path).name))
    if len(found) != 1:
        raise InputError(
            f"{name}: {len(found) or 'no'} file{'s' if len(found) > 1 else ''} named {path} in {folder.name or '.'}; "
            "name the folder of the cohort's CSV files under 'folder', with one release in it"
        )
    return found[0]


def _codes(where: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: 'values' must map the file's codes to canonical values")
    return {str(raw).strip(): str(to).strip() for raw, to in value.items()}


def _flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where}: 'optional' must be true or false, not {value!r}; correct it")
    return value


def _wide(
    name: str, table: str, item: Any, missing: frozenset[str], codes: dict[str, str], optional: bool
) -> WideColumn:
    if table not in _WIDE_INTO:
        raise InputError(f"{name}: table {table} has one row per subject and visit; name its columns under 'columns'")
    if not isinstance(item, dict) or "column" not in item:
        raise InputError(f"{name}: every entry under 'wide' of {table} needs 'column', not {item!r}")
    where = f"{name}: column '{item['column']}' under 'wide' of {table}"
    _known(where, "key", item, (*_WIDE_KEYS, *TABLES[table]))
    into = str(item.get("into", _WIDE_INTO[table]))
    _known(where, "column", [into], TABLES[table])
    value = {key: item[key] for key in ("column", "missing", "optional") if key in item}
    value["values"] = item.get("values", codes)
    constants = {key: {"constant": text} for key, text in item.items() if key not in _WIDE_KEYS}
    return WideColumn(
        _column(name, table, into, value, missing, optional),
        tuple(_column(name, table, key, text, frozenset()) for key, text in constants.items()),
    )


def _column(
    name: str, table: str, canonical: str, value: Any, missing: frozenset[str], may_be_absent: bool = False
) -> ColumnMap:
    where = f"{name}: column '{canonical}' of {table}"
    kind = TABLES[table][canonical]
    if isinstance(value, str):
        return ColumnMap(canonical, kind, value, None, {}, missing, may_be_absent)
    if not isinstance(value, dict):
        raise InputError(f"{where}: must be a column name or {{column, values, missing}}, not {value!r}")
    _known(where, "key", value, _COLUMN_KEYS)
    if ("column" in value) == ("constant" in value):
        raise InputError(f"{where}: needs either 'column' or 'constant'")
    return ColumnMap(
        canonical,
        kind,
        str(value["column"]) if "column" in value else None,
        str(value["constant"]) if "constant" in value else None,
        _codes(where, value.get("values", {})),
        missing | _texts(where, "missing", value.get("missing", [])),
        _flag(where, value.get("optional", may_be_absent)),
    )
