"""Small declared tables and recordings for the tests of the store; also the child process that gets killed."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from plms_pipeline import contracts
from plms_pipeline.store import (
    ReleaseEntry,
    StoreLock,
    WorkStore,
    add_table,
    build_candidate,
    detect_key,
    link_key,
    provenance,
    publish,
    score_key,
)

_IDS = "".join(
    f"  - {{name: {name}, type: string, nullable: false, description: An id., source: test}}\n"
    for name in ("recording_id", "cohort", "subject_id", "visit")
)
_TABLES = {
    "leg_movement": (
        "detect",
        "[recording_id, leg, onset_s]",
        "[subject_id, recording_id, onset_s, leg]",
        [
            "{name: leg, type: string, nullable: false, description: Side., source: test}",
            "{name: onset_s, type: float64, nullable: false, unit: s, precision: 6, description: On., source: test}",
            "{name: peak_uv, type: float64, nullable: true, unit: uV, precision: 3, description: Peak., source: test}",
            "{name: reject_reason, type: string, nullable: true, codes: side, description: Null., source: test}",
        ],
    ),
    "night": (
        "score",
        "[recording_id, rule_set]",
        "[subject_id, recording_id, rule_set]",
        [
            "{name: rule_set, type: string, nullable: false, description: Rules., source: test}",
            "{name: is_main, type: bool, nullable: false, description: Main source., source: test}",
            "{name: plmsi_per_h, type: float64, nullable: true, unit: 1/h, min: 0, description: I., source: test}",
            "{name: n_plms, type: int32, nullable: true, min: 0, description: Count., source: test}",
            "{name: hourly, type: list<int32>, nullable: true, description: Per hour., source: test}",
            "{name: evidence_class, type: string, nullable: false, description: Class., source: test}",
        ],
    ),
    "analysis": (
        "link",
        "[recording_id]",
        "[subject_id, recording_id]",
        [
            "{name: is_index_night, type: bool, nullable: false, description: One per subject., source: test}",
            "{name: ferritin_ug_l, type: float64, nullable: true, unit: ug/L, description: Lab., source: test}",
        ],
    ),
}


def write_schemas(root: Path) -> Path:
    """A folder of declarations: what the store itself needs, and three small tables of nights."""
    real = contracts.schema_root()
    for folder in ("tables", "codes", "rules"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    kept = ["version.yaml", *(f"tables/{n}.yaml" for n in ("data_dictionary", "domain", "ledger", "provenance"))]
    kept += [f"codes/{n}.yaml" for n in ("outcome", "outcome_reason", "work_stage", "provenance_section", "finding")]
    for name in kept:
        shutil.copy(real / name, root / name)
    (root / "codes" / "side.yaml").write_text(
        "code_list: side\ndescription: d\nvalues:\n  - {value: short, label: short}\n"
    )
    (root / "rules" / "store.yaml").write_text(
        "heartbeat_s: 0.2\nstale_after_s: 600\nrow_group_rows: 64\npart_rows: 128\nstatus_every_s: 0\n"
    )
    for name, (stage, key, sort, columns) in _TABLES.items():
        (root / "tables" / f"{name}.yaml").write_text(
            f"table: {name}\ntitle: Fake {name}\ngrain: fake\nkey: {key}\nlayout: partitioned\nstage: {stage}\n"
            f"access: controlled\nsort: {sort}\ncolumns:\n{_IDS}" + "".join(f"  - {column}\n" for column in columns)
        )
    (root / "tables" / "quality_result.yaml").write_text(
        "table: quality_result\ntitle: Checks\ngrain: check\nkey: [check]\nlayout: single\nstage: release\n"
        "access: open\nsort: [check]\ncolumns:\n"
        "  - {name: check, type: string, nullable: false, description: Name., source: test}\n"
    )
    return root


def ids_of(index: int, *, cohort: str = "demo") -> dict[str, str]:
    """Ids of recording ``index``: every third subject has two visits."""
    subject, visit = (index - 1, "v2") if index % 3 == 1 and index else (index, "v1")
    return {
        "recording_id": f"{cohort}_s{subject:05d}_{visit}",
        "cohort": cohort,
        "subject_id": f"s{subject:05d}",
        "visit": visit,
    }


def columns(ids: dict[str, str], n: int, **values: Any) -> dict[str, Any]:
    """Columns of ``n`` rows of one recording."""
    return {name: [value] * n for name, value in ids.items()} | values


def tables_of(index: int, n_movements: int = 40) -> dict[str, dict[str, pa.Table]]:
    """Stage → table → rows of recording ``index``."""
    ids = ids_of(index)
    onsets = [round(7.0 + 31.25 * i + index / 8, 6) for i in range(n_movements)]
    movement = columns(
        ids,
        n_movements,
        leg=["L" if i % 2 else "R" for i in range(n_movements)],
        onset_s=onsets,
        peak_uv=[None if i % 7 == 0 else 12.5 + i for i in range(n_movements)],
        reject_reason=[None] * n_movements,
    )
    night = columns(
        ids,
        2,
        rule_set=["wasm2016", "wasm2006"],
        is_main=[True, True],
        plmsi_per_h=[float(index % 50), None],
        n_plms=[index % 50 * 7, None],
        hourly=[[1, 2, None], None],
        evidence_class=["full", "full"],
    )
    analysis = columns(ids, 1, is_index_night=[False], ferritin_ug_l=[None])
    return {
        "detect": {"leg_movement": contracts.to_arrow("leg_movement", movement)},
        "score": {"night": contracts.to_arrow("night", night)},
        "link": {"analysis": contracts.to_arrow("analysis", analysis)},
    }


def work_on(store: WorkStore, index: int, n_movements: int = 40) -> tuple[ReleaseEntry, int]:
    """What a worker does for one recording: each stage unless its part is there. Also the number of parts written."""
    keys = {"detect": detect_key(input_digest=f"{index:032x}", channel_decision={}, detector={"n": n_movements})}
    n_written, tables = 0, None
    for stage in ("detect", "score", "link"):
        if stage == "score":
            keys[stage] = score_key(
                detect_digest=keys["detect"], annotations=None, window=None, rule_sets=["wasm2016"], evidence={}
            )
        elif stage == "link":
            keys[stage] = link_key(score_digest=keys["score"], facts={}, covariates={}, declaration={}, settings={})
        if not store.has(stage, keys[stage]):
            tables = tables or tables_of(index, n_movements)
            store.write(stage, keys[stage], tables[stage], {"index": index}, {"outcome": "analysed"})
            n_written += 1
    entry = ReleaseEntry(
        **ids_of(index),
        outcome="analysed",
        digest=f"{index:032x}",
        digest_kind="xxh3_128",
        n_bytes=1000 + index,
        **{f"{stage}_key": key for stage, key in keys.items()},
    )
    return entry, n_written


def failed_entry() -> ReleaseEntry:
    """A recording that could not be read."""
    return ReleaseEntry(
        "demo_x1_v1", "demo", "x1", "v1", "failed_input", "input", "short_header", "/data/x.edf: ends in its header"
    )


def index_night(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first night of a subject is its index night."""
    first = min(row["recording_id"] for row in rows) if rows else None
    return [row | {"is_index_night": row["recording_id"] == first} for row in rows]


