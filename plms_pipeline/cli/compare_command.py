"""``plms score-compare``: what differs between two scorings, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plms_pipeline.cli.common import Progress, common_options
from plms_pipeline.errors import InputError

if TYPE_CHECKING:
    from plms_pipeline.single.compare import Comparison

_OUTPUT = click.Path(exists=True, path_type=Path)


@click.command("score-compare")
@click.argument("a", type=_OUTPUT)
@click.argument("b", type=_OUTPUT, required=False)
@click.option("--rules", metavar="NAME[,NAME]", help="One rule set for both, or one of A and one of B.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the movements that differ as CSV.")
@click.option("--overwrite", is_flag=True, help="Replace the file of an earlier comparison.")
@common_options
def score_compare(
    a: Path, b: Path | None, rules: str | None, out: Path | None, overwrite: bool, progress: Progress
) -> None:
    """Which combined movements count differently in two scorings, and because of which rule.

    A and B are folders written by plms score or plms detect, or scored_movement files. Without B, two rule sets of A
    are compared. Movements are matched by overlap; differing times alone are no difference.
    """
    from plms_pipeline.single import compare
    from plms_pipeline.store.export import csv_text
    from plms_pipeline.store.files import write_atomic

    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out}: exists; use --overwrite to replace it or name another file")
    first = compare.read_scoring(a)
    second = first if b is None else compare.read_scoring(b)
    asked = [] if rules is None else [name.strip() for name in rules.split(",")]
    pairs = compare.rule_set_pairs(first, second, asked, is_one=b is None)
    _, left_out = compare.recording_pairs(first, second)
    if left_out:
        click.echo(f"plms: not compared, in one of them only: {', '.join(left_out)}", err=True)
    found = [compare.compare_scorings(first, second, pair) for pair in pairs]
    for one in found:
        _say(one, with_rows=out is None)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, csv_text(compare.difference_table(found)).encode())
        click.echo(str(out))


def _say(one: Comparison, *, with_rows: bool) -> None:
    recordings = "1 recording" if one.n_recordings == 1 else f"{one.n_recordings} recordings"
    click.echo(
        f"{one.rule_sets[0]} (a) and {one.rule_sets[1]} (b), {recordings}: {one.n_a} and {one.n_b} combined movements, "
        f"{one.n_alike} alike, {len(one.rows)} differ"
    )
    if one.options:
        click.echo("rules that differ: " + ", ".join(f"{name} {a} / {b}" for name, a, b in one.options))
    for reason, n in one.reasons.items():
        click.echo(f"{n:8d}  {reason}")
    if with_rows and one.rows:
        head = ("recording_id", "onset_s", "side_a", "side_b", "is_plm_a", "is_plm_b", "reason", "detail", "differs")
        lines = [head, *(tuple(_cell(row[name]) for name in head) for row in one.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
        for line in lines:
            click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value) or "-"
