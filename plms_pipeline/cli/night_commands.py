"""``plms detect`` and ``plms score``: single recordings and given movements."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plms_pipeline.cli.common import Progress, common_options, settings_from
from plms_pipeline.errors import InputError, PlmsError

if TYPE_CHECKING:
    import pyarrow as pa

    from plms_pipeline.night import NightPart

_SCORE_TABLES = ["scored_movement", "night"]
_DETECT_TABLES = ["leg_movement", "unusable_span", "signal_quality", "signal_quality_epoch", *_SCORE_TABLES]
_PROVENANCE = "provenance"
_EVENT_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _event_options(command: Any) -> Any:
    for name, text in (
        ("--arousals", "Arousals (onset_s, offset_s). Left out: unknown; a table with its header only: none found."),
        ("--respiratory", "Respiratory events (onset_s, offset_s, type). Left out: unknown."),
        (
            "--stages",
            "Sleep stages (onset_s, duration_s, stage), or an annotation file. Left out: unknown, so no index.",
        ),
    ):
        command = click.option(name, type=_EVENT_FILE, help=text)(command)
    return command


def _output_options(*, out_required: bool) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in (
            click.option("--overwrite", is_flag=True, help="Replace files of an earlier run."),
            click.option("--format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True),
            click.option(
                "--out", type=click.Path(path_type=Path), required=out_required, help="Folder for the tables."
            ),
            click.option(
                "--set", "overrides", multiple=True, metavar="RULE_SET.OPTION=VALUE", help="Override an option."
            ),
            click.option("--rules", default="wasm2016", show_default=True, help="Names or paths, commas between."),
        ):
            command = option(command)
        return command

    return add


def _write(folder: Path, part: NightPart, names: list[str], provenance: pa.Table, form: str, overwrite: bool) -> None:
    from plms_pipeline.single import declared_tables
    from plms_pipeline.store.export import write_files

    tables = declared_tables(part, names) | {_PROVENANCE: provenance}
    for path in write_files(folder, tables, form, overwrite=overwrite):
        click.echo(str(path))


def _say_indices(part: NightPart) -> None:
    night = part.tables["night"]
    for row in range(len(night["rule_set"])):
        ending = "_piezo" if night["index_family"][row] == "piezo" else ""
        index, low, high = (night[f"plmsi{kind}_per_h{ending}"][row] for kind in ("", "_lo", "_hi"))
        value = "undefined" if index is None else f"{index:.1f}/h"
        bounds = "" if low is None else f" [{low:.1f}, {high:.1f}]"
        reason = night[f"plmsi_per_h{ending}_reason"][row]
        marked = " of the human marks" if len(set(night["source"])) > 1 and night["source"][row] == "annotation" else ""
        sensor = " of a piezo sensor (no EMG index)" if ending else ""
        click.echo(
            f"{night['recording_id'][row]}: {night['rule_set'][row]} PLMS index{sensor or marked} {value}{bounds}, "
            f"evidence {night[f'evidence_class{ending}'][row]}" + (f" ({reason})" if reason else ""),
            err=True,
        )


def _say_agreement(part: NightPart) -> None:
    rows = part.tables["movement_agreement"]
    for row, rule_set in enumerate(rows["rule_set"]):
        f1, reason = rows["f1"][row], rows["f1_reason"][row]
        value = f"undefined ({reason})" if f1 is None else f"{f1:.2f}"
        n_both, n_found, n_marked = (rows[name][row] for name in ("n_matched", "n_detector", "n_annotation"))
        counts = "" if n_both is None else f", {n_both} pairs of {n_found} detected and {n_marked} marked"
        said = f"{rows['recording_id'][row]}: {rule_set} agreement with the human marks: F1 {value}{counts}"
        click.echo(said, err=True)


@click.command()
@click.option(
    "--movements",
    type=_EVENT_FILE,
    help="Movements (leg L, R or C, onset_s, offset_s), or an annotation file with human leg marks. Needed.",
)
@_event_options
@click.option("--gaps", type=_EVENT_FILE, help="Stretches without usable signal (onset_s, offset_s, optionally leg).")
@click.option("--lights-off", "lights_off_s", type=float, metavar="S", help="Lights off, seconds from the start.")
@click.option("--lights-on", "lights_on_s", type=float, metavar="S", help="Lights on, seconds from the start.")
@click.option("--legs", type=click.Choice(["both", "left", "right", "combined"]), help="What was recorded.")
@click.option("--duration", "duration_s", type=float, metavar="S", help="End of the recording (default: the stages').")
@click.option("--methods", is_flag=True, help="Print a Methods text of these rules for a paper; score nothing.")
@_output_options(out_required=False)
@common_options
def score(
    movements: Path | None,
    stages: Path | None,
    respiratory: Path | None,
    arousals: Path | None,
    gaps: Path | None,
    lights_off_s: float | None,
    lights_on_s: float | None,
    legs: str | None,
    duration_s: float | None,
    methods: bool,
    rules: str,
    overrides: tuple[str, ...],
    out: Path | None,
    form: str,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Score given leg movements (detected or human) under any rule sets.

    CSV or Parquet, times in seconds from the start of the recording; columns that are not needed are ignored. Or
    annotation files (EDF+, NSRR XML, Profusion XML, CSV with labels), one for several options if it holds them all.
    """
    from plms_pipeline import night, single
    from plms_pipeline.single.provenance import provenance
    from plms_pipeline.store.export import check_output

    names, changed = rules.split(","), settings_from(overrides)
    if methods:
        from plms_pipeline.night.methods import methods_text

        click.echo(methods_text(names, changed), nl=False)
        return
    if movements is None or out is None:
        raise click.UsageError(f"Missing option '{'--movements' if movements is None else '--out'}'.")
    check_output(out, [*_SCORE_TABLES, _PROVENANCE], form, overwrite=overwrite)
    rule_sets = night.load_rule_sets(names, changed)
    files = {"stages": stages, "respiratory": respiratory, "arousals": arousals, "gaps": gaps}
    given = single.read_given(
        movements,
        **files,
        legs=legs,
        duration_s=duration_s,
        lights_off_s=lights_off_s,
        lights_on_s=lights_on_s,
    )
    for notice in given.notices:
        logging.getLogger("plms_pipeline").warning("%s", notice)
    part = single.score_given(given, rule_sets)
    table = provenance("score", names, changed, {"movements": movements, **files}, single.given_settings(given))
    _write(out, part, _SCORE_TABLES, table, form, overwrite)
    _say_indices(part)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--left", multiple=True, metavar="LABEL", help="Left leg channel; twice: the two are subtracted.")
