"""What libraries may say, and the child process that fills a cold kernel cache."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plms_pipeline import _jit
from plms_pipeline.cohort import logs, warming


@pytest.fixture
def package_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger(logs.PACKAGE)
    before = logger.level
    yield logger
    logger.setLevel(before)


@pytest.mark.parametrize(
    ("own", "library", "cluster"),
    [
        (logging.NOTSET, logging.WARNING, logging.CRITICAL),
        (logging.ERROR, logging.WARNING, logging.CRITICAL),
        (logging.WARNING, logging.WARNING, logging.CRITICAL),
        (logging.INFO, logging.INFO, logging.INFO),
        (logging.DEBUG, logging.DEBUG, logging.DEBUG),
    ],
)
def test_libraries_speak_when_the_package_is_asked_for_more(
    package_logger: logging.Logger, own: int, library: int, cluster: int
) -> None:
    package_logger.setLevel(own)
    assert (logs.library_level(), logs.cluster_level()) == (library, cluster)


def test_great_expectations_is_held_whatever_level_its_import_sets(package_logger: logging.Logger) -> None:
    logger = logging.getLogger(logs.GX_LOGGER)
    logger.setLevel(logging.INFO)
    info = logger.makeRecord(logger.name, logging.INFO, "", 0, "Created temporary directory", (), None)
    for own, passes in [(logging.WARNING, False), (logging.INFO, True), (logging.WARNING, False)]:
        package_logger.setLevel(own)
        logs.quiet_expectations()
        assert bool(logger.filter(info)) is passes


def test_kernels_are_warmed_when_the_cache_is_cold_and_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = f"from pathlib import Path; Path({str(tmp_path)!r}, 'kernel.nbi').touch()"
    monkeypatch.setattr(_jit, "CACHE_DIRECTORY", tmp_path)
    monkeypatch.setattr(_jit, "CACHE_NOTE", "no kernel cache folder")
    monkeypatch.setattr(warming, "COMMAND", fill)
    assert not warming.is_cold()
    monkeypatch.setattr(_jit, "CACHE_NOTE", None)
    assert warming.is_cold()
    with warming.KernelWarming(is_local=False) as elsewhere:
        elsewhere.wait()
    assert warming.is_cold()
    with warming.KernelWarming(is_local=True) as here:
        here.wait()
    assert not warming.is_cold()


def test_an_abandoned_warming_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_jit, "CACHE_DIRECTORY", tmp_path)
    monkeypatch.setattr(_jit, "CACHE_NOTE", None)
    monkeypatch.setattr(warming, "COMMAND", "import time; time.sleep(600)")
    with warming.KernelWarming(is_local=True) as one:
        child = one._child
    assert child is not None and child.poll() is not None


@pytest.mark.slow
def test_the_warming_command_fills_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLMS_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(_jit.__file__).resolve().parents[1]))
    subprocess.run([sys.executable, "-c", warming.COMMAND], check=True, timeout=300)
    assert len(list(tmp_path.rglob("*.nbi"))) > 5
