"""Two outputs of ``plms score`` or ``plms detect`` read for comparison."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_tables import read_csv_rows
from plms_pipeline.night.score_compare import COLUMNS, NEEDED, Limits, Row, compare

_TABLE = "scored_movement"
_KINDS: dict[str, Any] = {"bool": {"true": True, "false": False}.__getitem__, "float64": float, "string": str}


class Scoring(NamedTuple):
    """Rows of ``scored_movement`` by recording and rule set, and the options that made them where they are known.

    Where a table holds movements of several sources, each is a rule set of its own, written ``wasm2016:annotation``.
    """

    path: Path
    rows: dict[tuple[str, str], list[Row]]
    options: dict[str, dict[str, Any]]

    @property
    def rule_sets(self) -> list[str]:
        """Names, sorted; from the provenance also those under which nothing was found."""
        found = {rule_set for _, rule_set in self.rows}
        split = {name.partition(":")[0] for name in found if ":" in name}
        return sorted(found | (set(self.options) - split))

    @property
    def recordings(self) -> list[str]:
        """Ids of the recordings with at least one movement, sorted."""
        return sorted({recording for recording, _ in self.rows})

    def options_of(self, rule_set: str) -> dict[str, Any]:
        """Numbers and options: of the provenance beside the table, else of the rule file of that name."""
        rule_set = rule_set.partition(":")[0]
        if rule_set in self.options:
            return self.options[rule_set]
        if rule_set not in contracts.names("rules"):
            return {}
        loaded = contracts.load_yaml(f"rules/{rule_set}.yaml")
        return {key: entry["value"] for part in ("numbers", "options") for key, entry in loaded[part].items()}


class Comparison(NamedTuple):
    """Differences under one pair of rule sets.

    Attributes
    ----------
    rule_sets : (str, str)
    rows : list of dict
        `COLUMNS` of ``night.score_compare``.
    n_recordings, n_a, n_b, n_alike : int
    reasons : dict
        Reason → number, most frequent first.
    options : list of (name, value in a, value in b)
        Numbers and options of the rule sets that differ.
    """

    rule_sets: tuple[str, str]
    rows: list[dict[str, Any]]
    n_recordings: int
    n_a: int
    n_b: int
    n_alike: int
    reasons: dict[str, int]
    options: list[tuple[str, str, str]]


def read_scoring(path: Path) -> Scoring:
    """Read a folder written by ``plms score`` or ``plms detect``, or a file with the table ``scored_movement``.

    Raises
    ------
    InputError
        No such table, a missing column, a value of the wrong kind: which file and what to do.
    """
    file = _file(path, _TABLE) if path.is_dir() else path
    if file is None:
        raise InputError(f"{path}: holds no {_TABLE}.csv or .parquet; name a folder that plms score or detect wrote")
    rows: dict[tuple[str, str], list[Row]] = {}
    read = _rows(file)
    has_sources = len({row["source"] for row in read}) > 1
    for row in read:
        name = f"{row['rule_set']}:{row['source']}" if has_sources else row["rule_set"]
        rows.setdefault((row["recording_id"], name), []).append(row)
    beside = _file(path if path.is_dir() else file.parent, "provenance")
    return Scoring(path, rows, {} if beside is None else _options(beside))


def _file(folder: Path, table: str) -> Path | None:
    found = [folder / f"{table}.{form}" for form in ("csv", "parquet") if (folder / f"{table}.{form}").is_file()]
    if len(found) > 1:
        raise InputError(f"{folder}: holds {table} as CSV and as Parquet; name one of the files")
    return found[0] if found else None


def _is_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as handle:
            return handle.read(4) == b"PAR1"
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check the path") from None


def _table(file: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    rows: list[tuple[int, dict[str, Any]]]
    if _is_parquet(file):
        try:
            table = pq.ParquetFile(file).read()
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{file}: cannot be read as Parquet ({str(error).splitlines()[0]}); write it again"
            ) from None
        rows, present = list(enumerate(table.to_pylist(), start=1)), list(table.column_names)
    else:
        rows, present = read_csv_rows(file)
    if missing := [name for name in needed if name not in present]:
        raise InputError(f"{file}: column '{missing[0]}' is missing; it is no {_TABLE} table of plms score or detect")
    return rows


def _rows(file: Path) -> list[dict[str, Any]]:
    needed = ("recording_id", "rule_set", *NEEDED)
    kinds = {column.name: _KINDS.get(column.type, int) for column in contracts.table(_TABLE).columns}
    nullable = {column.name: column.nullable for column in contracts.table(_TABLE).columns}
    out = []
    for line, row in _table(file, needed):
        typed: dict[str, Any] = {}
        for name in needed:
            value = row[name]
            if value in (None, ""):
                if not nullable[name]:
                    raise InputError(f"{file}, line {line}, column {name}: is empty; write the table again")
                typed[name] = None
                continue
            try:
                typed[name] = kinds[name](value) if isinstance(value, str) else value
            except (ValueError, KeyError):
                raise InputError(f"{file}, line {line}, column {name}: '{value}' is no value of it") from None
        out.append(typed | {"source": row.get("source") or None})
    return out


def _options(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for _, row in _table(file, ("section", "name", "value")):
        name, dot, option = str(row["name"]).partition(".")
        if row["section"] == "rule_set" and dot and option not in ("digest", "file", "file_xxh3_128", "overridden"):
            found.setdefault(name, {})[option] = _parsed(row["value"])
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _limits(options: Mapping[str, Any]) -> Limits:
    return Limits(options.get("imi_min_s"), options.get("imi_max_s"), bool(options.get("imi_limits_are_inside", True)))


def rule_set_pairs(a: Scoring, b: Scoring, asked: Sequence[str], *, is_one: bool) -> list[tuple[str, str]]:
    """Which rule set of A goes with which of B.

    Parameters
    ----------
    asked
        Names: two (of A and of B), one (of both), or none (all that both have).
    is_one
        Whether A and B are the same output; two rule sets are then needed.

    Raises
    ------
    InputError
        Names that are not there, or none in common.
    """
    if is_one and len(asked) != 2:
        raise InputError("one output is compared with itself; name two of its rule sets, for example "
                         "--rules wasm2016,aasm3, or name a second output")  # fmt: skip
    if len(asked) > 2:
        raise InputError(f"--rules names {len(asked)} rule sets; name one for both outputs, or one for each")
    if asked:
        pair = (asked[0], asked[-1])
        for scoring, name in zip((a, b), pair, strict=True):
            if name not in scoring.rule_sets:
                known = ", ".join(scoring.rule_sets) or "none"
                raise InputError(f"{scoring.path}: was not scored by '{name}'; its rule sets are {known}")
        return [pair]
    if common := [name for name in a.rule_sets if name in b.rule_sets]:
        return [(name, name) for name in common]
    if len(a.rule_sets) == len(b.rule_sets) == 1:
        return [(a.rule_sets[0], b.rule_sets[0])]
    raise InputError(
        f"{a.path} ({', '.join(a.rule_sets) or 'none'}) and {b.path} ({', '.join(b.rule_sets) or 'none'}) have no rule "
        "set in common; name one of each with --rules"
    )


def recording_pairs(a: Scoring, b: Scoring) -> tuple[list[tuple[str, str]], list[str]]:
    """Which recording of A goes with which of B, and those that only one of them has.

    One recording each go together whatever their ids: the same night scored twice often has the stems of two files.

    Raises
    ------
    InputError
        No recording in common.
    """
    ids_a, ids_b = a.recordings, b.recordings
    if len(ids_a) == len(ids_b) == 1:
        return [(ids_a[0], ids_b[0])], []
    if not ids_a or not ids_b:
        return [(name, name) for name in ids_a or ids_b], []
    common = [name for name in ids_a if name in ids_b]
    if not common:
        raise InputError(f"{a.path} and {b.path} have no recording in common ('{ids_a[0]}', '{ids_b[0]}' …)")
    return [(name, name) for name in common], sorted({*ids_a, *ids_b} - set(common))


def compare_scorings(a: Scoring, b: Scoring, rule_sets: tuple[str, str]) -> Comparison:
    """Compare two scorings under one pair of rule sets; errors as `recording_pairs`."""
    options = a.options_of(rule_sets[0]), b.options_of(rule_sets[1])
    recordings, _ = recording_pairs(a, b)
    rows: list[dict[str, Any]] = []
    n_a = n_b = n_alike = 0
    for id_a, id_b in recordings:
        given = a.rows.get((id_a, rule_sets[0]), []), b.rows.get((id_b, rule_sets[1]), [])
        done = compare(*given, _limits(options[0]), _limits(options[1]))
        names = {"recording_id": id_a, "rule_set_a": rule_sets[0], "rule_set_b": rule_sets[1]}
        rows.extend({**names, **row} for row in done.rows)
        n_a, n_b, n_alike = n_a + done.n_a, n_b + done.n_b, n_alike + done.n_alike
    reasons = dict(sorted(Counter(row["reason"] for row in rows).items(), key=lambda item: (-item[1], item[0])))
    changed = [
        (key, json.dumps(options[0].get(key)), json.dumps(options[1].get(key)))
        for key in sorted({*options[0], *options[1]})
        if options[0].get(key) != options[1].get(key)
    ]
    return Comparison(rule_sets, rows, len(recordings), n_a, n_b, n_alike, reasons, changed if all(options) else [])


def difference_table(comparisons: Sequence[Comparison]) -> pa.Table:
    """All differing movements as text columns; ``onset_s`` is a number."""
    rows = [row for one in comparisons for row in one.rows]
    types = {name: pa.float64() if name == "onset_s" else pa.string() for name in COLUMNS}
    return pa.table(
        {name: pa.array([row[name] or (None if kind == pa.string() else row[name]) for row in rows], kind)
         for name, kind in types.items()}
    )  # fmt: skip