@click.option("--right", multiple=True, metavar="LABEL", help="Right leg channel; twice: the two are subtracted.")
@click.option("--combined", multiple=True, metavar="LABEL", help="One channel that holds both legs.")
@click.option("--sensor", type=click.Choice(["emg", "piezo"]), help="What the leg channels measure.")
@_event_options
@click.option(
    "--leg-marks",
    type=_EVENT_FILE,
    help="Human leg marks (leg, onset_s, offset_s, or an annotation file): scored beside, with their agreement.",
)
@click.option("--plot", is_flag=True, help="Also draw each night as SVG.")
@_output_options(out_required=True)
@common_options
def detect(
    files: tuple[Path, ...],
    left: tuple[str, ...],
    right: tuple[str, ...],
    combined: tuple[str, ...],
    sensor: str | None,
    stages: Path | None,
    respiratory: Path | None,
    arousals: Path | None,
    leg_marks: Path | None,
    plot: bool,
    rules: str,
    overrides: tuple[str, ...],
    out: Path,
    form: str,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Detect leg movements in recordings (EDF, EDF+, BDF) and score them.

    One file: tables directly in the folder; several: a sub-folder per file. Naming a channel declares it a leg EMG
    unless --sensor says otherwise. A piezo sensor is scored relative to its own baseline, in columns that end in
    _piezo; every index in microvolts then stays empty.
    """
    from plms_pipeline import night, single
    from plms_pipeline.single.provenance import provenance
    from plms_pipeline.store.export import check_output

    folders = {path: out if len(files) == 1 else out / path.stem for path in files}
    if len(set(folders.values())) < len(files):
        raise InputError("two files have the same name without ending; run them one by one into folders of their own")
    if len(files) > 1 and any((stages, respiratory, arousals, leg_marks)):
        raise InputError(
            "--stages, --respiratory, --arousals and --leg-marks belong to one recording; give one file at a time"
        )
    written = _DETECT_TABLES if leg_marks is None else [*_DETECT_TABLES, "movement_agreement"]
    for folder in folders.values():
        check_output(folder, [*written, _PROVENANCE], form, overwrite=overwrite)
    names, changed = rules.split(","), settings_from(overrides)
    rule_sets = night.load_rule_sets(names, changed)
    detectors = night.Settings(night.load_detector(), night.load_piezo_detector(), night.load_signal_checks())
    channels = {"left": left, "right": right, "combined": combined, "sensor": sensor}
    events = {"stages": stages, "respiratory": respiratory, "arousals": arousals, "leg_marks": leg_marks}
    failed = 0
    for done, (path, folder) in enumerate(folders.items()):
        progress("detect", done, len(files))
        try:
            part = single.detect_file(path, channels, detectors, rule_sets, **events, with_picture=plot)
            for notice in part.facts["notices"]:
                logging.getLogger("plms_pipeline").warning("%s", notice)
            settings = single.detected_settings(part, channels)
            table = provenance("detect", names, changed, {"recording": path, **events}, settings, with_detector=True)
            _write(folder, part, written, table, form, overwrite)
            if plot:
                from plms_pipeline.quality.night_plot import write_night_plot

                write_night_plot(folder / "night.svg", single.night_picture(part, path.stem, rule_sets[0], detectors))
                click.echo(str(folder / "night.svg"))
            _say_indices(part)
            _say_agreement(part)
        except PlmsError as error:
            if len(files) == 1:
                raise
            failed += 1
            click.echo(f"plms: {error}", err=True)
    progress("detect", len(files), len(files))
    if failed:
        click.echo(f"plms: {failed} of {len(files)} files could not be scored", err=True)
        raise SystemExit(2 if failed == len(files) else 1)
