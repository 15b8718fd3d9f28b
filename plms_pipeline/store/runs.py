"""What a run says about itself while it works, and what anyone may ask a store without a lock."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.contracts import load_yaml
from plms_pipeline.errors import InputError
from plms_pipeline.store.files import private_directory, read_json, to_json, write_atomic
from plms_pipeline.store.keys import STAGES
from plms_pipeline.store.lock import heartbeat_age_s, is_stale, read_holder
from plms_pipeline.store.publish import list_releases

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class RunFolder:
    """``work/runs/<run>/``: ``status.json`` (replaced whole) and ``log.txt``."""

    def __init__(self, root: Path, run_id: str) -> None:
        if not _RUN_NAME.fullmatch(run_id):
            raise InputError(f"run name '{run_id}': use letters, digits, '.', '-' and '_'")
        runs = private_directory(private_directory(Path(root) / "work") / "runs")
        self.path = private_directory(runs / run_id)
        self.log_path = self.path / "log.txt"
        self._status: dict[str, Any] = {"run": run_id}
        self._every_s = float(load_yaml("rules/store.yaml")["status_every_s"])
        self._written = -self._every_s

    def update(self, *, now: bool = False, **fields: Any) -> None:
        """Change fields of the status (JSON-able); the file is written at most once a second unless ``now``."""
        self._status.update(fields)
        if now or time.monotonic() - self._written >= self._every_s:
            write_atomic(self.path / "status.json", to_json(self._status))
            self._written = time.monotonic()


class StoreStatus(NamedTuple):
    """What a store holds and who writes to it."""

    writer: str | None  # "run R (host H, process P)" of a living writer
    is_writer_gone: bool  # a lock is there, but its holder is not
    heartbeat_age_s: float | None
    run: dict[str, Any] | None  # status.json of the writer's run, else of the run that began last
    parts: dict[str, int]  # commit records per stage
    releases: list[str]
    latest: str | None


def _last_run(work: Path, run: str | None) -> dict[str, Any] | None:
    if run is not None and isinstance(status := read_json(work / "runs" / run / "status.json"), dict):
        return status
    found = [(path.stat().st_mtime_ns, path) for path in (work / "runs").glob("*/status.json")]
    status = read_json(max(found)[1]) if found else None
    return status if isinstance(status, dict) else None


def status(store_root: Path) -> StoreStatus:
    """State of a store, read without a lock and without changing anything that matters.

    Raises
    ------
    InputError
        When there is no store.
    """
    root = Path(store_root)
    work = root / "work"
    if not work.is_dir() and not (root / "releases").is_dir():
        raise InputError(f"{root}: no store (neither work/ nor releases/); check the path or run first")
    holder = read_holder(work / "LOCK")
    stale = holder is not None and is_stale(work / "LOCK", holder, load_yaml("rules/store.yaml")["stale_after_s"])
    age_s = None if holder is None else heartbeat_age_s(work / "LOCK")
    named = None if holder is None else f"run {holder.run} (host {holder.host.split(' ')[0]}, process {holder.pid})"
    releases = list_releases(root)
    return StoreStatus(
        writer=None if stale else named,
        is_writer_gone=stale,
        heartbeat_age_s=age_s,
        run=_last_run(work, holder.run if holder is not None else None),
        parts={stage: sum(1 for _ in (work / stage).glob("??/*.json")) for stage in STAGES},
        releases=[release.path.name for release in releases],
        latest=next((release.path.name for release in releases if release.is_latest), None),
    )
