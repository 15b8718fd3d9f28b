"""Simulated recordings, kept in a temporary folder between runs."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from pathlib import Path

import numpy as np

from plms_pipeline import simulate
from plms_pipeline.simulate.conditions import Recording

_SOURCES = (
    "conditions.yaml",
    "conditions.py",
    "drawing.py",
    "envelopes.py",
    "leg_activity.py",
    "resting_emg.py",
    "artefacts.py",
)


def cache_folder() -> Path:
    """Folder of the recordings made by exactly this generator."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((Path(simulate.__file__).parent / name).read_bytes())
    return Path(tempfile.gettempdir()) / "plms_detector_benchmark" / digest.hexdigest()[:12]


def case(condition: str, seed: int) -> Recording:
    """A recording without its noise-free arrays, from the temporary folder or made anew."""
    path = cache_folder() / f"{condition}_{seed}.pickle"
    if path.is_file():
        loaded: Recording = pickle.loads(path.read_bytes())
        return loaded
    made = simulate.recording(condition, seed)
    empty = np.zeros(0)
    slim = made._replace(
        legs={name: leg._replace(rest_uv=empty, excess_uv=empty) for name, leg in made.legs.items()},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_bytes(pickle.dumps(slim, protocol=5))
    aside.replace(path)
    return slim
