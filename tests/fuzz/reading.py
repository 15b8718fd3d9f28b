"""Coverage-guided fuzzing of the readers; see the README beside this file. Not collected by pytest."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["plms_pipeline.ingest"]):
    from plms_pipeline import ingest
    from plms_pipeline.errors import PlmsError
    from plms_pipeline.ingest import edf_header, tal

from tests.fuzz.invariants import check_recording, check_stamps
from tests.fuzz.seeds import annotation_seeds, recording_seeds

MEMORY = "/dev/shm"
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY if Path(MEMORY).is_dir() else None))
FILE = FOLDER / "input"


def recording(data: bytes) -> None:
    """A whole file, by the alias rules and with its first signal named."""
    FILE.write_bytes(data)
    for overrides, dtype in ((None, np.float64), (ingest.overrides_from({"combined": "LEG"}), np.float32)):
        try:
            opened = ingest.open_recording(FILE, overrides, dtype=dtype)
        except PlmsError as error:
            assert "\n" not in str(error), str(error)
            continue
        check_recording(opened)


def header(data: bytes) -> None:
    """The bytes of a header, with a file of any length behind it."""
    n_bytes = int.from_bytes(data[:4], "little")
    try:
        edf_header.parse_header(data[4:260], data[260:], n_bytes)
    except PlmsError as error:
        assert "\n" not in str(error), str(error)


def lists(data: bytes) -> None:
    """The annotation signal of one record."""
    tals, n_malformed = tal.parse_tals(data)
    assert len(tals) + n_malformed == sum(bool(part) for part in data.split(b"\x00"))


def annotations(data: bytes) -> None:
    """Any annotation file."""
    FILE.write_bytes(data)
    try:
        found = ingest.read_annotations([FILE], duration_us=8 * 3600 * 1_000_000, recording_start="1989-04-24T22:30:00")
    except PlmsError as error:
        assert "\n" not in str(error), str(error)
        return
    found.normalised()


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "recording": (recording, recording_seeds),
    "header": (header, lambda: [(9000).to_bytes(4, "little") + seed[:4000] for seed in recording_seeds()]),
    "tal": (lists, lambda: [b"+0\x14\x14\x00+1.5\x1530\x14Sleep stage W\x14\x00\x00", b"-0.25\x14a\x14b\x14\x00"]),
    "stamps": (check_stamps, lambda: [b"+0\x14\x14\x00", b"+12.394531\x14\x14\x00", b"-3.5\x150.1\x14x\x14\x00"]),
    "annotations": (annotations, annotation_seeds),
}


def main() -> None:
    """Run one target; a warning is an error as in the tests."""
    warnings.simplefilter("error")
    target, seeds = TARGETS[sys.argv.pop(1)]
    for folder in [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")][:1]:
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folder / f"seed{number}").write_bytes(seed)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
