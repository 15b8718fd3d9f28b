"""Luna's `LM` command on the same recordings, in its own environment and process (`luna_worker.py`)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detector.cases import cache_folder
from benchmarks.detector.judging import Detected
from plms_pipeline.simulate.condition_files import write_recording
from plms_pipeline.simulate.conditions import Recording

_HERE = Path(__file__).parent
_REQUIREMENTS, _WORKER = _HERE / "requirements-luna.txt", _HERE / "luna_worker.py"
_LABELS = {"left": "LAT", "right": "RAT", "combined": "LEG"}
_UPPER_HZ = 100.0
NAMES = ("luna_wasm", "luna_adaptive")
Results = dict[str, tuple[dict[str, Detected], float]]


def python() -> Path:
    """Interpreter of Luna's environment, made from the pinned requirements when absent."""
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / "plms_detector_benchmark" / f"luna_{digest}"
    interpreter = folder / "bin" / "python"
    done = folder / "installed"
    if not done.is_file():
        print(f"installing {_REQUIREMENTS.name} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-qqq", "-r", _REQUIREMENTS], check=True)
        done.touch()
    return interpreter


def luna(recording: Recording) -> Results:
    """Both settings of Luna on one recording: movements by leg, and CPU seconds with reading the file."""
    digest = hashlib.sha256(_WORKER.read_bytes() + _REQUIREMENTS.read_bytes())
    digest.update(repr((recording.fs_hz, recording.channel, recording.gaps, list(recording.legs))).encode())
    for leg in recording.legs.values():
        digest.update(leg.samples_uv.tobytes())
    kept = cache_folder().parent / "luna" / f"{recording.condition}_{recording.seed}_{digest.hexdigest()[:16]}.json"
    if not kept.is_file():
        with tempfile.TemporaryDirectory(prefix="plms_luna_") as folder:
            found = _run(Path(folder), recording)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found), encoding="utf-8")
    return {
        result["detector"]: ({leg: _detected(rows) for leg, rows in result["found"].items()}, result["cpu_s"])
        for result in json.loads(kept.read_text(encoding="utf-8"))
    }


def _run(folder: Path, recording: Recording) -> list[dict[str, Any]]:
    stem, _ = write_recording(folder, recording)
    legs = list(recording.legs)
    job = {
        "case": stem,
        "edf": str(folder / f"{stem}.edf"),
        "labels": [_LABELS[leg] for leg in legs],
        "legs": legs,
        "upper_hz": min(_UPPER_HZ, 0.45 * recording.fs_hz),
    }
    jobs, results = folder / "jobs.json", folder / "results.json"
    jobs.write_text(json.dumps([job]), encoding="utf-8")
    run = subprocess.run([python(), _WORKER, jobs, results], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{stem}: Luna ended with {run.returncode}: {run.stderr[-500:]}")
    found: list[dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    return found


def _detected(rows: Sequence[Sequence[float]]) -> Detected:
    times = np.rint(np.array(rows, dtype=np.float64).reshape(-1, 2) * 1e6).astype(np.int64)
    times = times[np.argsort(times[:, 0], kind="stable")]
    return Detected(times[:, 0], times[:, 1])
