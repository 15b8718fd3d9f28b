"""``plms map-check`` and ``plms explain``: what clinical files are read as, and what a phenotype rests on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plms_pipeline.cli.common import Progress, common_options

if TYPE_CHECKING:
    from plms_pipeline.exposures.map_check import Line, MapCheck
    from plms_pipeline.exposures.mapping import Mapping


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
