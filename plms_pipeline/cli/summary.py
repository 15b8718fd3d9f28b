"""The closing summary of a run: the flow of recordings, the main figures, where things are, what to ask next."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plms_pipeline.cohort import RunSummary

# What an epidemiologist asks first; docs/how_do_i.md holds more, and tests run them all.
QUERIES = (
    "select plms_elevated, count(*) as persons from analysis where is_index_night group by 1 order by 1",
    "select evidence_class, count(*) as nights, round(median(plmsi_per_h), 1) as median_plmsi_per_h "
    "from night where is_main group by 1 order by 1",
    "select factor, plms_elevated, count(*) as recordings from "
    "(select unnest(factors_present) as factor, plms_elevated from phenotype) group by 1, 2 order by 1, 2",
)


def summary_text(summary: RunSummary) -> str:
    """Text of the closing summary, ending in a line feed."""
    kind = "simulated cohort" if summary.simulated else "cohort"
    n_failed = summary.n_failed_input + summary.n_failed_system
    lines = [
        "",
        f"Flow of recordings ({kind} '{summary.cohort}')",
        f"  in {summary.n_in} = analysed {summary.n_analysed} + excluded {summary.n_excluded} + failed {n_failed}",
    ]
    for outcome, reasons in summary.reasons.items():
        lines += [f"    {outcome}: {reason} {count}" for reason, count in reasons.items()]
    computed = ", ".join(f"{stage} {count}" for stage, count in summary.recomputed.items())
    lines.append(f"  computed in this run: {computed}")
    lines += [f"    because {why}: {count}" for why, count in summary.why.items()]
    if summary.figures:
        lines += ["", "Main figures" + (" (simulated: they say nothing about people)" if summary.simulated else "")]
        lines += _figure_lines(summary.figures)
    lines.append("")
    if summary.closed:
        lines.append("Quality gate closed by: " + ", ".join(summary.closed))
    if summary.message:
        lines.append(summary.message[0].upper() + summary.message[1:])
    if summary.release is not None:
        lines.append(f"Release  {_near(summary.release)}")
    if summary.report is not None:
        lines.append(f"Report   {_near(summary.report)}   (open it in a browser)")
    if summary.release is not None:
        lines += ["", "Ask it something:"]
        lines += [f'  {_program()} sql --store {_near(summary.store)} "{query}"' for query in QUERIES]
    return "\n".join(lines) + "\n"


def _program() -> str:
    """How the command was called, so that a line can be pasted where `plms` is not on the path."""
    called = Path(sys.argv[0])
    return str(_near(called)) if called.name == "plms" and shutil.which("plms") is None else "plms"


def _near(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _figure_lines(figures: Mapping[str, Any]) -> list[str]:
    index = figures["median_plmsi_per_h"]
    median = "unknown" if index is None else f"{index:.1f}/h"
    return [
        f"  median PLMS index ({figures['rule_set']}), nights of full evidence: {median} "
        f"({figures['n_full']} of {figures['n_nights']} nights)",
        f"  evidence of the nights: {_counts(figures['evidence'])}",
        f"  PLMS elevated (persons, index night): {_counts(figures['plms_elevated'])}",
        f"  compatible with PLMD, criteria not a diagnosis: {_counts(figures['plmd_compatible'])}",
        f"  secondary factors present: {_counts(figures['factors_present'])}",
    ]
