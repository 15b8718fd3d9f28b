"""What the readers of annotation files share: marks as they stand in a source, clock times, texts, bounds."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.findings import Finding, finding
from plms_pipeline.ingest.tal import to_us

DAY_US = 86_400_000_000


class Mark(NamedTuple):
    """One annotation as it stands in its source.

    Attributes
    ----------
    onset_us : int or None
        Microseconds after time zero of the source; None where the source has no usable onset.
    duration_us : int or None
        None where the source names none; may be negative in dirty files.
    label : str
    location : str
        Signal the annotation belongs to, or a leg (L, R, C); empty when not said.
    column : str
        stage, event, movement or label: what kind of list it stands in (label = free text of any kind).
    """

    onset_us: int | None
    duration_us: int | None
    label: str
    location: str
    column: str


class Source(NamedTuple):
    """All annotations of one file.

    Attributes
    ----------
    kind : str
        A value of ``schemas/codes/annotation_source.yaml``.
    marks : list of Mark
    shift_us : int
        To add to onsets, so that they count from the start of the recording.
    looked_for : frozenset of str
        What the source says was scored even if it holds none: movements.
    findings : list of Finding
    """

    kind: str
    marks: list[Mark]
    shift_us: int
    looked_for: frozenset[str]
    findings: list[Finding]


class Bounds(NamedTuple):
    """Numbers of ``schemas/rules/reading.yaml`` that annotation readers need, in microseconds where they are times.

    Attributes
    ----------
    far_us : int
        A start further away than this from that of the recording is not believed; the time of day is used.
    text_bytes : int
        Largest annotation file other than EDF+.
    n_marks : int
        Most annotations of one file.
    xml_depth : int
        Deepest nesting of XML elements.
    label_chars : int
        Longest label kept whole.
    epoch_us : int
        Length of an epoch where the format names none.
    before_us : int
        A clock time up to this long before a start lies before it; an earlier one belongs to the next day.
    cover_us : int
        Stages that leave more than this of the recording without a stage are a finding.
    """

    far_us: int
    text_bytes: int
    n_marks: int
    xml_depth: int
    label_chars: int
    epoch_us: int
    before_us: int
    cover_us: int


def bounds() -> Bounds:
    """The numbers of the reading rules."""
    rules = contracts.load_yaml("rules/reading.yaml")
    return Bounds(
        _us(rules["annotation_far_s"]),
        int(rules["annotation_text_bytes"]),
        int(rules["annotation_marks"]),
        int(rules["annotation_xml_depth"]),
        int(rules["annotation_label_chars"]),
        _us(rules["annotation_epoch_s"]),
        _us(rules["annotation_before_start_s"]),
        _us(rules["annotation_cover_s"]),
    )


def _us(seconds: Any) -> int:
    return round(float(seconds) * 1_000_000)


class Text(NamedTuple):
    """An annotation file as text.

    Attributes
    ----------
    path : path
    lines : list of str
        Without line ends (any of CR, LF, CRLF); empty lines stay.
    findings : list of Finding
        The encoding, when it is not UTF-8.
    """

    path: Path
    lines: list[str]
    findings: list[Finding]


def read_text(path: Path, limit: Bounds) -> Text:
    """Read an annotation file as text: UTF-8, UTF-16 with a byte order mark, otherwise Windows-1252.

    Raises
    ------
    InputError
        Too large, too many lines, or not text.
    """
    raw = read_bytes(path, limit)
    findings: list[Finding] = []
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        # cp1252 leaves five bytes undefined; exports of any language must still be read
        text = raw.decode("cp1252", errors="replace")
        findings.append(finding("annotation_not_utf8"))
    if "\x00" in text:
        raise InputError(f"{path}: holds bytes that are no text; give annotations as text, XML or EDF+")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > limit.n_marks:
        raise InputError(f"{path}: has {len(lines)} lines, at most {limit.n_marks} are read; check the export")
    return Text(path, lines, findings)


def read_bytes(path: Path, limit: Bounds) -> bytes:
    """The bytes of an annotation file.

    Raises
    ------
    InputError
        Cannot be read, or larger than an annotation file may be.
    """
    try:
        size = path.stat().st_size
        if size > limit.text_bytes:
            raise InputError(
                f"{path}: has {size} bytes, an annotation file at most {limit.text_bytes}; check the column annotations"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the column annotations") from None


def check_count(path: Path, n: int, limit: Bounds) -> None:
    """Refuse more annotations than a night can have (InputError)."""
    if n > limit.n_marks:
        raise InputError(f"{path}: holds more than {limit.n_marks} annotations; check the export")


def printable(text: str) -> str:
    """One line of text, whatever the file holds: control characters become blanks."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text).strip()


def seconds_us(text: str) -> int | None:
    """Microseconds of a number of seconds, None for anything else."""
    try:
        return to_us(text)
    except ValueError:
        return None


_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})[:.](\d{2})(?:[.,](\d{1,9}))?\s*([AaPp]\.?[Mm]\.?)?")


def clock_of(text: str) -> int | None:
    """Microseconds after midnight of ``H:MM:SS``, with dots or colons, a fraction after point or comma, AM or PM.

    None for anything else.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = (int(match.group(k)) for k in (1, 2, 3))
    if match.group(5):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match.group(5).casefold().startswith("p") else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = (match.group(4) or "")[:6].ljust(6, "0")
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int(fraction)


def after(clock_us: int, start_us: int, before_us: int) -> int:
    """Microseconds from a start to the next occurrence of a time of day; shortly before the start is negative."""
    delta = (clock_us - start_us) % DAY_US
    return delta - DAY_US if delta >= DAY_US - before_us else delta


class Start(NamedTuple):
    """Start of a recording or of an annotation file: date if it is known, microseconds after midnight."""

    date: dt.date | None
    clock_us: int


def start_of(recording_start: str | None) -> Start | None:
    """Start of a ``Recording.start``."""
    return None if recording_start is None else Start(*split_start(recording_start))


def split_start(start: str) -> tuple[dt.date | None, int]:
    """Date (or None) and microseconds after midnight of a ``Recording.start``."""
    date_text, _, clock = start.rpartition("T")
    date = dt.date.fromisoformat(date_text) if date_text else None
    return date, clock_us(clock)


def clock_us(text: str) -> int:
    """Microseconds after midnight of ``HH:MM:SS[.ffffff]`` or ``HH:MM``.

    Raises
    ------
    ValueError
        Not a time of day.
    """
    time = dt.time.fromisoformat(text.strip())
    return ((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000 + time.microsecond


def shift_between(own: Start | None, recording: Start | None, far_us: int, findings: list[Finding]) -> int:
    """Microseconds to add to times after the start of the annotations, so that they count from the recording's."""
    if own is None or recording is None:
        findings.append(finding("annotation_start_assumed"))
        return 0
    of_day = own.clock_us - recording.clock_us
    if own.date is not None and recording.date is not None:
        shift = (own.date - recording.date).days * DAY_US + of_day
        if abs(shift) <= far_us:
            return shift
        findings.append(finding("annotation_start_far"))
    # nearest occurrence of the same time of day
    return (of_day + DAY_US // 2) % DAY_US - DAY_US // 2
