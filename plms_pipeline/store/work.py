"""The work store: per recording and stage one file with all tables of that stage, committed by a record.

A part is ``work/<stage>/<2 hex>/<key>.arrow`` and counts only when ``<key>.json`` beside it tells its size and
digest. Ids are not stored: a part belongs to a key, and two rows of a sheet may lead to the same key (the same
night delivered under two ids). ``read`` and the release put the ids on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError
from plms_pipeline.store.files import (
    TEMPORARY,
    private_directory,
    read_json,
    remove_tree,
    to_json,
    write_atomic,
)
from plms_pipeline.store.keys import REVISIONS, STAGES

ID_COLUMNS = ("recording_id", "cohort", "subject_id", "visit")
_FILE_SCHEMA = pa.schema(
    [pa.field("table", pa.string(), nullable=False), pa.field("ipc", pa.large_binary(), nullable=False)]
)
_KEY = re.compile(r"[0-9a-f]{32}")
_COMPRESSION = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)


class Commit(NamedTuple):
    """Commit record of a part: what a reader checks before it believes the file."""

    stage: str
    key: str
    revision: int
    rows: dict[str, int]
    n_bytes: int
    digest: str


class Part(NamedTuple):
    """Content of a part: tables by name, facts and outcome (JSON-able), digest of its bytes."""

    tables: dict[str, pa.Table]
    facts: dict[str, Any]
    outcome: dict[str, Any]
    digest: str


def stamp(name: str, table: pa.Table, ids: Mapping[str, str]) -> pa.Table:
    """Put the id columns on the rows of a part and check them against the declared schema.

    Raises
    ------
    ContractError
        When the part was written under another declaration of the table.
    """
    schema = contracts.arrow_schema(name)
    columns: list[pa.ChunkedArray | pa.Array] = []
    for field in schema:
        if field.name in ID_COLUMNS:
            columns.append(pa.repeat(pa.scalar(ids[field.name], pa.string()), table.num_rows))
        elif field.name in table.column_names and table.schema.field(field.name).type == field.type:
            columns.append(table.column(field.name))
        else:
            raise ContractError(
                f"table '{name}': a stored part has no column '{field.name}' of type {field.type}; "
                f"raise the revision of stage '{contracts.table(name).stage}' so that it is computed again"
            )
    if extra := [column for column in table.column_names if column not in schema.names]:
        raise ContractError(f"table '{name}': a stored part holds the undeclared column '{extra[0]}'")
    return pa.table(columns, schema=schema)


def row_order(name: str) -> list[str]:
    """Columns by which rows are sorted: as declared, then by the key, so that no two orders are possible."""
    declared = contracts.table(name)
    return list(dict.fromkeys((*declared.sort, *declared.key)))


def _canonical_rows(name: str, table: pa.Table) -> pa.Table:
    """Rows in declared order without ids; ``take`` also zeroes what lies under nulls, so bytes are canonical."""
    declared = contracts.table(name)
    if not table.schema.equals(contracts.arrow_schema(name)):
        raise ContractError(f"table '{name}': not of the declared schema; build it with contracts.to_arrow")
    key = [column for column in declared.key if column not in ID_COLUMNS]
    n_distinct = table.group_by(key).aggregate([]).num_rows if key else min(table.num_rows, 1)
    if n_distinct != table.num_rows:
        raise ContractError(f"table '{name}': the key {', '.join(declared.key)} is not unique within a recording")
    table = table.drop_columns([column for column in ID_COLUMNS if column in table.column_names])
    order = [(column, "ascending") for column in row_order(name) if column not in ID_COLUMNS]
    indices = pc.sort_indices(table, sort_keys=order) if order else pa.array(range(table.num_rows), pa.uint64())
    return table.combine_chunks().take(indices).combine_chunks().replace_schema_metadata(None)


def _serialise(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_COMPRESSION) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


class WorkStore:
    """Parts of a store by stage and key.

    Parameters
    ----------
    root
        The store; parts lie under ``<root>/work``, which only its owner can enter.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._work = private_directory(self.root / "work")

    def path(self, stage: str, key: str) -> Path:
        """Path of the part (it may not exist)."""
        if stage not in STAGES or not _KEY.fullmatch(key):
            raise ValueError(f"no part is called {stage}/{key}")
        return self._work / stage / key[:2] / f"{key}.arrow"

    def record(self, stage: str, key: str) -> Commit | None:
        """Commit record of a part, ``None`` when there is none that can be read."""
        raw = read_json(self.path(stage, key).with_suffix(".json"))
        try:
            commit = Commit(**(raw or {}))
        except TypeError:
            return None
        return commit if (commit.stage, commit.key) == (stage, key) else None

    def has(self, stage: str, key: str) -> bool:
        """Whether the part is committed and its bytes still are what was committed."""
        return self._bytes(stage, key) is not None

    def _bytes(self, stage: str, key: str) -> tuple[Commit, bytes] | None:
        commit = self.record(stage, key)
        if commit is None:
            return None
        try:
            data = self.path(stage, key).read_bytes()
        except OSError:
            return None
        intact = len(data) == commit.n_bytes and xxhash.xxh3_128_hexdigest(data) == commit.digest
        return (commit, data) if intact else None

    def write(
        self,
        stage: str,
        key: str,
        tables: Mapping[str, pa.Table],
        facts: Mapping[str, Any],
        outcome: Mapping[str, Any],
    ) -> Commit:
        """Write and commit a part: temporary name, fsync, rename, then the commit record.

        Parameters
        ----------
        tables
            Tables of the declared schema (``contracts.to_arrow``); ids are dropped, rows sorted as declared.
        facts, outcome
            JSON-able; clocks, hosts and paths do not belong here.

        Raises
        ------
        ContractError
            For a table that is not of its declared schema, of another stage, or whose key is not unique.
        """
        names, blobs, rows = [], [], {}
        for name in sorted(tables):
            if contracts.table(name).stage != stage:
                raise ContractError(f"table '{name}' belongs to stage '{contracts.table(name).stage}', not '{stage}'")
            table = _canonical_rows(name, tables[name])
            names.append(name)
            blobs.append(_serialise(table))
            rows[name] = table.num_rows
        notes = {"plms:facts": dict(facts), "plms:outcome": dict(outcome)}
        schema = _FILE_SCHEMA.with_metadata({name: contracts.canonical_json(note) for name, note in notes.items()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_table(pa.table([names, pa.array(blobs, pa.large_binary())], schema=schema))
        data = sink.getvalue().to_pybytes()
        commit = Commit(stage, key, REVISIONS[stage], rows, len(data), xxhash.xxh3_128_hexdigest(data))
        path = self.path(stage, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A record must never stand beside bytes it does not describe, so a rotten part loses its record first.
        if self.record(stage, key) not in (None, commit):
            path.with_suffix(".json").unlink(missing_ok=True)
        write_atomic(path, data)
        write_atomic(path.with_suffix(".json"), to_json(commit._asdict()))
        return commit

    def read(self, stage: str, key: str, ids: Mapping[str, str] | None = None) -> Part:
        """Read a committed part.

        Parameters
        ----------
        ids
            ``recording_id, cohort, subject_id, visit``: put on every row. Without them the tables have no id columns.

        Raises
        ------
        KeyError
            When the part is not committed or its bytes have changed since.
        """
        found = self._bytes(stage, key)
        if found is None:
            raise KeyError(f"{stage}/{key}")
        commit, data = found
        with pa.ipc.open_file(pa.py_buffer(data)) as reader:
            metadata, content = reader.schema.metadata, reader.read_all()
        tables = {}
        for name, blob in zip(content.column("table").to_pylist(), content.column("ipc"), strict=True):
            table = pa.ipc.open_stream(blob.as_buffer()).read_all()
            tables[name] = table if ids is None else stamp(name, table, ids)
        return Part(tables, json.loads(metadata[b"plms:facts"]), json.loads(metadata[b"plms:outcome"]), commit.digest)

    def counts(self) -> dict[str, int]:
        """Number of commit records per stage."""
        return {stage: sum(1 for _ in (self._work / stage).glob("??/*.json")) for stage in STAGES}

    def sweep(self) -> int:
        """Remove what killed writers left behind; only the holder of the lock may call it.

        Returns
        -------
        int
            Number of files removed: unfinished files, and parts without a record or records without a part.
        """
        unfinished = [*self._work.rglob(f".*{TEMPORARY}"), *(self.root / "releases").glob(f".*{TEMPORARY}")]
        # Unfinished locks belong to contenders, who may be alive.
        litter = [path for path in unfinished if not path.name.startswith(".LOCK")]
        for path in litter:
            path.unlink(missing_ok=True)
        for path in self._work.glob("damaged-r*"):
            remove_tree(path)
        n_removed = len(litter)
        for stage in STAGES:
            parts = {path.name: path for path in (self._work / stage).glob("??/*")}
            for path in parts.values():
                twin = path.with_suffix({".arrow": ".json", ".json": ".arrow"}.get(path.suffix, path.suffix))
                if twin.name not in parts:
                    path.unlink(missing_ok=True)
                    n_removed += 1
        return n_removed
