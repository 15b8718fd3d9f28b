"""What the tables of ``plms score`` and ``plms detect`` were made with: rows of table ``provenance``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from plms_pipeline import contracts, ingest, night, scoring
from plms_pipeline.store.provenance import provenance_table

_JSON_NULL = "null"


def provenance(
    command: str,
    rules: Sequence[str],
    overrides: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, Path | None],
    settings: Mapping[str, Any],
    *,
    with_detector: bool = False,
) -> pa.Table:
    """Table ``provenance``: software, every number and option in effect, digests of rule files and inputs.

    Parameters
    ----------
    command
        ``score`` or ``detect``.
    rules
        Rule sets by name or path, as `night.load_rule_sets`.
    overrides
        Rule set → option → value.
    inputs
        Role → file; its name and its digest are kept, never its folder.
    settings
        What else was given or found out about the recording.
    with_detector
        Whether the movements were detected here.

    Returns
    -------
    pyarrow.Table
        A limit that a rule set does not have is the text ``null``; an empty value means that it is not known.
    """
    given: dict[str, dict[str, Any]] = {
        "setting": {"command": command, **settings, **_dotted("evidence", night.effective_evidence())},
        "rule_set": _rule_sets(rules, overrides),
        "input": _inputs(inputs),
    }
    if with_detector:
        used = night.load_piezo_detector() if settings.get("sensor") == "piezo" else night.load_detector()
        given["detector"] = {name: _value(value) for name, value in used._asdict().items()}
        given["setting"] |= _dotted("signal_findings", night.load_signal_checks()._asdict())
    return provenance_table(given)


def _rule_sets(rules: Sequence[str], overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for asked, mapping in zip(rules, night.rule_files(rules, overrides), strict=True):
        name = scoring.rule_set_name(mapping)
        changed = dict(overrides.get(name, {}))
        effective = scoring.effective_settings(mapping, changed)
        path = night.rule_set_file(asked)
        rows |= _dotted(name, effective)
        rows[f"{name}.digest"] = contracts.digest_of(effective)
        rows[f"{name}.file"] = path.name
        rows[f"{name}.file_xxh3_128"] = ingest.file_digest(path)[0]
        rows[f"{name}.overridden"] = sorted(changed)
    return rows


def _inputs(inputs: Mapping[str, Path | None]) -> dict[str, str]:
    rows = {}
    for role, path in inputs.items():
        if path is not None:
            rows[f"{role}.file"] = path.name
            rows[f"{role}.file_xxh3_128"] = ingest.file_digest(path)[0]
    return rows


def _dotted(prefix: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": _value(value) for name, value in settings.items()}


def _value(value: Any) -> Any:
    return _JSON_NULL if value is None else list(value) if isinstance(value, tuple) else value
