"""Run ``plms`` in this process, and the signals that the tests share."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from plms_pipeline.cli import main
from plms_pipeline.simulate import emg_signal as sim

DURATION_S, FS_HZ, PIEZO_HZ = 600, 200, 32
LEFT, RIGHT = "LAT", "RAT"


class Done(NamedTuple):
    code: int
    err: str


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV table."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def plms(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["plms", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), capsys.readouterr().err)

    return run


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stages") / "stages.csv"
    path.write_text(f"onset_s,duration_s,stage\n0,{DURATION_S},N2\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def emg_legs() -> tuple[np.ndarray, np.ndarray]:
    left, right = (sim.leg_emg(DURATION_S, FS_HZ, [4, side])[0] for side in (1, 2))
    return left, right
