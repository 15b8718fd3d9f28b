"""``plms sql``: read-only queries on a release."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from plms_pipeline.cli.common import Progress, common_options
from plms_pipeline.errors import InputError


@click.command()
@click.argument("query")
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("store"),
    show_default=True,
    help="Store whose latest release is queried.",
)
@click.option("--release", "release_name", help="Name of another release of the store.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@common_options
def sql(query: str, store: Path, release_name: str | None, form: str, progress: Progress) -> None:
    """Run one SQL query (DuckDB) on a release; every table of the release is a view.

    Opens read-only, without network, and sees no file outside the release.
    """
    from plms_pipeline.store import open_sql

    with open_sql(release_of(store, release_name)) as connection:
        result = connection.query(query)
    click.echo(_RENDER[form](result.columns, result.rows), nl=False)


def release_of(store: Path, name: str | None) -> Path:
    """Folder of the named release of a store, or of its latest one."""
    from plms_pipeline.store import latest_release, list_releases

    if name is None:
        latest = latest_release(store)
        if latest is None:
            raise InputError(f"{store}: holds no release; run the cohort first, or name the store with --store")
        return latest
    for release in list_releases(store):
        if release.path.name == name:
            return release.path
    raise InputError(f"{store}: holds no release '{name}'; plms status lists them")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _as_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [list(columns), *([_text(value).replace("\n", " ") for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + f"\n({len(rows)} row{'s' * (len(rows) != 1)})\n"


def _as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)
    return out.getvalue()


def _as_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps(records, ensure_ascii=False, default=str, indent=1) + "\n"


_RENDER = {"table": _as_table, "csv": _as_csv, "json": _as_json}
