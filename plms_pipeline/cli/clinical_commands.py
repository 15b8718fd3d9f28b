"""``plms map-check`` and ``plms explain``: what clinical files are read as, and what a phenotype rests on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plms_pipeline.cli.common import Progress, common_options

if TYPE_CHECKING:
    from plms_pipeline.exposures.map_check import Line, MapCheck
    from plms_pipeline.exposures.mapping import Mapping
    from plms_pipeline.phenotypes.explain import NightEvidence
    from plms_pipeline.store.sql import ReleaseSql


@click.command("map-check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["table", "csv"]), default="table", show_default=True)
@click.option("--top", type=click.IntRange(min=1), default=12, show_default=True, help="Cells shown per column.")
@common_options
def map_check(file: Path, form: str, top: int, progress: Progress) -> None:
    """Show what every clinical column is read as, with how often each of its cells occurs.

    FILE is a mapping.yaml, or a COHORT.yaml that names one; with the latter the people of the sheet are compared too.
    Exit code 2 when a cell is neither a listed value nor a missing code: a run would refuse it.
    """
    from plms_pipeline.exposures.map_check import check_mapping
    from plms_pipeline.exposures.mapping import read_mapping

    mapping_path, sheet, cohort = _mapping_of(file)
    mapping = read_mapping(mapping_path)
    progress(f"read {mapping.name}", 0, 0)
    found = check_mapping(mapping)
    if form == "csv":
        _print_csv(found)
    else:
        _print_table(mapping, found, top)
        if sheet is not None:
            _print_people(found, sheet, str(cohort))
    refused = [line for line in found.lines if line.becomes == "refused"]
    if refused:
        columns = sorted({f"{line.file}: {line.column or line.canonical}" for line in refused})
        click.echo(
            f"plms: {sum(line.n_rows for line in refused)} cells are neither a listed value nor a missing code "
            f"({'; '.join(columns)}); list them under 'values' or 'missing' in {mapping.name}",
            err=True,
        )
        sys.exit(2)


def _mapping_of(file: Path) -> tuple[Path, Path | None, str | None]:
    """The mapping, and the sheet and cohort name where a COHORT.yaml was given."""
    from plms_pipeline import contracts
    from plms_pipeline.errors import InputError

    content = contracts.load_yaml(file.absolute())
    if not isinstance(content, dict) or "sheet" not in content:
        return file, None, None
    from plms_pipeline.cohort.settings import load_cohort

    settings = load_cohort(file)
    if settings.mapping is None:
        raise InputError(f"{file}: names no mapping; add 'mapping: mapping.yaml' (docs/clinical_inputs.md)")
    return settings.mapping, settings.sheet, settings.cohort


def _print_csv(found: MapCheck) -> None:
    import csv

    from plms_pipeline.exposures.map_check import Line

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(Line._fields)
    writer.writerows(["" if cell is None else cell for cell in line] for line in found.lines)


def _print_table(mapping: Mapping, found: MapCheck, top: int) -> None:
    shown: tuple[str, str] | None = None
    blocks: dict[tuple[str, str, str, str], list[Line]] = {}
    for line in found.lines:
        blocks.setdefault((line.file, line.table, f"{line.column or '(constant)'}", _target(line)), []).append(line)
    for (file, table, column, target), lines in blocks.items():
        if (file, table) != shown:
            click.echo(f"\n{file} -> {table} ({found.n_rows[file, table]} rows read)")
            shown = (file, table)
        click.echo(f"  {column} -> {target}")
        width = max(len(line.cell) for line in lines[:top])
        for line in lines[:top]:
            remark = f"   [{line.remark}]" if line.remark else ""
            click.echo(f"    {line.cell:<{width}}  {line.n_rows:>7}  {line.becomes}{remark}")
        if len(lines) > top:
            rest = sum(line.n_rows for line in lines[top:])
            click.echo(f"    and {len(lines) - top} more cells in {rest} rows (--top {len(lines)} shows them)")
    click.echo(f"\nCollected: {', '.join(mapping.collected) or 'nothing'}")
    click.echo(f"Not collected: {', '.join(mapping.not_collected) or 'nothing'}")
    click.echo(f"People with rows: {len(found.subjects)}")


def _target(line: Line) -> str:
    return f"{line.canonical} ({line.says})" if line.says else line.canonical


def _print_people(found: MapCheck, sheet: Path, cohort: str) -> None:
    from plms_pipeline.ingest.sheet import read_sheet

    people = {row.subject_id for row in read_sheet(sheet, cohort=cohort)}
    both = people & found.subjects
    click.echo(f"People in the sheet: {len(people)}, with clinical rows {len(both)}, without {len(people - both)}")
    folded = {subject.casefold() for subject in found.subjects}
    alike = sum(subject.casefold() in folded for subject in people - both)
    if alike:
        click.echo(f"  {alike} of those without differ from an id in the files only by capital letters")


@click.command()
@click.argument("subject")
@click.option("--visit", help="Only this visit.")
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("store"),
    show_default=True,
    help="Store whose latest release is read.",
)
@click.option("--release", "release_name", help="Name of another release of the store.")
@common_options
def explain(subject: str, visit: str | None, store: Path, release_name: str | None, progress: Progress) -> None:
    """Say in plain words what each phenotype of SUBJECT rests on, and what is missing to decide it.

    SUBJECT is a subject_id, or the recording_id of one night. Everything is read from the release.
    """
    from plms_pipeline.cli.query import release_of
    from plms_pipeline.errors import InputError
    from plms_pipeline.phenotypes.explain import explain_night
    from plms_pipeline.store import open_sql

    with open_sql(release_of(store, release_name)) as release:
        nights = _rows(release, "analysis", "subject_id", subject) or _rows(
            release, "analysis", "recording_id", subject
        )
        nights = sorted(
            (row for row in nights if visit is None or row["visit"] == visit), key=lambda row: row["recording_id"]
        )
        if not nights:
            which = f" with visit '{visit}'" if visit else ""
            raise InputError(
                f"{store}: the release holds no subject '{subject}'{which}; table recording lists them all"
            )
        settings = {
            row["name"]: json.loads(row["value"])
            for row in _rows(release, "provenance", "section", "setting")
            if row["name"] in ("clinical", "simulated")
        }
        texts = [explain_night(_evidence(release, row, settings["clinical"])) for row in nights]
    if settings["simulated"]:
        click.echo("Simulated: this person does not exist.\n")
    click.echo("\n\n".join(texts), nl=False)


def _rows(release: ReleaseSql, table: str, column: str, value: str) -> list[dict[str, Any]]:
    quoted = value.replace("'", "''")
    found = release.query(f"SELECT * FROM {table} WHERE {column} = '{quoted}'")
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _evidence(release: ReleaseSql, analysis: dict[str, Any], rules: dict[str, Any]) -> NightEvidence:
    from plms_pipeline.phenotypes.explain import NightEvidence

    recording = analysis["recording_id"]

    def by(table: str, key: str) -> dict[str, dict[str, Any]]:
        return {row[key]: row for row in _rows(release, table, "recording_id", recording)}

    return NightEvidence(
        phenotype=_rows(release, "phenotype", "recording_id", recording)[0],
        analysis=analysis,
        exposures=by("medication_exposure", "class_id"),
        laboratory=by("laboratory", "analyte"),
        conditions=by("condition", "condition"),
        rules=rules,
    )
