"""Remembered digests of inputs, and error texts without paths."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.store import InputDigest, InputMemory, file_state, redact_paths

DIGEST = InputDigest("ab" * 16, "xxh3_128 all bytes", 5)


def remembered(root: Path, *files: Path) -> None:
    with InputMemory(root) as memory:
        for file in files:
            memory.remember(file, file_state(file), DIGEST)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    path = tmp_path / "night.edf"
    path.write_bytes(b"12345")
    return path


def test_untouched_file_is_known_in_the_next_run(tmp_path: Path, night: Path) -> None:
    assert InputMemory(tmp_path).lookup(night) is None
    remembered(tmp_path, night)
    assert InputMemory(tmp_path).lookup(night) == DIGEST
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("change", ["content", "same size and time", "replaced", "gone"])
def test_touched_file_is_read_again(tmp_path: Path, night: Path, change: str) -> None:
    remembered(tmp_path, night)
    before = night.stat()
    if change == "content":
        night.write_bytes(b"1234567")
    elif change == "same size and time":
        night.write_bytes(b"54321")
        os.utime(night, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "replaced":
        other = tmp_path / "other"
        shutil.copy2(night, other)
        other.replace(night)
    else:
        night.unlink()
    assert InputMemory(tmp_path).lookup(night) is None


def test_last_line_wins_and_known_state_is_not_appended(tmp_path: Path, night: Path) -> None:
    remembered(tmp_path, night)
    journal = tmp_path / "work" / "inputs.jsonl"
    size = journal.stat().st_size
    remembered(tmp_path, night)
    assert journal.stat().st_size == size
    with InputMemory(tmp_path) as memory:
        memory.remember(night, file_state(night), DIGEST._replace(digest="cd" * 16))
    assert InputMemory(tmp_path).lookup(night).digest == "cd" * 16


@given(cut=st.integers(0, 10_000), tail=st.binary(max_size=40))
def test_a_torn_journal_loses_only_torn_lines(cut: int, tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = [root / f"{i}.edf" for i in range(4)]
        for file in files:
            file.write_bytes(b"12345")
        remembered(root, *files)
        journal = root / "work" / "inputs.jsonl"
        whole = journal.read_bytes()
        kept = whole[: cut % (len(whole) + 1)]
        journal.write_bytes(kept + tail.replace(b"\n", b""))
        memory = InputMemory(root)
        n_whole = kept.count(b"\n")
        assert all(memory.lookup(file) == DIGEST for file in files[:n_whole])
        (root / "new.edf").write_bytes(b"12345")
        remembered(root, *files, root / "new.edf")
        again = InputMemory(root)
        assert all(again.lookup(file) == DIGEST for file in files)
        assert all(line.endswith(b"}\n") for line in journal.read_bytes().splitlines(keepends=True))


def test_journal_is_compacted(tmp_path: Path, night: Path) -> None:
    with InputMemory(tmp_path) as memory:
        for i in range(300):
            memory.remember(night, file_state(night), DIGEST._replace(n_bytes=i))
    with InputMemory(tmp_path) as memory:
        memory.remember(night, file_state(night), DIGEST._replace(n_bytes=7))
    assert len((tmp_path / "work" / "inputs.jsonl").read_bytes().splitlines()) == 2
    assert InputMemory(tmp_path).lookup(night).n_bytes == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/cohort a/x.edf: short", "<path>: short"),
        ("cannot read /data/my own night.edf (truncated)", "cannot read <path> (truncated)"),
        ("/data/x.edf and /data/y.edf differ", "<path> and <path> differ"),
        ("/data/x.edf is too short for 50 Hz.", "<path> is too short for 50 Hz."),
        ("cannot open '/data/cohort a/x.edf'", "cannot open '<path>'"),
        ("[Errno 2] No such file: 'C:\\Users\\ann b\\n.edf'", "[Errno 2] No such file: '<path>'"),
        ("open C:/Users/x.edf failed", "open <path> failed"),
        ("see \\\\server\\share\\n.edf", "see <path>"),
        ("~/psg/n.edf and ../psg/n.edf", "<path> and <path>"),
        ("file:///srv/psg/n.edf is bad", "<address> is bad"),
        ("tcp://127.0.0.1:41234 closed; peer 10.0.0.5:99", "<address> closed; peer <address>"),
        ("key process-0123456789abcdef0123456789abcdef lost", "key <key> lost"),
        ("('f-1b4e28ba-2fa1-11d2-883f-0016d3cca427', 3)", "('<key>', 3)"),
        ("<object at 0x7f3a22> in pid 4711", "<object at <address>> in pid <number>"),
        ("Worker process 31337 died at 2026-11-22T10:11:12.5Z", "Worker process <number> died at <time>"),
        ("line one\n  line two\t.", "line one line two ."),
        ("8 µV / s; 50/60 Hz; n/a; EEG C3/A2; 1.5 s", "8 µV / s; 50/60 Hz; n/a; EEG C3/A2; 1.5 s"),
        ("header ends at byte 256 of 4096", "header ends at byte 256 of 4096"),
    ],
)
def test_what_differs_between_machines_is_replaced(text: str, expected: str) -> None:
    assert redact_paths(text) == expected


@given(st.lists(st.text("abAB/\\:'\"<>. 0x19-~", max_size=20), max_size=6))
def test_redacting_twice_changes_nothing_more(pieces: list[str]) -> None:
    once = redact_paths(" ".join(pieces))
    assert redact_paths(once) == once
    assert "\n" not in once


def test_reasons_agree_with_the_findings() -> None:
    reasons = {code.value: code.label for code in contracts.codes("outcome_reason").codes}
    for code in contracts.codes("finding").codes:
        if code.extra["severity"] == "error":
            assert code.value in reasons, f"add the finding {code.value} to schemas/codes/outcome_reason.yaml"
        if code.value in reasons:
            assert reasons[code.value] == code.label