def candidate_of(root: Path, entries: list[ReleaseEntry], **changes: Any) -> Path:
    """A candidate release with the usual arguments."""
    arguments: dict[str, Any] = {
        "n_in": len(entries),
        "run_facts": {"title": "Demo <script>"},
        "simulated": True,
        "provenance": {"setting": {"rules": ["wasm2016"]}},
        "extra_tables": {},
        "finalise": {"analysis": index_night},
    }
    candidate = build_candidate(root, entries, **(arguments | changes))
    add_table(candidate, "quality_result", contracts.to_arrow("quality_result", {"check": ["a"]}))
    return candidate


def whole_run(root: Path, n: int, *, order: list[int] | None = None, created: str = "2026-11-22T01:02:03") -> int:
    """Lock, work, candidate, publish; returns the number of parts written."""
    with StoreLock(root, f"run-{created[-2:]}"):
        store = WorkStore(root)
        store.sweep()
        entries, n_written = [failed_entry()], 0
        for index in order or range(n):
            entry, written = work_on(store, index)
            entries.append(entry)
            n_written += written
            print("done", index, flush=True)
        publish(root, candidate_of(root, entries), {"created_utc": created, "run_id": "run"})
    return n_written


def fixed_commit() -> str:
    """In place of the commit of the checkout."""
    return "0" * 40


_MOVES = ("replace", "rename", "fsync", "link", "unlink", "rmdir")


def watch_moves(action: Callable[[int, str], None]) -> None:
    """Call ``action(step, label)`` before every call of the system that moves or fixes bytes."""
    steps = itertools.count()
    for name in _MOVES:
        original = getattr(os, name)

        def wrapped(*args: Any, _original: Any = original, _name: str = name, **kwargs: Any) -> Any:
            target = f"fd {args[0]}" if isinstance(args[0], int) else Path(args[-1]).name
            action(next(steps), f"{_name} {re.sub('[0-9a-f]{8,}|[0-9]+', '#', target)}")
            return _original(*args, **kwargs)

        setattr(os, name, wrapped)


def _die_at(step: int) -> Callable[[int, str], None]:
    return lambda now, _: os.kill(os.getpid(), signal.SIGKILL) if now == step else None


if __name__ == "__main__":
    # A commit made while the test runs is no difference between two runs.
    provenance.git_commit = fixed_commit
    if sys.argv[3:] == ["count"]:
        watch_moves(lambda step, label: print("move", step, label, flush=True))
    elif sys.argv[3:]:
        watch_moves(_die_at(int(sys.argv[3])))
    whole_run(Path(sys.argv[1]), int(sys.argv[2]))
