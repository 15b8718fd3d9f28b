"""Identifiers of a run: those of the sheet, or pseudonyms made with a key that is in no file of the project."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from plms_pipeline import ingest
from plms_pipeline.cohort.settings import CohortSettings
from plms_pipeline.store.files import write_atomic

PSEUDONYMISE = "pseudonymise"


class Names(NamedTuple):
    """The rows of the sheet under the identifiers of the run.

    Attributes
    ----------
    rows
        The rows, renamed if the run pseudonymises.
    of_recording
        Recording id in the sheet → in the run; empty when they are the same.
    subject_of
        Recording id in the run → subject id in the sheet, which the clinical tables use.
    """

    rows: tuple[ingest.SheetRow, ...]
    of_recording: Mapping[str, str]
    subject_of: Mapping[str, str]


def identify(settings: CohortSettings, rows: Sequence[ingest.SheetRow]) -> Names:
    """Give the rows the identifiers of the run.

    Raises
    ------
    InputError
        Pseudonyms are asked for and there is no usable key.
    """
    if settings.identifiers != PSEUDONYMISE:
        return Names(tuple(rows), {}, {row.recording_id: row.subject_id for row in rows})
    found = ingest.pseudonymise(rows, ingest.read_key(settings.identifier_key_file))
    subjects = {new.recording_id: old.subject_id for new, old in zip(found.rows, rows, strict=True)}
    return Names(found.rows, found.of_recording, subjects)


def remember_names(store: Path, names: Names) -> None:
    """Keep the way back from pseudonyms to the sheet in the private part of the store; no release holds it."""
    if not names.of_recording:
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("recording_id", "sheet_recording_id", "sheet_subject_id"))
    writer.writerows(sorted((new, old, names.subject_of[new]) for old, new in names.of_recording.items()))
    path = store / "work" / "identifiers.csv"
    write_atomic(path, text.getvalue().encode())
    path.chmod(0o600)
