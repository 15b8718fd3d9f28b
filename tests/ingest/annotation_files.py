"""Small annotation files for tests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from plms_pipeline import ingest

HOUR = 3600 * 10**6


def read(
    tmp_path: Path, content: str | bytes, start: str | None = "22:00:00", hours: float = 1.0, **declared: str
) -> ingest.Annotations:
    """Annotations of a file with this content; its name says nothing."""
    path = tmp_path / "annotations.dat"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return ingest.read_annotations([path], duration_us=round(hours * HOUR), recording_start=start, declared=declared)


def codes(found: ingest.Annotations) -> set[str]:
    """Codes of the findings about the file itself, without those about what it does not hold."""
    quiet = {"no_stages", "stages_do_not_cover", "respiratory_not_looked_for", "arousals_not_looked_for"}
    return {item.code for item in found.findings} - quiet


def events(found: ingest.Annotations) -> list[tuple[float, float | None, str, str]]:
    """Onset and duration in seconds, type and label of every event."""
    spans = found.events
    rows = zip(spans.onset_us.tolist(), spans.offset_us.tolist(), spans.type, spans.label, strict=True)
    return [
        (on / 1e6, None if off == ingest.NO_DURATION else (off - on) / 1e6, kind, label)
        for on, off, kind, label in rows
    ]


def stages(found: ingest.Annotations) -> list[tuple[float, float, str]]:
    """Onset and duration in seconds and stage of every span."""
    assert found.stages is not None
    spans = found.stages
    return [
        (on / 1e6, length / 1e6, stage)
        for on, length, stage in zip(spans.onset_us.tolist(), spans.duration_us.tolist(), spans.stage, strict=True)
    ]


def epochs(found: ingest.Annotations, epoch_s: float = 30.0) -> Counter[str]:
    """Epochs per stage."""
    count: Counter[str] = Counter()
    for _, length, stage in stages(found):
        count[stage] += round(length / epoch_s)
    return count
