"""One writer per store, whoever dies when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from plms_pipeline.errors import LockedError
from plms_pipeline.store import StoreLock, lock

pytestmark = pytest.mark.usefixtures("fake_schemas")

_HOLD = """
import sys, time
from pathlib import Path
from plms_pipeline.store.lock import StoreLock
with StoreLock(Path(sys.argv[1]), "child"):
    print("held", flush=True)
    time.sleep(60)
"""
_RACE = """
import os, sys, time
from pathlib import Path
from plms_pipeline.errors import LockedError
from plms_pipeline.store.lock import StoreLock
root, start, won = Path(sys.argv[1]), float(sys.argv[2]), 0
while time.time() < start:
    pass
for _ in range(int(sys.argv[3])):
    try:
        lock = StoreLock(root, f"racer{os.getpid()}").__enter__()
    except LockedError:
        continue
    won += 1
    inside = os.open(root / "inside", os.O_CREAT | os.O_EXCL)
    os.close(inside)
    time.sleep(0.001)
    (root / "inside").unlink()
    if won % 3 == 0:
        # Die without a release, as after SIGKILL: the file stays, the process that holds it does not.
        dead = lock._path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 999999999')
        lock._stop.set()
        lock._path.write_text(dead)
    else:
        lock.__exit__(None, None, None)
print(won)
"""


def child(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def dead_lock(root: Path, **changes: object) -> Path:
    """A lock file whose holder is gone."""
    (root / "work").mkdir(mode=0o700, exist_ok=True)
    path = root / "work" / "LOCK"
    holder = {"host": lock.this_host(), "pid": 999999999, "pid_start": "x", "run": "old", "nonce": "n0"}
    path.write_text(json.dumps(holder | changes))
    return path


def test_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    process = child(tmp_path)
    try:
        with pytest.raises(LockedError, match=rf"in use by run child \(host .*, process {process.pid}\)") as error:
            StoreLock(tmp_path, "second").__enter__()
        assert error.value.exit_code == 4
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_killed_holder_of_this_host_is_stale_at_once(tmp_path: Path) -> None:
    process = child(tmp_path)
    process.kill()
    # Not waited for yet: a zombie holds nothing.
    for _ in range(100):
        if lock.process_start(process.pid) is None:
            break
        time.sleep(0.02)
    with StoreLock(tmp_path, "second") as second:
        assert second.finding is not None
        assert second.finding.code == "lock_taken_over"
        assert "run child ended" in second.finding.text
    process.wait()
    process.stdout.close()
    assert not list((tmp_path / "work").glob("*LOCK*"))


def test_reused_pid_is_another_process(tmp_path: Path) -> None:
    dead_lock(tmp_path, pid=os.getpid(), pid_start="of an earlier process")
    with StoreLock(tmp_path, "second") as second:
        assert second.finding is not None


def test_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with StoreLock(tmp_path, "first") as first:
        with pytest.raises(LockedError, match="run first"):
            StoreLock(tmp_path, "second").__enter__()
        assert first.holds()
        assert first.finding is None
    with StoreLock(tmp_path, "third"):
        pass


def test_other_host_is_stale_only_without_heartbeat(tmp_path: Path) -> None:
    path = dead_lock(tmp_path, host="elsewhere")
    with pytest.raises(LockedError, match=r"host elsewhere"):
        StoreLock(tmp_path, "second").__enter__()
    old = time.time() - 601
    os.utime(path, (old, old))
    with StoreLock(tmp_path, "second") as second:
        assert second.finding is not None


def test_unreadable_lock_counts_by_its_heartbeat(tmp_path: Path) -> None:
    path = dead_lock(tmp_path)
    path.write_text("")
    with pytest.raises(LockedError, match="an"):
        StoreLock(tmp_path, "second").__enter__()
    old = time.time() - 601
    os.utime(path, (old, old))
    with StoreLock(tmp_path, "second"):
        pass


def test_heartbeat_touches_the_file(tmp_path: Path) -> None:
    with StoreLock(tmp_path, "first", heartbeat_s=0.02) as held:
        path = tmp_path / "work" / "LOCK"
        old = time.time() - 1000
        os.utime(path, (old, old))
        for _ in range(200):
            if path.stat().st_mtime > old + 500:
                break
            time.sleep(0.01)
        assert path.stat().st_mtime > old + 500
        held.check()


def test_loser_of_a_takeover_notices(tmp_path: Path) -> None:
    with StoreLock(tmp_path, "first", heartbeat_s=0.02) as held:
        path = dead_lock(tmp_path, host="elsewhere")
        with pytest.raises(LockedError, match="taken over"):
            held.check()
    assert path.exists(), "a lock that is no longer ours is not removed"


def test_an_heir_that_died_is_inherited(tmp_path: Path) -> None:
    dead_lock(tmp_path)
    claim = tmp_path / "work" / "LOCK.after-n0"
    holder = {"host": lock.this_host(), "pid": 999999998, "pid_start": "y", "run": "heir", "nonce": "n1"}
    claim.write_text(json.dumps(holder))
    with StoreLock(tmp_path, "second") as second:
        assert second.holds()
        assert sorted(path.name for path in (tmp_path / "work").glob("*LOCK*")) == ["LOCK"]


def test_a_living_heir_is_respected(tmp_path: Path) -> None:
    dead_lock(tmp_path)
    claim = tmp_path / "work" / "LOCK.after-n0"
    me = {"host": lock.this_host(), "pid": os.getpid(), "pid_start": lock.process_start(os.getpid())}
    claim.write_text(json.dumps(me | {"run": "heir", "nonce": "n1"}))
    with pytest.raises(LockedError, match="run heir"):
        StoreLock(tmp_path, "second").__enter__()


def test_one_of_many_threads_inherits(tmp_path: Path) -> None:
    for round_ in range(20):
        dead_lock(tmp_path, nonce=f"n{round_}")
        held: list[StoreLock] = []
        barrier = threading.Barrier(6)

        def contend(barrier: threading.Barrier = barrier, held: list[StoreLock] = held) -> None:
            contender = StoreLock(tmp_path, "thread")
            barrier.wait()
            try:
                held.append(contender.__enter__())
            except LockedError:
                return

        threads = [threading.Thread(target=contend) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(held) == 1
        held[0].__exit__(None, None, None)


def test_two_processes_are_never_inside_together(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir(mode=0o700)
    start = str(time.time() + 1.5)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, str(tmp_path), start, "400"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [racer.communicate(timeout=120) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], results
    assert sum(int(out) for out, _ in results) > 50


def test_file_system_without_hard_links_still_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(lock.os, "link", refuse)
    with StoreLock(tmp_path, "first"), pytest.raises(LockedError, match="run first"):
        StoreLock(tmp_path, "second").__enter__()
    with StoreLock(tmp_path, "third"):
        pass
