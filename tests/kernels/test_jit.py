"""The kernel cache: where it lies, who may write there, what it depends on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plms_pipeline import _jit, emg


def test_no_other_module_imports_numba() -> None:
    package = Path(_jit.__file__).parent
    users = [p for p in sorted(package.rglob("*.py")) if "numba" in p.read_text().replace("# numba", "")]
    importing = [
        p.name
        for p in users
        if any(line.startswith(("import numba", "from numba")) for line in p.read_text().splitlines())
    ]
    assert importing == ["_jit.py"]


def test_the_digest_covers_every_kernel_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "plms_pipeline"
    for room in _jit.KERNEL_ROOMS:
        (package / room).mkdir(parents=True)
        (package / room / "a_kernels.py").write_text("x = 1\n")
    (package / "_jit.py").write_text("")
    monkeypatch.setattr(_jit, "__file__", str(package / "_jit.py"))
    digests = {_jit.kernel_digest()}
    for room in _jit.KERNEL_ROOMS:
        (package / room / "a_kernels.py").write_text("x = 2\n")
        digests.add(_jit.kernel_digest())
    monkeypatch.setattr(_jit.numba, "__version__", "0.0.0")
    digests.add(_jit.kernel_digest())
    assert len(digests) == 4


def test_plms_cache_dir_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLMS_CACHE_DIR", str(tmp_path / "cache"))
    directory, note = _jit.choose_cache_directory("abc")
    assert (directory, note) == (tmp_path / "cache" / "abc", None)
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777])
def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(mode)
    monkeypatch.setenv("PLMS_CACHE_DIR", str(root))
    directory, note = _jit.choose_cache_directory("abc")
    assert root not in directory.parents
    assert directory.stat().st_mode & 0o077 == 0
    assert note is not None
    assert "written by others" in note


def test_no_place_for_a_cache_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLMS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    directory, note = _jit.choose_cache_directory("abc")
    assert directory.is_dir()
    assert note is not None
    assert "compile in every process" in note


def test_a_filled_cache_on_a_read_only_mount_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = tmp_path / "cache" / "abc" / "emg"
    filled.mkdir(parents=True, mode=0o700)
    (tmp_path / "cache").chmod(0o755)
    (tmp_path / "cache" / "abc").chmod(0o755)
    (filled / "kernel.nbi").write_bytes(b"index")
    monkeypatch.setenv("PLMS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    directory, note = _jit.choose_cache_directory("abc")
    assert directory != tmp_path / "cache" / "abc"
    assert (directory / "emg" / "kernel.nbi").read_bytes() == b"index"
    assert note is None


def test_warm_calls_every_room() -> None:
    assert emg.warm in _jit._warmers
    assert _jit.warm() >= 1


def test_kernels_run_without_compilation() -> None:
    code = (
        "from plms_pipeline import emg; emg.warm();"
        "from plms_pipeline.emg import activity_kernels as k; print(type(k.level_at).__name__)"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(_jit.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "function"
