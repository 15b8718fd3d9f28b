"""``--executor inline`` and ``dask`` work where Prefect is not installed; ``prefect`` says what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("prefect", "prefect_dask"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from plms_pipeline.cli import main
if __name__ == "__main__":
    main()
"""


def _plms(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    script = folder / "without_prefect.py"
    script.write_text(BLOCK, encoding="utf-8")
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_prefect_says_what_is_missing(demo_cohort: Path, tmp_path: Path) -> None:
    refused = _plms(tmp_path, "run", demo_cohort, "--store", tmp_path / "store", "--executor", "prefect")
    assert refused.returncode == 2
    assert "needs the package prefect" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "store" / "work" / "LOCK").exists()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inline", "dask"])
def test_the_other_executors_do_not_need_it(demo_cohort: Path, tmp_path: Path, executor: str) -> None:
    done = _plms(tmp_path, "run", demo_cohort, "--store", tmp_path / "store", "--executor", executor, "--workers", 1)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "in 6 = " in done.stdout
