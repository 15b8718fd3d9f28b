"""The main figures of a run for its closing summary, read from the candidate's tables."""

from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.dataset as ds

from plms_pipeline import contracts

THREE_VALUES = ("yes", "no", "unknown")


def _rows(candidate: Path, table: str, columns: list[str]) -> list[dict[str, Any]]:
    files = sorted((candidate / table).rglob("*.parquet"))
    rows: list[dict[str, Any]] = (
        ds.dataset(files, format="parquet").to_table(columns=columns).to_pylist() if files else []
    )
    return rows


def main_figures(candidate: Path) -> dict[str, Any]:
    """What the closing summary shows.

    Parameters
    ----------
    candidate
        Folder of a candidate or a release.

    Returns
    -------
    dict
        ``rule_set`` that phenotypes rest on; ``n_nights``, ``n_full`` (full evidence) and their
        ``median_plmsi_per_h`` (None without any); counts by value: ``evidence``, ``plms_elevated`` and
        ``plmd_compatible`` (one index night per person, unknown counted as such), ``factors_present``.
    """
    persons = _rows(
        candidate,
        "analysis",
        ["recording_id", "is_index_night", "phenotype_rule_set", "evidence_class", "plms_elevated", "plmd_compatible"],
    )
    rule_set = persons[0]["phenotype_rule_set"] if persons else None
    nights = [
        row
        for row in _rows(candidate, "night", ["rule_set", "is_main", "plmsi_per_h", "evidence_class"])
        if row["rule_set"] == rule_set and row["is_main"]
    ]
    full = [row["plmsi_per_h"] for row in nights if row["evidence_class"] == "full" and row["plmsi_per_h"] is not None]
    index = [row for row in persons if row["is_index_night"]]
    factors = Counter(
        factor for row in _rows(candidate, "phenotype", ["factors_present"]) for factor in row["factors_present"]
    )
    evidence = Counter(row["evidence_class"] for row in nights)
    return {
        "rule_set": rule_set,
        "n_nights": len(nights),
        "n_full": len(full),
        "median_plmsi_per_h": round(median(full), 2) if full else None,
        "evidence": {name: evidence[name] for name in contracts.codes("evidence_class").values if evidence[name]},
        "plms_elevated": {v: sum(row["plms_elevated"] == v for row in index) for v in THREE_VALUES},
        "plmd_compatible": {v: sum(row["plmd_compatible"] == v for row in index) for v in THREE_VALUES},
        "factors_present": dict(sorted(factors.items())),
    }
