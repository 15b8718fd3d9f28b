"""``plms sql``: read-only queries on a release."""

from __future__ import annotations

from pathlib import Path

import click

from plms_pipeline.cli.common import Progress, common_options


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
    from plms_pipeline.store import find_release, open_sql, render_rows, run_query

    release = find_release(store, release_name)
    with open_sql(release) as connection:
        click.echo(render_rows(run_query(connection, query), form), nl=False)
