"""One writer per store: ``work/LOCK`` is created exclusively and carries a heartbeat.

A stale lock is taken over without a moment in which two can hold it: whoever creates the file named after the
dead holder's nonce (``LOCK.after-<nonce>``) is its only heir and replaces ``LOCK`` by a rename. That claim is
itself judged like a lock, so an heir that dies is inherited in turn.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import subprocess
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from plms_pipeline.contracts import load_yaml
from plms_pipeline.errors import LockedError
from plms_pipeline.store.files import private_directory, temporary_beside

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Holder(NamedTuple):
    """Who wrote a lock: host (with pid namespace), pid and its start time, run, nonce of this acquisition."""

    host: str
    pid: int
    pid_start: str
    run: str
    nonce: str


class StoreFinding(NamedTuple):
    """Something the store noticed: code, severity (error, warning, info), one line of text."""

    code: str
    severity: str
    text: str


def this_host() -> str:
    """Name of this machine, with the pid namespace where there is one: pids of another container mean nothing."""
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def process_start(pid: int) -> str | None:
    """Start time of a running process as an opaque text; ``None`` when no such process runs."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{boot} {fields[19]}"
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def read_holder(path: Path) -> Holder | None:
    """Holder of a lock file; ``None`` when there is no such file.

    A file that is not (yet) readable as a lock has a holder without name whose heartbeat alone counts.
    """
    try:
        raw = path.read_bytes()
        identity = path.stat()
    except FileNotFoundError:
        return None
    try:
        return Holder(**json.loads(raw))
    except (ValueError, TypeError):
        return Holder("an unreadable lock", 0, "", "unknown", f"ino{identity.st_ino}-{identity.st_mtime_ns}")


def _create_exclusively(path: Path, content: bytes) -> bool:
    """Create a file with its content, or not at all if it exists."""
    temporary = temporary_beside(path)
    temporary.write_bytes(content)
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        with contextlib.suppress(FileExistsError), path.open("xb") as handle:
            handle.write(content)
            return True
        return False
    finally:
        temporary.unlink(missing_ok=True)


def heartbeat_age_s(path: Path) -> float:
    """Seconds since the last heartbeat, both read from the file system's clock (hosts may disagree)."""
    probe = temporary_beside(path)
    try:
        probe.touch()
        now = probe.stat().st_mtime
    except OSError:
        # Someone who may only look has no other clock than this host's.
        now = time.time()
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def is_stale(path: Path, holder: Holder, stale_after_s: float) -> bool:
    """Whether the holder is gone: its process does not run on this host, or no heartbeat for too long."""
    if holder.host == this_host():
        return process_start(holder.pid) != holder.pid_start
    return heartbeat_age_s(path) > stale_after_s


class StoreLock:
    """Context manager that makes this process the only writer of a store.

    Parameters
    ----------
    root
        The store.
    run_id
        Name of the run, shown to whoever is turned away.
    heartbeat_s, stale_after_s
        Default: ``schemas/rules/store.yaml``.

    Attributes
    ----------
    finding : StoreFinding or None
        Set when the lock of a dead holder was taken over.

    Raises
    ------
    LockedError
        On entering, naming the holder (exit code 4).
    """

    def __init__(
        self, root: Path, run_id: str, *, heartbeat_s: float | None = None, stale_after_s: float | None = None
    ) -> None:
        numbers = load_yaml("rules/store.yaml")
        self._path = private_directory(Path(root) / "work") / "LOCK"
        self._run = run_id
        self._heartbeat_s = numbers["heartbeat_s"] if heartbeat_s is None else heartbeat_s
        self._stale_after_s = numbers["stale_after_s"] if stale_after_s is None else stale_after_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._nonce = ""
        self.finding: StoreFinding | None = None

    def __enter__(self) -> StoreLock:
        pid = os.getpid()
        self._nonce = uuid.uuid4().hex
        holder = Holder(this_host(), pid, process_start(pid) or "", self._run, self._nonce)
        content = json.dumps(holder._asdict()).encode()
        while not _create_exclusively(self._path, content):
            if self._take_over(content):
                break
        self._clear_litter()
        self._stop.clear()
        self._thread = threading.Thread(target=self._beat, name="plms-lock-heartbeat", daemon=True)
        self._thread.start()
        return self

    def _take_over(self, content: bytes) -> bool:
        """Inherit a stale lock; ``False`` when the lock changed meanwhile and everything must be looked at anew."""
        first = read_holder(self._path)
        if first is None:
            return False
        claims: list[Path] = []
        path, holder = self._path, first
        while True:
            if not is_stale(path, holder, self._stale_after_s):
                current = read_holder(path)
                if current is None or current.nonce != holder.nonce:
                    return False
                raise LockedError(
                    f"{self._path.parent.parent}: the store is in use by run {holder.run} "
                    f"(host {holder.host.split(' ')[0]}, process {holder.pid}); wait for it to end"
                )
            claim = self._path.with_name(f"LOCK.after-{holder.nonce}")
            claims.append(claim)
            if _create_exclusively(claim, content):
                break
            heir = read_holder(claim)
            if heir is None:
                return False
            path, holder = claim, heir
        # While this claim stands nobody else may replace LOCK; a slow contender finds here that it came too late.
        current = read_holder(self._path)
        if current is None or current.nonce != first.nonce:
            claims[-1].unlink(missing_ok=True)
            return False
        temporary = temporary_beside(self._path)
        temporary.write_bytes(content)
        temporary.replace(self._path)
        self.finding = StoreFinding(
            "lock_taken_over",
            "warning",
            f"run {first.run} ended without releasing the store; its lock was taken over, its finished parts are used",
        )
        return True

    def _clear_litter(self) -> None:
        """Remove claims (nobody can inherit from a living holder) and what dead contenders left half done."""
        for claim in self._path.parent.glob("LOCK.after-*"):
            claim.unlink(missing_ok=True)
        for unfinished in self._path.parent.glob(".LOCK*.tmp"):
            contender = read_holder(unfinished)
            if contender is not None and is_stale(unfinished, contender, self._stale_after_s):
                unfinished.unlink(missing_ok=True)

    def holds(self) -> bool:
        """Whether the lock is still this one's (another host may have taken it over after a long standstill)."""
        holder = read_holder(self._path)
        return holder is not None and holder.nonce == self._nonce

    def check(self) -> None:
        """Raise LockedError when the lock was lost; to be called before anything is published."""
        if not self.holds():
            raise LockedError(f"{self._path.parent.parent}: the lock was taken over by another run; start again")

    def _beat(self) -> None:
        while not self._stop.wait(self._heartbeat_s):
            if self.holds():
                with contextlib.suppress(OSError):
                    os.utime(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self.holds():
            self._path.unlink(missing_ok=True)
