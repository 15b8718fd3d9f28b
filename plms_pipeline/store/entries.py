"""What a release is told about each recording, and the ledger in which none of them can vanish."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError
from plms_pipeline.redact import redact_paths

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class ReleaseEntry(NamedTuple):
    """One recording of a run: ids, outcome, the stage that decided it, reason, text, input digest, keys reached."""

    recording_id: str
    cohort: str
    subject_id: str
    visit: str
    outcome: str
    stage: str | None = None
    reason: str | None = None
    text: str | None = None
    digest: str | None = None
    digest_kind: str | None = None
    n_bytes: int | None = None
    detect_key: str | None = None
    score_key: str | None = None
    link_key: str | None = None
    findings: tuple[str, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        """The four id columns every table of a night begins with."""
        return {
            "recording_id": self.recording_id,
            "cohort": self.cohort,
            "subject_id": self.subject_id,
            "visit": self.visit,
        }

    def part_keys(self) -> list[tuple[str, str]]:
        """Parts of this recording as (stage, key), in the order of the stages."""
        found = (("detect", self.detect_key), ("score", self.score_key), ("link", self.link_key))
        return [(stage, key) for stage, key in found if key is not None]


def in_order(entries: Iterable[ReleaseEntry]) -> list[ReleaseEntry]:
    """Entries in the order of a release: cohort, visit, subject, recording.

    Raises
    ------
    InputError
        For a cohort or visit that is not a word (``001`` would become the number 1 for a reader), or an id twice.
    """
    ordered = sorted(entries, key=lambda e: (e.cohort, e.visit, e.subject_id, e.recording_id))
    if not ordered:
        raise InputError("no recording to release; the sheet is empty")
    for entry in ordered:
        for column in ("cohort", "visit"):
            if not _WORD.fullmatch(entry.ids[column]):
                raise InputError(
                    f"recording {entry.recording_id}: {column} '{entry.ids[column]}' is not a word of a-z, 0-9 and _ "
                    "that begins with a letter; write it so in the sheet"
                )
    repeated = [name for name, n in Counter(e.recording_id for e in ordered).items() if n > 1]
    if repeated:
        raise InputError(f"recording_id '{min(repeated)}' stands twice; give each recording an id of its own")
    return ordered


def outcome_counts(entries: Sequence[ReleaseEntry], n_in: int) -> dict[str, int]:
    """Recordings per outcome, every outcome named.

    Raises
    ------
    ContractError
        When in = analysed + excluded + failed does not hold: a recording vanished or appeared.
    """
    counts = Counter(entry.outcome for entry in entries)
    outcomes = [code.value for code in contracts.codes("outcome").codes]
    found = {outcome: counts.pop(outcome, 0) for outcome in outcomes}
    if counts:
        raise ContractError(f"outcome '{min(counts)}' is not in the code list 'outcome'")
    if sum(found.values()) != n_in:
        raise ContractError(f"{n_in} recordings went in but {sum(found.values())} are accounted for")
    return found


def ledger(entries: Sequence[ReleaseEntry]) -> pa.Table:
    """Table ``ledger``: one row per recording, in the order given; texts are redacted."""
    for entry in entries:
        if (entry.outcome == "analysed") != (entry.reason is None):
            raise ContractError(f"recording {entry.recording_id}: outcome {entry.outcome} with reason {entry.reason}")
    rows = [entry._asdict() | {"text": None if entry.text is None else redact_paths(entry.text)} for entry in entries]
    names = {"digest": "input_digest", "digest_kind": "input_digest_kind", "n_bytes": "input_bytes"}
    columns = {
        names.get(field, field): [list(row[field]) if field == "findings" else row[field] for row in rows]
        for field in ReleaseEntry._fields
    }
    return contracts.to_arrow("ledger", columns)
