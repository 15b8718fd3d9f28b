"""From the results of a run to a release: entries, candidate, gate, report, publication."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plms_pipeline import contracts, phenotypes, quality, store
from plms_pipeline.cohort.logs import quiet_expectations
from plms_pipeline.cohort.plan import RunContext
from plms_pipeline.cohort.work import RecordingResult
from plms_pipeline.quality.report import render_report
from plms_pipeline.store import ReleaseEntry


def entries(results: Sequence[RecordingResult]) -> list[ReleaseEntry]:
    """What the release is told about each recording."""
    return [
        ReleaseEntry(
            recording_id=result.recording_id,
            cohort=result.cohort,
            subject_id=result.subject_id,
            visit=result.visit,
            outcome=result.outcome,
            stage=result.stage,
            reason=result.reason,
            text=result.text,
            digest=result.digest,
            digest_kind=result.digest_kind,
            n_bytes=result.n_bytes,
            detect_key=result.detect_key,
            score_key=result.score_key,
            link_key=result.link_key,
            findings=result.findings,
        )
        for result in results
    ]


def build(ctx: RunContext, results: Sequence[RecordingResult]) -> tuple[Path, quality.GateResult]:
    """Build the candidate, run the quality checks, write the report.

    Returns
    -------
    (candidate, gate)
        Folder of the candidate with `quality_result` and its report; the verdict.
    """
    settings = ctx.settings
    candidate = store.build_candidate(
        ctx.store_root,
        entries(results),
        n_in=len(ctx.tasks),
        run_facts={"cohort": settings.cohort, "rule_sets": sorted(ctx.science["rule_sets"])},
        simulated=settings.simulated,
        provenance=provenance(ctx),
        extra_tables=ctx.extra_tables,
        finalise={"analysis": _mark_index_nights},
    )
    quiet_expectations()
    gate = quality.check_release(candidate)
    store.add_table(candidate, "quality_result", contracts.to_arrow("quality_result", gate.rows))
    reports = candidate / "reports"
    reports.mkdir(exist_ok=True)
    render_report(candidate, reports / report_name(simulated=settings.simulated))
    return candidate, gate


_SETTINGS = ("detector", "detector_piezo", "signal_findings", "evidence", "clinical", "channels", "declared")


def report_name(*, simulated: bool) -> str:
    """File name of the report; that of simulated data says so."""
    return "quality-simulated.html" if simulated else "quality.html"


def _mark_index_nights(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What no single recording knows: which night of a subject is its index night."""
    marks = phenotypes.mark_index_nights(rows)
    return [{**row, "is_index_night": mark} for row, mark in zip(rows, marks, strict=True)]


def provenance(ctx: RunContext) -> dict[str, dict[str, Any]]:
    """Settings of the run and counts of its medication records as rows: what may change a number, and no path."""
    settings = ctx.settings
    rows: dict[str, Any] = {
        "cohort": settings.cohort,
        "simulated": settings.simulated,
        "identifiers": settings.identifiers,
        "duplicates": settings.duplicates,
        "max_failed_fraction": settings.max_failed_fraction,
        "movements": settings.movements,
        "labels": dict(settings.labels),
    }
    rows |= {name: ctx.science[name] for name in _SETTINGS}
    rows |= {f"rule_set.{name}": rules for name, rules in ctx.science["rule_sets"].items()}
    rows["declaration"] = ctx.science["declaration"]
    return {"setting": rows, "clinical": dict(ctx.medication_counts)}


def publish_candidate(ctx: RunContext, candidate: Path) -> tuple[Path, bool]:
    """Publish; when the latest release already holds this content, nothing changes.

    Returns
    -------
    (release, is_new)
    """
    if ctx.lock is not None:
        ctx.lock.check()
    now = datetime.now(UTC)
    info = {
        "run": ctx.run_id,
        "host": platform.node(),
        "created_utc": now.isoformat(timespec="seconds"),
        "began_utc": ctx.began.isoformat(timespec="seconds"),
        "findings": ctx.findings,
    }
    published = store.publish(ctx.store_root, candidate, info)
    if published is not None:
        return published, True
    latest = store.latest_release(ctx.store_root)
    if latest is None:
        raise RuntimeError("publish found the content unchanged, but there is no release")
    return latest, False
