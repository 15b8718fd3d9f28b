"""``plms doctor``: whether this machine and installation can do the work."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from plms_pipeline.cli.common import Progress, common_options

_NEEDED = ("numpy", "scipy", "numba", "pyarrow", "pandas", "dask", "distributed", "duckdb", "great-expectations")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _findings() -> Iterator[tuple[str, str, str]]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield ("ok" if sys.version_info >= (3, 11) else "fail", "python", f"{python} (3.11 or later is needed)")
    for package in _NEEDED:
        found = _version(package)
        yield ("ok" if found else "fail", package, found or "not installed: pip install plms-pipeline")
    prefect = _version("prefect")
    yield ("ok" if prefect else "warn", "prefect", prefect or "not installed: only --executor dask or inline will run")
    fastapi = _version("fastapi")
    if prefect and fastapi and tuple(map(int, fastapi.split(".")[:2])) >= (0, 151):
        yield "fail", "fastapi", f"{fastapi}: no Prefect 3.8 flow runs with 0.151 or later; pip install 'fastapi<0.151'"
    from plms_pipeline import contracts

    tables = contracts.tables()
    yield "ok", "declarations", f"{len(tables)} tables, schema version {contracts.schema_version()}"
    from plms_pipeline import _jit

    yield "warn" if _jit.CACHE_NOTE else "ok", "kernel cache", _jit.CACHE_NOTE or f"{_jit.CACHE_DIRECTORY}"
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    yield ("ok" if free_gb > 5 else "warn", "free disk here", f"{free_gb:.1f} GB (the demo of 24 nights needs about 2)")
    free_tmp_gb = shutil.disk_usage(tempfile.gettempdir()).free / 1e9
    yield ("ok" if free_tmp_gb > 0.5 else "warn", "free disk for temporary files", f"{free_tmp_gb:.1f} GB")
    yield "ok", "processors", f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}"


@click.command()
@click.option("--warm", is_flag=True, help="Compile and cache all kernels now (once per installation).")
@common_options
def doctor(warm: bool, progress: Progress) -> None:
    """Check packages, declarations, caches and disk; say what to do about each fault."""
    worst = 0
    for state, subject, text in _findings():
        click.echo(f"{state:<5} {subject:<30} {text}")
        worst = max(worst, {"ok": 0, "warn": 0, "fail": 1}[state])
    if warm:
        from plms_pipeline import _jit, emg, scoring

        rooms = f"{_jit.warm()} rooms ({emg.__name__}, {scoring.__name__})"
        click.echo(f"{'ok':<5} {'kernels':<30} compiled and cached: {rooms}")
    if worst:
        raise SystemExit(worst)
