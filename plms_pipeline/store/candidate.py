"""A candidate release under ``work/candidate``: everything a release holds, before the gate and the manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, SystemFailure
from plms_pipeline.store import describe
from plms_pipeline.store.entries import ReleaseEntry, in_order, ledger, outcome_counts
from plms_pipeline.store.files import read_json, remove_tree, to_json
from plms_pipeline.store.keys import release_key
from plms_pipeline.store.parts import PartWriter, write_single
from plms_pipeline.store.provenance import provenance_table
from plms_pipeline.store.work import Part, WorkStore, row_order

Row = dict[str, Any]
Finalise = Callable[[list[Row]], list[Row]]
CANDIDATE_FACTS = "_candidate.json"


def candidate_path(store_root: Path) -> Path:
    """Where the candidate of a store lies."""
    return Path(store_root) / "work" / "candidate"


def build_candidate(
    store_root: Path,
    entries: Sequence[ReleaseEntry],
    *,
    n_in: int,
    run_facts: Mapping[str, Any],
    simulated: bool,
    provenance: Mapping[str, Mapping[str, Any]],
    extra_tables: Mapping[str, pa.Table],
    finalise: Mapping[str, Finalise] | None = None,
) -> Path:
    """Write every table of a release but ``quality_result``, and its descriptors, to ``work/candidate``.

    Parameters
    ----------
    store_root
        The store; the caller holds its lock and no worker writes any more (leftovers of killed ones are swept).
    entries
        One per recording of the sheet, in any order.
    n_in
        Recordings that went in; in = analysed + excluded + failed is checked against it.
    run_facts
        JSON-able facts for the README (title, rule sets, …): functions of inputs and settings, no clocks.
    simulated
        Whether the recordings are simulated; file names, metadata and README then say so.
    provenance
        Section → name → value, rows of table ``provenance`` beside those the store knows itself.
    extra_tables
        Further single-file tables (``unmapped_medication``).
    finalise
        Table → function that sees all rows of one subject (every visit, as dicts) and returns them changed;
        rows are neither added nor lost. For what no single recording knows, such as ``is_index_night``.

    Returns
    -------
    pathlib.Path
        Folder of the candidate; a former candidate is replaced.

    Raises
    ------
    ContractError
        When recordings do not add up, or a part does not follow its declaration.
    SystemFailure
        When a part that an entry names is missing or damaged.
    """
    ordered = in_order(entries)
    counts = outcome_counts(ordered, n_in)
    store = WorkStore(store_root)
    candidate = candidate_path(store_root)
    store.sweep()
    remove_tree(candidate)
    candidate.mkdir()
    finalise = dict(finalise or {})
    names = [name for name, table in contracts.tables().items() if table.layout == "partitioned"]
    for name in names:
        if contracts.table(name).sort[:2] != ("subject_id", "recording_id"):
            raise ContractError(f"table '{name}': its sort must begin with subject_id, recording_id")
    if missing := set(finalise) - set(names):
        raise ContractError(f"finalise names '{min(missing)}', which is no partitioned table")

    digests = _write_nights(store, ordered, candidate, [n for n in names if n not in finalise], simulated)
    for name, function in sorted(finalise.items()):
        _write_finalised(store, ordered, candidate, name, function, simulated)

    singles = {
        "ledger": ledger(ordered),
        "provenance": provenance_table(provenance),
        "data_dictionary": contracts.to_arrow("data_dictionary", contracts.dictionary_columns()),
        "domain": contracts.to_arrow("domain", contracts.domain_columns()),
    }
    if both := singles.keys() & extra_tables.keys():
        raise ContractError(f"table '{min(both)}' is written by the store itself")
    for name, table in sorted((singles | dict(extra_tables)).items()):
        write_single(candidate, name, table, simulated=simulated)
    key = release_key(
        digests,
        entries=[contracts.digest_of(entry) for entry in ordered],
        facts=dict(run_facts),
        simulated=simulated,
        schema_version=contracts.schema_version(),
        provenance={section: dict(rows) for section, rows in provenance.items()},
    )
    facts = {"simulated": simulated, "n_in": n_in, "outcomes": counts, "run_facts": dict(run_facts), "release_key": key}
    (candidate / CANDIDATE_FACTS).write_bytes(to_json(facts))
    describe.write_descriptors(candidate, facts)
    return candidate


def candidate_facts(candidate: Path) -> dict[str, Any]:
    """Facts of a candidate: simulated, n_in, outcomes, run_facts, release_key."""
    facts = read_json(candidate / CANDIDATE_FACTS)
    if not isinstance(facts, dict):
        raise ContractError("the candidate release is unfinished; build it again")
    return facts


def add_table(candidate: Path, name: str, table: pa.Table) -> Path:
    """Add a single-file table (``quality_result``) to a candidate."""
    return write_single(candidate, name, table, simulated=candidate_facts(candidate)["simulated"])


def _read(store: WorkStore, stage: str, key: str, entry: ReleaseEntry) -> Part:
    try:
        return store.read(stage, key, entry.ids)
    except KeyError:
        raise SystemFailure(
            f"recording {entry.recording_id}: its {stage} part is missing or damaged; run again to compute it"
        ) from None


def _writer(candidate: Path, name: str, cohort: str, visit: str, simulated: bool) -> PartWriter:
    numbers = contracts.load_yaml("rules/store.yaml")
    return PartWriter(
        candidate / name,
        name,
        cohort,
        visit,
        row_group_rows=numbers["row_group_rows"],
        part_rows=numbers["part_rows"],
        simulated=simulated,
    )


def _write_nights(
    store: WorkStore, ordered: Sequence[ReleaseEntry], candidate: Path, names: Sequence[str], simulated: bool
) -> list[str]:
    digests: list[str] = []
    for (cohort, visit), group in groupby(ordered, key=lambda entry: (entry.cohort, entry.visit)):
        with ExitStack() as stack:
            writers = {name: stack.enter_context(_writer(candidate, name, cohort, visit, simulated)) for name in names}
            for entry in group:
                for stage, key in entry.part_keys():
                    part = _read(store, stage, key, entry)
                    digests.append(part.digest)
                    for name, rows in part.tables.items():
                        if name in writers:
                            writers[name].append(rows)
    return digests


def _write_finalised(
    store: WorkStore,
    ordered: Sequence[ReleaseEntry],
    candidate: Path,
    name: str,
    function: Finalise,
    simulated: bool,
) -> None:
    stage = contracts.table(name).stage
    by_subject = sorted(ordered, key=lambda entry: (entry.cohort, entry.subject_id, entry.recording_id))
    for cohort, of_cohort in groupby(by_subject, key=lambda entry: entry.cohort):
        with ExitStack() as stack:
            visits = sorted({entry.visit for entry in ordered if entry.cohort == cohort})
            writers = {
                visit: stack.enter_context(_writer(candidate, name, cohort, visit, simulated)) for visit in visits
            }
            for _, of_subject in groupby(of_cohort, key=lambda entry: entry.subject_id):
                rows: list[Row] = []
                for entry in of_subject:
                    for stage_, key in entry.part_keys():
                        if stage_ == stage and name in (tables := _read(store, stage, key, entry).tables):
                            rows += tables[name].to_pylist()
                for recording in _finalised(name, function, rows):
                    writers[recording.column("visit")[0].as_py()].append(recording)


def _finalised(name: str, function: Finalise, rows: list[Row]) -> list[pa.Table]:
    """Rows of a subject after the hook, checked against the contract, one table per recording in order."""
    declared = contracts.table(name)

    def keys(some: list[Row]) -> list[tuple[Any, ...]]:
        ids = ("cohort", "subject_id", "visit", *declared.key)
        return sorted(tuple(row[column] for column in ids) for row in some)

    changed = function([dict(row) for row in rows])
    if keys(changed) != keys(rows):
        raise ContractError(f"table '{name}': finalise added, lost or renamed rows")
    if not changed:
        return []
    columns = {column: [row[column] for row in changed] for column in declared.column_names}
    for row in changed:
        if undeclared := row.keys() - columns.keys():
            raise ContractError(f"table '{name}': column '{min(undeclared)}' is not declared")
    table = contracts.to_arrow(name, columns)
    table = table.sort_by([(column, "ascending") for column in dict.fromkeys(("recording_id", *row_order(name)))])
    ids = table.column("recording_id").to_pylist()
    starts = [i for i, value in enumerate(ids) if i == 0 or value != ids[i - 1]]
    return [table.slice(a, b - a) for a, b in zip(starts, [*starts[1:], len(ids)], strict=True)]
