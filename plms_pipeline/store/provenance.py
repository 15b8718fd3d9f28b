"""What a release was made with, as rows: software, libraries, revisions, declarations, settings, inputs."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa

import plms_pipeline
from plms_pipeline import contracts
from plms_pipeline.store.files import digest_file, relative_files
from plms_pipeline.store.keys import REVISIONS

# Libraries that the numbers or the bytes of a release pass through.
LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "pyarrow", "duckdb", "great-expectations", "matplotlib")


def _library_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def git_commit() -> str | None:
    """Commit of the checkout this package runs from; ``None`` for an installed package or without git."""
    root = Path(plms_pipeline.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def schema_digest() -> str:
    """Digest over all declarations (names and bytes of the files under ``schemas/``)."""
    root = contracts.schema_root()
    return contracts.digest_of({name: digest_file(root / name).digest for name in relative_files(root)})


def software_versions() -> dict[str, dict[str, str | None]]:
    """Section → name → value of everything the store knows about the software itself."""
    return {
        "software": {
            "plms_pipeline": plms_pipeline.__version__,
            "git_commit": git_commit(),
            "python": platform.python_version(),
        },
        "library": {name: _library_version(name) for name in LIBRARIES},
        "schema": {"schema_version": contracts.schema_version(), "declarations": schema_digest()},
        "revision": {stage: str(number) for stage, number in REVISIONS.items()},
    }


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else contracts.canonical_json(value)


def provenance_table(given: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Table ``provenance``: what the store knows and what the caller gives (text as is, other values as JSON)."""
    merged: dict[str, dict[str, Any]] = {section: dict(rows) for section, rows in software_versions().items()}
    for section, rows in given.items():
        merged.setdefault(section, {}).update(rows)
    flat = [(section, name, _text(value)) for section, rows in merged.items() for name, value in rows.items()]
    columns = (list(column) for column in zip(*sorted(flat, key=lambda row: row[:2]), strict=True))
    return contracts.to_arrow("provenance", dict(zip(("section", "name", "value"), columns, strict=True)))
