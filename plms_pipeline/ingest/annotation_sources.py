"""Annotation files as they are, of every known format; recognised by content, never by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from plms_pipeline.errors import InputError
from plms_pipeline.ingest import annotation_domino as domino
from plms_pipeline.ingest import annotation_luna as luna
from plms_pipeline.ingest import annotation_tables as tables
from plms_pipeline.ingest import annotation_wsc as wsc
from plms_pipeline.ingest.annotation_edf import read_edf
from plms_pipeline.ingest.annotation_marks import Bounds, Source, Text, bounds, printable, read_text
from plms_pipeline.ingest.annotation_xml import read_xml
from plms_pipeline.ingest.paths import refuse_special

EDF, XML, CSV = "edf+", "xml", "csv"
_EDF_STARTS = (b"0       ", b"\xffBIOSEMI")
_HEAD_BYTES = 4096

_Reader = Callable[[Text, str | None, Bounds], Source]
# In this order: each test holds for its own format only when those above do not.
_TEXTS: tuple[tuple[str, Callable[[Text], bool], _Reader], ...] = (
    ("domino", domino.is_domino, domino.read_domino),
    ("bids_events", tables.is_bids_events, lambda text, _start, _limit: tables.read_bids_events(text)),
    ("wsc_events", wsc.is_event_list, wsc.read_event_list),
    ("wsc_log", wsc.is_event_log, wsc.read_event_log),
    ("wsc_stages", wsc.is_stage_list, lambda text, _start, limit: wsc.read_stage_list(text, limit)),
    ("luna_annot", luna.is_annot, luna.read_annot),
    ("luna_eannot", luna.is_eannot, lambda text, _start, limit: luna.read_eannot(text, limit)),
)


def read_source(path: Path, recording_start: str | None, limit: Bounds) -> Source:
    """Read one annotation file.

    Parameters
    ----------
    path : path
    recording_start : str or None
        As in ``Recording.start``; files with a start or clock times of their own are aligned by it.
    limit : Bounds

    Raises
    ------
    InputError
        The file cannot be read, is larger than it may be, or is none of the known formats.
    """
    try:
        return _read(path, recording_start, limit)
    except InputError as error:
        # texts of the file stand in the message, and with them whatever bytes it holds
        raise InputError(printable(str(error))) from None


def _read(path: Path, recording_start: str | None, limit: Bounds) -> Source:
    kind = _by_head(path)
    if kind == EDF:
        return read_edf(path, recording_start, limit)
    if kind == XML:
        return read_xml(path, recording_start, limit)
    text = read_text(path, limit)
    for _, fits, read in _TEXTS:
        if fits(text):
            return read(text, recording_start, limit)
    return tables.read_csv(path, recording_start, limit)


def recognise(path: Path) -> str | None:
    """Format of an annotation file by its content: `xml`, `csv` or a value of ``annotation_source``; None = none.

    CSV is told from other texts by its columns; a DOMINO export of measured values holds no annotation; a signal file
    with an annotation channel is `edf+`.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    kind = _by_head(path)
    if kind in (EDF, XML):
        return kind
    try:
        text = read_text(path, bounds())
    except InputError:
        return None
    for name, fits, _ in _TEXTS:
        if fits(text):
            return None if name == "domino" and domino.holds_values(text) else name
    try:
        tables.read_csv(path, None, bounds())
    except InputError:
        return None
    return CSV


def _by_head(path: Path) -> str:
    refuse_special(path, "check the column annotations")
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the column annotations") from None
    if not head.strip():
        raise InputError(f"{path}: the file is empty; take it out of the column annotations or export it again")
    if head[:8] in _EDF_STARTS:
        return EDF
    is_xml = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip().startswith(b"<")
    return XML if is_xml else ""
