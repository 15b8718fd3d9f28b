"""``plms discover``, ``inspect`` and ``deidentify``: what there is, what the reader sees, copies without names."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plms_pipeline.cli.common import Progress, common_options
from plms_pipeline.errors import InputError, PlmsError

if TYPE_CHECKING:
    from plms_pipeline.ingest.inspection import Inspection

_NOTES = {
    "same_signal": "the same signal twice",
    "defective": "recordings that cannot be opened (they stay in the sheet and will be in the ledger)",
    "no_annotations": "recordings without annotations",
    "annotation_left_over": "annotation files without a recording",
    "annotation_ambiguous": "annotation files that could belong to several recordings",
    "not_recognised": "files beside a recording that are no annotations",
    "renamed": "recordings told apart by their file names",
    "same_name": "annotation files with ';' in their name",
    "packed": "packed files",
}
_NOTES_SHOWN = 10
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("source", metavar="DIR|SHEET", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Sheet: .csv, .parquet, or .lst (Luna).")
@click.option("--overwrite", is_flag=True, help="Replace an earlier sheet.")
@click.option("--all-notes", is_flag=True, help="List every note, not the first ten of a kind.")
@common_options
def discover(source: Path, out: Path | None, overwrite: bool, all_notes: bool, progress: Progress) -> None:
    """Write the sheet of a folder: its recordings, paired with their annotations.

    Knows the layouts of NSRR, WSC, BIDS, Sleep-EDF, DOMINO and plain folders. Without --out the sheet is sheet.csv in
    the folder. A sheet or a Luna sample list in place of the folder is rewritten in the form of --out.
    """
    from plms_pipeline.ingest.channel_rules import archive_sensor
    from plms_pipeline.ingest.discover import discover as find
    from plms_pipeline.ingest.sheet import check_columns
    from plms_pipeline.ingest.sheet_files import FORMATS, read_cells, sheet_bytes

    if source.is_dir():
        out = out or source / "sheet.csv"
    elif out is None:
        raise InputError(f"{source}: is a sheet; name with --out what it should become ({', '.join(FORMATS)})")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: is there already; --overwrite replaces it")
    if source.is_dir():
        progress("looking for recordings", 0, 0)
        found = find(source)
        rows, columns, notes, base = list(found.rows), found.columns, found.notes, source
    else:
        cells = read_cells(source)
        check_columns(source, cells.columns)
        rows, columns, notes, base = [row for _, row in cells.rows], cells.columns, (), source.parent
    _move(rows, base, out.parent)
    content = sheet_bytes(rows, columns, out.suffix.casefold())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    progress.close()
    n_paired = sum(bool(row.get("annotations")) for row in rows)
    n_subjects = len({row["subject_id"] for row in rows})
    click.echo(f"{len(rows)} recordings of {n_subjects} subjects, {n_paired} with annotations: {out}")
    for archive, n in sorted(Counter(row["archive"] for row in rows if row.get("archive")).items()):
        click.echo(f"  {n} named as in {archive}, leg sensor {archive_sensor(archive)} (column archive)")
    for code, title in _NOTES.items():
        texts = [note.text for note in notes if note.code == code]
        if not texts:
            continue
        click.echo(f"\n{len(texts)} × {title}")
        shown = texts if all_notes else texts[:_NOTES_SHOWN]
        for text in shown:
            click.echo(f"  {text}")
        if len(shown) < len(texts):
            click.echo(f"  … and {len(texts) - len(shown)} more (--all-notes lists them)")
    if source.is_dir():
        click.echo("\nLook at one with plms inspect, then name the sheet in a cohort.yaml and start plms run.")


def _move(rows: list[dict[str, str]], base: Path, target: Path) -> None:
    """Paths that were relative to one folder, relative to another."""
    if base.resolve() == target.resolve():
        return
    for row in rows:
        for column in ("edf", "annotations"):
            parts = [part for part in row.get(column, "").split(";") if part]
            moved = [part if Path(part).is_absolute() else os.path.relpath(base / part, target) for part in parts]
            row[column] = ";".join(Path(part).as_posix() for part in moved)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--annotations", "annotations", multiple=True, type=_FILE, help="Annotation file (default: those beside)."
)
@click.option("--left", metavar="LABEL", help="Left leg channel; A;B: the two are subtracted.")
@click.option("--right", metavar="LABEL", help="Right leg channel.")
@click.option("--combined", metavar="LABEL", help="One channel that holds both legs.")
@click.option("--sensor", type=click.Choice(["emg", "assumed_emg", "piezo"]), help="Sensor on the legs.")
@click.option("--archive", metavar="NAME", help="Published archive it comes from, such as mesa or stages.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@common_options
def inspect(file: Path, annotations: tuple[Path, ...], as_json: bool, progress: Progress, **declared: Any) -> None:
    """Show what the reader sees: header, time line, channels with the choice, annotations found, findings.

    Reads no signal, so a whole night takes a moment. Patient data of the header are named but never printed.
    """
    from plms_pipeline.ingest.channels import overrides_from
    from plms_pipeline.ingest.inspection import inspect as look

    found = look(file, overrides_from(declared, "options"), list(annotations) or None)
    click.echo(json.dumps(_as_dict(found), indent=2, ensure_ascii=False) if as_json else _as_text(file, found))
    if found.header is None or found.problem is not None:
        raise SystemExit(2)


def _as_dict(found: Inspection) -> dict[str, Any]:
    from plms_pipeline.ingest.inspection import annotation_counts, channel_rows

    header = found.header
    result: dict[str, Any] = {"findings": [item._asdict() for item in found.findings]}
    if header is None or found.decision is None:
        return result
    return {
        "format": header.format,
        "n_bytes": header.n_bytes,
        "start": found.start,
        "duration_s": None if found.duration_us is None else found.duration_us / 1e6,
        "n_records": header.n_records,
        "n_records_declared": header.n_records_declared,
        "record_duration_s": float(header.record_duration_s),
        "gaps_s": [[begin / 1e6, end / 1e6] for begin, end in found.gaps],
        "layout": found.decision.layout,
        "rule": found.decision.rule,
        "sensor": found.decision.sensor,
        "channels": channel_rows(found),
        "annotation_files": list(found.annotation_files),
        "annotation_problem": found.problem,
        "annotations": None if found.annotations is None else annotation_counts(found.annotations),
        "identifying_fields": list(found.identifying),
        **result,
    }


def _as_text(file: Path, found: Inspection) -> str:
    lines = [click.style(file.name, bold=True)]
    if found.header is not None:
        lines += _header_lines(found) + _leg_lines(found) + _channel_lines(found) + _annotation_lines(found)
    lines += ["", click.style("Findings", bold=True)]
    if not found.findings:
        lines.append("  none")
    from plms_pipeline.ingest.findings import what_to_do

    order = {"error": 0, "warning": 1, "info": 2}
    colours = {"error": "red", "warning": "yellow", "info": "cyan"}
    for item in sorted(dict.fromkeys(found.findings), key=lambda item: (order[item.severity], item.code)):
        lines.append(f"  {click.style(f'{item.severity:8s}', fg=colours[item.severity])} {item.code}: {item.text}")
        advice = what_to_do(item.code)
        if item.severity != "info" and not advice.startswith("none"):
            lines.append(f"           {click.style('→', dim=True)} {advice}")
    return "\n".join(lines)


def _header_lines(found: Inspection) -> list[str]:
    header = found.header
    assert header is not None
    length = "unknown length" if found.duration_us is None else _clock(found.duration_us / 1e6)
    start = (found.start or "unknown").replace("T", " ")
    record_s = float(header.record_duration_s)
    lines = [
        f"  {header.format}, {header.n_bytes / 1e6:,.1f} MB, {len(header.data_signals)} signals"
        + (f" and {len(header.annotation_signals)} of annotations" if header.annotation_signals else ""),
        f"  start {start}, {length}, {header.n_records:,} records of {record_s:g} s",
    ]
    if found.gaps:
        total_s = sum(end - begin for begin, end in found.gaps) / 1e6
        lines.append(f"  {len(found.gaps)} gaps, {_clock(total_s)} in all; the first from {found.gaps[0][0] / 1e6:g} s")
    if found.identifying:
        lines.append(
            f"  the header may say who this is ({', '.join(found.identifying)}); plms deidentify makes a copy without"
        )
    return lines


def _leg_lines(found: Inspection) -> list[str]:
    decision = found.decision
    assert decision is not None
    lines = ["", click.style("Legs", bold=True)]
    for role in ("left", "right", "combined", "ecg"):
        labels = getattr(decision, role)
        if labels:
            lines.append(f"  {role:9s}{' − '.join(labels)}")
    if decision.layout == "none":
        lines.append("  none recognised")
    lines.append(f"  layout {decision.layout}, by rule '{decision.rule}', sensor {decision.sensor}")
    return lines


def _channel_lines(found: Inspection) -> list[str]:
    from plms_pipeline.ingest.inspection import channel_rows

    rows = channel_rows(found)
    width = max([5, *(len(row["label"]) for row in rows)])
    lines = ["", click.style("Channels", bold=True)]
    lines.append(
        click.style(f"   #  {'label':{width}s}  {'Hz':>7s}  {'range':>24s}  {'filter Hz':>11s}  used as", dim=True)
    )
    for row in rows:
        rate = "" if row["fs_hz"] is None else f"{row['fs_hz']:g}"
        ends = [row["physical_min"], row["physical_max"]]
        span = "" if None in ends or row["used_as"] == "annotations" else f"{ends[0]:g} … {ends[1]:g} {row['unit']}"
        corners = [row["highpass_hz"], row["lowpass_hz"]]
        band = "" if corners == [None, None] else "–".join("" if edge is None else f"{edge:g}" for edge in corners)
        line = f"{row['number']:4d}  {row['label']:{width}s}  {rate:>7s}  {span:>24s}  {band:>11s}  {row['used_as']}"
        lines.append(click.style(line.rstrip(), fg="green") if row["used_as"] else line.rstrip())
    return lines


def _annotation_lines(found: Inspection) -> list[str]:
    from plms_pipeline.ingest.inspection import annotation_counts

    lines = ["", click.style("Annotations", bold=True)]
    if found.problem is not None:
        return [*lines, f"  {click.style('cannot be read', fg='red')}: {found.problem}"]
    if found.annotations is None or not found.annotation_files:
        return [*lines, "  none found"]
    counts = annotation_counts(found.annotations)
    for name, source in zip(found.annotation_files, counts["sources"], strict=True):
        lines.append(f"  {name} ({source})")
    stages = ", ".join(f"{stage} {minutes:.1f}" for stage, minutes in counts["stage_min"].items())
    lines.append(
        f"  stages {counts['stages_state']}" + (f": sleep {counts['sleep_min']:.1f} min ({stages})" if stages else "")
    )
    lines.append(f"  respiratory events {counts['respiratory_state']}, arousals {counts['arousals_state']}")
    if counts["events"]:
        lines.append("  events " + ", ".join(f"{kind} {n}" for kind, n in counts["events"].items()))
    if counts["leg_marks"] is not None:
        lines.append(f"  human leg marks {counts['leg_marks']}")
    lights = [(name, counts[f"lights_{name}_s"]) for name in ("off", "on") if counts[f"lights_{name}_s"] is not None]
    if lights:
        lines.append("  lights " + ", ".join(f"{name} at {_clock(at_s)}" for name, at_s in lights))
    return lines


def _clock(seconds: float) -> str:
    whole = int(seconds)
    rest = f"{seconds - whole:.3f}"[1:].rstrip("0").rstrip(".")
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}{rest}"


@click.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the copies.")
@click.option("--key-file", type=_FILE, help="Key: the copies are named by pseudonyms of the file names.")
@click.option("--overwrite", is_flag=True, help="Replace earlier copies.")
@common_options
def deidentify(files: tuple[Path, ...], out: Path, key_file: Path | None, overwrite: bool, progress: Progress) -> None:
    """Copy recordings without patient data: header fields, start date, free texts of annotation channels.

    The start date becomes 01.01.85, the start time stays. Annotations keep their times; a text that is not in the
    code lists becomes X. The signal bytes of every copy are compared with the original's.
    """
    from plms_pipeline.ingest.deidentify import deidentify as copy
    from plms_pipeline.ingest.identifiers import pseudonym, read_key

    key = read_key(key_file) if key_file is not None else None
    names = {path: path.name if key is None else pseudonym(key, path.stem) + path.suffix.casefold() for path in files}
    twice = [name for name, n in Counter(names.values()).items() if n > 1]
    if twice:
        raise InputError(f"{twice[0]}: two files would get this name; copy them into folders of their own")
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for done, (path, name) in enumerate(names.items()):
        progress("deidentify", done, len(files))
        try:
            made = copy(path, out / name, overwrite=overwrite)
        except PlmsError as error:
            if len(files) == 1:
                raise
            failed += 1
            click.echo(f"plms: {error}", err=True)
            continue
        click.echo(f"{path} → {made.path}")
        click.echo(f"  header fields emptied: {', '.join(made.fields) or 'none held anything'}")
        click.echo(f"  annotation texts: {made.n_texts_kept} kept, {made.n_texts_replaced} replaced")
        if made.n_bytes_dropped:
            click.echo(f"  {made.n_bytes_dropped} bytes outside whole records were left out")
        click.echo(f"  signal bytes unchanged, xxh3_128 {made.signal_digest}")
    progress("deidentify", len(files), len(files))
    if failed:
        raise SystemExit(2 if failed == len(files) else 1)
