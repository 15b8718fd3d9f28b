"""Who a recording is of: header fields that say it, and pseudonyms that do not."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotations import Annotations, EventSpans, StageSpans
from plms_pipeline.ingest.edf_header import EdfHeader
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.labels import event_type_of, form, is_ignored, stage_of
from plms_pipeline.ingest.sheet import SheetRow

KEY_VARIABLE = "PLMS_IDENTIFIER_KEY"
_LEAST_KEY_BYTES = 16
_SUBJECT_HEX = 16
_RECORDING_HEX = 8
UNLISTED = "(unlisted label)"

# NSRR set dates to zero first, which broke readers, and then moved to this one.
START_DATE, LONG_START_DATE = "01.01.85", "01-JAN-1985"
_PATIENT = ("patient code", "sex", "birth date", "patient name")
_RECORDING = ("start date in the recording field", "administration code", "technician", "equipment")


def identifying_fields(path: Path, header: EdfHeader) -> tuple[str, ...]:
    """Names of the header fields that may say who the person is; never what stands in them.

    Parameters
    ----------
    path : path
    header : EdfHeader
        Of this file.

    Returns
    -------
    tuple of str
        For EDF+ the subfields of its patient and recording fields (EDF+ 2.1.3.3 and 2.1.3.4), else the fields.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            main = handle.read(256)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    patient = main[8:88].decode("latin-1").split()
    recording = main[88:168].decode("latin-1").split()
    if header.format.endswith(("+C", "+D")):
        found = _told(patient, _PATIENT)
        found += _told(recording[1:] if recording[:1] == ["Startdate"] else recording, _RECORDING)
    else:
        found = ["patient field"] if any(word.strip("Xx.-_") for word in patient) else []
        found += ["recording field"] if any(word.strip("Xx.-_") for word in recording) else []
    if header.start_date is not None:
        found.append("start date")
    return tuple(found)


def _told(words: Sequence[str], names: Sequence[str]) -> list[str]:
    found = [name for name, word in zip(names, words, strict=False) if word not in ("X", LONG_START_DATE)]
    return found + (["further text"] if len(words) > len(names) else [])


# -- pseudonyms ------------------------------------------------------------------------------------------------------


def read_key(key_file: Path | None, environ: Mapping[str, str] | None = None) -> bytes:
    """The secret of the pseudonyms, from a file or from the environment variable ``PLMS_IDENTIFIER_KEY``.

    Raises
    ------
    InputError
        No key, a short one, or a file that others can read.
    """
    environ = os.environ if environ is None else environ
    if key_file is not None:
        try:
            is_open = key_file.stat().st_mode & 0o077
            key = key_file.read_bytes().strip()
        except OSError as error:
            raise InputError(f"{key_file}: the key cannot be read ({error.strerror}); check the path") from None
        if is_open:
            raise InputError(f"{key_file}: others can read this key; chmod 600 it")
        where = str(key_file)
    else:
        key = environ.get(KEY_VARIABLE, "").encode()
        where = KEY_VARIABLE
        if not key:
            raise InputError(
                f"pseudonyms need a key: name a file with identifier_key_file or --key-file, or set {KEY_VARIABLE}"
            )
    if len(key) < _LEAST_KEY_BYTES:
        raise InputError(f"{where}: the key has {len(key)} bytes, at least {_LEAST_KEY_BYTES} are needed")
    return key


def pseudonym(key: bytes, *parts: str, length: int = _SUBJECT_HEX) -> str:
    """Keyed hash of an identifier: HMAC-SHA256, its first hexadecimal digits.

    A plain hash would not do: identifiers can be enumerated.
    """
    return hmac.new(key, "|".join(parts).encode(), hashlib.sha256).hexdigest()[:length]


class Pseudonymised(NamedTuple):
    """Rows of a sheet under pseudonyms.

    Attributes
    ----------
    rows : tuple of SheetRow
        In the order given.
    of_recording : dict of str to str
        Recording id in the sheet → pseudonym.
    """

    rows: tuple[SheetRow, ...]
    of_recording: dict[str, str]


def pseudonymise(rows: Iterable[SheetRow], key: bytes) -> Pseudonymised:
    """Give subjects and recordings pseudonyms; the same key gives the same ones.

    A recording id that the sheet made itself is made anew from the subject's pseudonym; one that a person wrote is
    hashed, for it may say anything.

    Raises
    ------
    InputError
        Two subjects or recordings get the same pseudonym.
    """
    rows = list(rows)
    subjects: dict[str, str] = {}
    of_recording: dict[str, str] = {}
    renamed = []
    for row in rows:
        subject = pseudonym(key, row.cohort, row.subject_id)
        if subjects.setdefault(subject, row.subject_id) != row.subject_id:
            raise InputError("two subjects get the same pseudonym; use another key")
        made = f"{row.cohort}_{row.subject_id}_{row.visit}"
        night = re.fullmatch(re.escape(made) + r"((?:_n\d+)?)", row.recording_id)
        ending = night[1] if night else "_" + pseudonym(key, "recording", row.recording_id, length=_RECORDING_HEX)
        recording = f"{row.cohort}_{subject}_{row.visit}{ending}"
        of_recording[row.recording_id] = recording
        renamed.append(row._replace(subject_id=subject, recording_id=recording))
    if len(set(of_recording.values())) < len(rows):
        raise InputError("two recordings get the same pseudonym; use another key")
    return Pseudonymised(tuple(renamed), of_recording)


# -- free text -------------------------------------------------------------------------------------------------------


def vocabulary(label: str, own: frozenset[str] = frozenset()) -> str:
    """A label as far as it is vocabulary of the code lists; what is not may be a remark about the person.

    `own` holds labels that the cohort declared, in the form in which labels are compared. NSRR writes
    `concept|original label`: the parts that are listed are kept. A label of which nothing is listed becomes
    ``(unlisted label)``.
    """
    if form(label) in own:
        return label
    parts = [part for part in label.split("|") if _is_listed(part)]
    return "|".join(parts) or UNLISTED


def _is_listed(text: str) -> bool:
    return event_type_of(text) is not None or stage_of(text, in_stage_column=True) is not None or is_ignored(text)


def without_free_text(found: Annotations, labels: Iterable[str] = ()) -> Annotations:
    """Annotations whose labels are all vocabulary: others are replaced, and findings quote none.

    Parameters
    ----------
    found : Annotations
    labels : iterable of str
        Labels that the cohort declared; they are vocabulary too.
    """
    own = frozenset(form(label) for label in labels)

    def events(spans: EventSpans | None) -> EventSpans | None:
        return None if spans is None else spans._replace(label=_listed(spans.label, own))

    stages: StageSpans | None = found.stages
    if stages is not None:
        stages = stages._replace(label=_listed(stages.label, own))
    kept = events(found.events)
    assert kept is not None
    return found._replace(
        stages=stages,
        respiratory=events(found.respiratory),
        arousals=events(found.arousals),
        movements=events(found.movements),
        events=kept,
        findings=tuple(_without_detail(item) for item in found.findings),
    )


def _listed(labels: Sequence[str], own: frozenset[str]) -> tuple[str, ...]:
    known = {label: vocabulary(label, own) for label in set(labels)}
    return tuple(known[label] for label in labels)


def _without_detail(item: Finding) -> Finding:
    return finding(item.code)
