"""What the keys of a recording were made of in the last run: so that a run can say why it computes something again,
take a stage as it is, and know annotations it has read before without reading them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.store.files import to_json, write_atomic

# How the parts of a key are called when a run says why.
NAMES = {
    "revision": "revision of the stage",
    "input": "bytes of the recording",
    "channels": "channel choice or refused defects",
    "detector": "detector settings",
    "detect": "output of detect",
    "annotations": "annotations",
    "window": "lights off and on",
    "rule_sets": "scoring rule sets",
    "evidence": "evidence settings",
    "score": "output of score",
    "facts": "recording date, treatment or state of the night",
    "covariates": "clinical rows of the subject",
    "declaration": "what the cohort collected",
    "settings": "clinical settings",
}


def _path(store: Path, recording_id: str) -> Path:
    name = contracts.digest_of(recording_id)
    return store / "work" / "keys" / name[:2] / f"{name}.json"


def last_known(store: Path, recording_id: str) -> Mapping[str, Any] | None:
    """The record of the last run of this recording, ``None`` when there is none that can be read."""
    try:
        record = json.loads(_path(store, recording_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("recording_id") == recording_id else None


def remember(store: Path, recording_id: str, record: Mapping[str, Any]) -> None:
    """Replace the record of a recording. It serves comfort only, so a lost one costs nothing but reading."""
    path = _path(store, recording_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, to_json({"recording_id": recording_id, **record}))


def why(stage: str, parts: Mapping[str, str], last: Mapping[str, Any] | None, forced: bool) -> str:
    """Why a stage is computed although the recording was seen before, in words."""
    if forced:
        return f"{stage}: forced"
    before = ((last or {}).get(stage) or {}).get("parts")
    if not isinstance(before, dict):
        return f"{stage}: new"
    changed = sorted(NAMES.get(name, name) for name in {*parts, *before} if parts.get(name) != before.get(name))
    return f"{stage}: changed {', '.join(changed)}" if changed else f"{stage}: its part was missing or damaged"
