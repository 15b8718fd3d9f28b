"""``plms demo``, ``simulate``, ``run``, ``status`` and ``clean``: whole cohorts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from plms_pipeline.cli.common import Progress, common_options
from plms_pipeline.errors import InputError, LockedError

_MARKER = ".plms_demo"
_WHOLE_NIGHT_H = 8.0
_EXECUTORS = click.Choice(["prefect", "dask", "inline"])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


def _per_night(progress: Progress) -> Callable[[int, int, str], None]:
    return lambda done, total, _stem: progress("simulated nights", done, total)


def _run_options(command: Any) -> Any:
    for option in (
        click.option("--site", type=_FILE, help="Site file (cluster)."),
        click.option("--workers", type=click.IntRange(1), help="Worker processes (default: one per processor)."),
        click.option("--prefect-api", metavar="URL", help="A running Prefect server instead of a private one."),
        click.option("--executor", type=_EXECUTORS, default="prefect", show_default=True),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("folder", metavar="[DIR]", type=_FOLDER, default=Path("plms_demo"))
@click.option("--nights", type=click.IntRange(1), default=24, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo in DIR.")
@_run_options
@common_options
def demo(
    folder: Path,
    nights: int,
    seed: int,
    overwrite: bool,
    executor: str,
    site: Path | None,
    workers: int | None,
    prefect_api: str | None,
    progress: Progress,
) -> None:
    """Simulate a cohort, run everything and show where the release and its report are."""
    from plms_pipeline import simulate as simulation

    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).is_file():
            raise InputError(f"{folder}: exists and is no demo; name another folder")
        if not overwrite:
            raise InputError(f"{folder}: holds an earlier demo; use --overwrite to replace it, or plms clean {folder}")
        _remove_demo(folder)
    simulation.require_space(folder, simulation.required_bytes(nights, _WHOLE_NIGHT_H))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).write_text("A folder of simulated data, made by plms demo; plms clean removes it.\n", "utf-8")
    cohort = simulation.write_cohort(
        folder / "sim_cohort", n_nights=nights, seed=seed, hours=_WHOLE_NIGHT_H, progress=_per_night(progress)
    )
    overrides = {"store": str((folder / "store").resolve())}
    _run_and_tell(cohort.cohort_yaml, overrides, executor, site, workers, prefect_api, progress)


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--level", type=click.Choice(["signal"]), default="signal", show_default=True)
@click.option("--nights", type=click.IntRange(1), default=24, show_default=True)
@click.option(
    "--hours", type=click.FloatRange(0.1, 24), default=_WHOLE_NIGHT_H, show_default=True, help="Length of a night."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--clean-only", is_flag=True, help="Without defective recordings.")
@click.option(
    "--conditions",
    metavar="NAMES",
    help="In place of a cohort: legs under named conditions with true movements, for tests of detectors; "
    "names with commas between, targets or all.",
)
@click.option("--seeds", type=click.IntRange(1), default=4, show_default=True, help="Recordings per condition.")
@common_options
@click.pass_context
def simulate(
    context: click.Context,
    folder: Path,
    level: str,
    nights: int,
    hours: float,
    seed: int,
    clean_only: bool,
    conditions: str | None,
    seeds: int,
    progress: Progress,
) -> None:
    """Write a simulated cohort with known truth: EDF, annotations, clinical tables, cohort.yaml.

    With --conditions: recordings of leg EMG alone, each with its true movements (_movements.csv), unusable stretches
    and stages, and recordings.csv that lists them. --seed is then the first of --seeds, --hours the length of all.
    """
    from plms_pipeline import simulate as simulation

    def is_given(name: str) -> bool:
        return context.get_parameter_source(name) is not ParameterSource.DEFAULT

    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder")
    for name, goes_with_conditions in (("nights", False), ("clean_only", False), ("seeds", True)):
        if is_given(name) and (conditions is not None) != goes_with_conditions:
            word = "needs" if goes_with_conditions else "does not go with"
            raise InputError(f"--{name.replace('_', '-')} {word} --conditions; see plms simulate --help")
    if conditions is not None:
        written = simulation.write_benchmark(
            folder,
            simulation.chosen_conditions(conditions),
            range(seed, seed + seeds),
            duration_min=60.0 * hours if is_given("hours") else None,
            progress=lambda done, total: progress("simulated recordings", done, total),
        )
        click.echo(str(written.list_csv))
        return
    cohort = simulation.write_cohort(
        folder, n_nights=nights, seed=seed, hours=hours, defects=not clean_only, progress=_per_night(progress)
    )
    click.echo(str(cohort.cohort_yaml))


@click.command()
@click.argument("cohort_yaml", metavar="COHORT.yaml", type=click.Path(path_type=Path))
@click.option("--store", type=_FOLDER, help="Store (default: as in COHORT.yaml, else store/ beside it).")
@click.option("--only", help="Recording ids, commas between.")
@click.option("--limit", type=click.IntRange(1), help="The first N recordings.")
@click.option("--from", "from_stage", type=click.Choice(["detect", "score", "link", "release"]), help="Start stage.")
@click.option("--force", type=click.Choice(["detect", "score", "link"]), multiple=True, help="Compute a stage anew.")
@click.option("--allow-partial", is_flag=True, help="Publish although --only or --limit left recordings out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--verify-inputs", is_flag=True, help="Read every input again instead of trusting size and times.")
@_run_options
@common_options
def run(
    cohort_yaml: Path,
    store: Path | None,
    only: str | None,
    limit: int | None,
    from_stage: str | None,
    force: tuple[str, ...],
    allow_partial: bool,
    dry_run: bool,
    verify_inputs: bool,
    executor: str,
    site: Path | None,
    workers: int | None,
    prefect_api: str | None,
    progress: Progress,
) -> None:
    """Run a cohort from its EDF files to a release; a second run resumes and recomputes only what changed."""
    overrides: dict[str, Any] = {}
    if store is not None:
        overrides["store"] = str(store.resolve())
    _run_and_tell(
        cohort_yaml,
        overrides,
        executor,
        site,
        workers,
        prefect_api,
        progress,
        only=tuple(only.split(",")) if only else (),
        limit=limit,
        from_stage=from_stage,
        force=force,
        allow_partial=allow_partial,
        dry_run=dry_run,
        verify_inputs=verify_inputs,
    )


def _run_and_tell(
    cohort_yaml: Path,
    overrides: dict[str, Any],
    executor: str,
    site: Path | None,
    workers: int | None,
    prefect_api: str | None,
    progress: Progress,
    **options: Any,
) -> None:
    from plms_pipeline import cohort
    from plms_pipeline.cli.summary import summary_text

    if workers is not None:
        overrides["n_workers"] = workers
    if prefect_api is not None:
        overrides["prefect_api"] = prefect_api
    settings = cohort.load_cohort(cohort_yaml, overrides, site=site)
    summary = cohort.run(settings, executor=executor, progress=progress, **options)
    progress.close()
    click.echo(summary_text(summary), nl=False)
    if summary.exit_code:
        raise SystemExit(summary.exit_code)


@click.command()
@click.argument("store", type=_FOLDER, default=Path("store"))
@common_options
def status(store: Path, progress: Progress) -> None:
    """What a store holds: releases, parts, the last run, and who is writing now."""
    from plms_pipeline import store as stores

    found = stores.status(store)
    if found.writer:
        click.echo(f"writing now: {found.writer}")
    elif found.is_writer_gone:
        click.echo("writing now: nobody; the last run was stopped, the next one resumes")
    else:
        click.echo("writing now: nobody")
    if found.run:
        told = ", ".join(f"{name} {value}" for name, value in sorted(found.run.items()) if name != "run")
        click.echo(f"last run: {found.run.get('run')} ({told})")
    click.echo("parts in the work store: " + ", ".join(f"{stage} {count}" for stage, count in found.parts.items()))
    for name in found.releases:
        click.echo(f"release {name}" + (" (latest)" if name == found.latest else ""))
    if not found.releases:
        click.echo("no release yet")


def _remove_demo(folder: Path) -> None:
    import shutil

    from plms_pipeline import store as stores

    if (folder / "store" / "work").is_dir() and (writer := stores.status(folder / "store").writer):
        raise LockedError(f"{folder}: {writer} is writing; wait for it or stop it first")
    shutil.rmtree(folder)


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER, default=Path("plms_demo"))
@common_options
def clean(folder: Path, progress: Progress) -> None:
    """Remove a demo: its simulated nights, store, releases and reports."""
    if not folder.exists():
        click.echo(f"{folder}: not there, nothing to remove")
        return
    if not (folder / _MARKER).is_file():
        raise InputError(f"{folder}: was not made by plms demo; nothing is removed")
    _remove_demo(folder)
    click.echo(f"{folder}: removed")
