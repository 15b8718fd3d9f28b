"""Headers of EDF, EDF+, BDF and BDF+ files, and what is wrong with them."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding
from plms_pipeline.ingest.paths import refuse_special

_MAIN = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
_SIGNAL = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class SignalHeader(NamedTuple):
    """Header of one signal, as it stands in the file.

    Attributes
    ----------
    position : int
        Position in the file.
    label, transducer, unit, prefilter : str
        Text fields, blanks cut.
    physical_min, physical_max : float or None
        In `unit`; None where the field is no number.
    digital_min, digital_max : int or None
    samples_per_record : int
    offset_bytes : int
        Where the samples of this signal start in a record.
    is_annotation : bool
        An ``EDF Annotations`` or ``BDF Annotations`` signal.
    """

    position: int
    label: str
    transducer: str
    unit: str
    physical_min: float | None
    physical_max: float | None
    digital_min: int | None
    digital_max: int | None
    prefilter: str
    samples_per_record: int
    offset_bytes: int
    is_annotation: bool


class EdfHeader(NamedTuple):
    """Header of a recording.

    Attributes
    ----------
    format : str
        EDF, EDF+C, EDF+D, BDF, BDF+C or BDF+D.
    start_date : datetime.date or None
        None when it is a placeholder or no date.
    start_time_us : int or None
        Start, microseconds after midnight, without the sub-second part (that one stands in the first record).
    n_records : int
        Whole records present in the file and declared by it.
    n_records_declared : int
    record_duration_s : Fraction
    header_bytes, record_bytes, n_bytes, sample_bytes : int
    signals : tuple of SignalHeader
        All signals, annotation signals too.
    findings : tuple of Finding
    """

    format: str
    start_date: dt.date | None
    start_time_us: int | None
    n_records: int
    n_records_declared: int
    record_duration_s: Fraction
    header_bytes: int
    record_bytes: int
    n_bytes: int
    sample_bytes: int
    signals: tuple[SignalHeader, ...]
    findings: tuple[Finding, ...]

    @property
    def data_signals(self) -> tuple[SignalHeader, ...]:
        """Signals that are not annotations."""
        return tuple(signal for signal in self.signals if not signal.is_annotation)

    @property
    def annotation_signals(self) -> tuple[SignalHeader, ...]:
        """Annotation signals in the order of the file."""
        return tuple(signal for signal in self.signals if signal.is_annotation)

    def fs_hz(self, signal: SignalHeader) -> float:
        """Sampling rate of a signal; need not be a whole number."""
        return float(Fraction(signal.samples_per_record) / self.record_duration_s)


def read_header(path: Path | str) -> EdfHeader:
    """Read and judge the header of a recording; no sample is read.

    Parameters
    ----------
    path : path
        EDF, EDF+C, EDF+D, BDF, BDF+C or BDF+D file (recognised by content).

    Returns
    -------
    EdfHeader
        With a finding for every defect that could be repaired without guessing.

    Raises
    ------
    EdfDefect
        The record layout cannot be known (code of ``schemas/codes/finding.yaml``).
    InputError
        The file is absent or cannot be read.

    Notes
    -----
    Layout: Kemp et al. 1992 (EDF), Kemp and Olivan 2003 (EDF+), BioSemi (BDF, 24-bit samples).
    """
    path = Path(path)
    refuse_special(path, "check the path in the sheet")
    try:
        n_bytes = path.stat().st_size
        with path.open("rb") as handle:
            main = handle.read(256)
            declared = _whole_number(_ascii(main[252:256]))
            rest = handle.read(256 * declared) if declared is not None and 0 < declared <= 9999 else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path in the sheet") from None
    return parse_header(main, rest, n_bytes)


def parse_header(main: bytes, rest: bytes, n_bytes: int) -> EdfHeader:
    """Judge the bytes of a header; see :func:`read_header`."""
    findings: list[Finding] = []
    if n_bytes == 0:
        raise EdfDefect("empty_file")
    is_bdf = main[:1] == b"\xff"
    if not is_bdf and not _looks_like_edf(main):
        raise EdfDefect("not_edf" if len(main) == 256 or not main.startswith(b"0 ") else "short_header")
    if len(main) < 256:
        raise EdfDefect("short_header", f"{n_bytes} bytes")
    version, _, recording, date, time, header_size, reserved, n_records, duration, n_signals = (
        _split(main, _MAIN, 1)[i][0] for i in range(len(_MAIN))
    )
    ns = _whole_number(_ascii(n_signals))
    if ns is None or ns <= 0:
        raise EdfDefect("bad_signal_count", f"'{_ascii(n_signals)}'")
    if len(rest) < 256 * ns:
        raise EdfDefect("short_header", f"{n_bytes} bytes, {256 * (ns + 1)} needed for {ns} signals")
    if not is_bdf and _ascii(version) != "0":
        findings.append(finding("bad_version", f"'{_ascii(version)}'"))
    if any(byte < 32 or byte > 126 for byte in main[1:] + rest):
        findings.append(finding("non_ascii_header"))

    record_duration = _number(_ascii(duration), findings)
    signals = _signals(rest, ns, 3 if is_bdf else 2, findings)
    # The time line counts microseconds: a shorter record would have no length on it.
    if record_duration is None or record_duration < 0 or 0 < record_duration < Fraction(1, 1_000_000):
        raise EdfDefect("bad_record_duration", f"'{_ascii(duration)}'")
    if record_duration == 0 and any(not s.is_annotation and s.samples_per_record for s in signals):
        raise EdfDefect("bad_record_duration", "0 with sampled signals")
    sample_bytes = 3 if is_bdf else 2
    record_bytes = sum(signal.samples_per_record for signal in signals) * sample_bytes
    count = _whole_number(_ascii(n_records))
    if count is None or count < -1:
        raise EdfDefect("bad_record_count", f"'{_ascii(n_records)}'")
    header_bytes = _header_bytes(_ascii(header_size), ns, count, record_bytes, n_bytes, findings)
    count = _plausible_count(count, record_duration, findings)
    whole = _whole_records(count, header_bytes, record_bytes, n_bytes, findings)
    start_date = _start_date(_ascii(date), _text(recording), findings)
    return EdfHeader(
        _format(is_bdf, _text(reserved), signals, findings),
        start_date,
        _start_time(_ascii(time), findings),
        whole,
        count,
        record_duration,
        header_bytes,
        record_bytes,
        n_bytes,
        sample_bytes,
        signals,
        tuple(findings),
    )


def _looks_like_edf(main: bytes) -> bool:
    # Another version than "0" is let through when the rest has the structure of a header.
    if main[:8] == b"0       ":
        return True
    return (
        _whole_number(_ascii(main[184:192])) is not None
        and _whole_number(_ascii(main[236:244])) is not None
        and _whole_number(_ascii(main[252:256])) is not None
    )


def _split(raw: bytes, widths: tuple[int, ...], count: int) -> list[list[bytes]]:
    fields = []
    at = 0
    for width in widths:
        fields.append([raw[at + i * width : at + (i + 1) * width] for i in range(count)])
        at += width * count
    return fields


def _ascii(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \x00\t\r\n")


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    # A zero ends the text for the program that wrote it; other control characters would command a terminal.
    text = text.partition("\x00")[0].strip(" \t\r\n")
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else None


def _number(text: str, findings: list[Finding]) -> Fraction | None:
    if re.fullmatch(r"[+-]?\d+,\d+", text, re.ASCII):
        findings.append(finding("decimal_comma", f"'{text}'"))
        text = text.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", text, re.ASCII):
        return None
    return Fraction(text)


def _signals(rest: bytes, ns: int, sample_bytes: int, findings: list[Finding]) -> tuple[SignalHeader, ...]:
    labels, transducers, units, pmins, pmaxs, dmins, dmaxs, prefilters, counts, _ = _split(rest, _SIGNAL, ns)
    signals = []
    offset = 0
    for i in range(ns):
        label = _text(labels[i])
        n_samples = _whole_number(_ascii(counts[i]))
        if n_samples is None or n_samples < 0:
            raise EdfDefect("bad_samples_per_record", f"signal {i + 1} '{label}': '{_ascii(counts[i])}'")
        physical = [_number(_ascii(raw), findings) for raw in (pmins[i], pmaxs[i])]
        digital = [_number(_ascii(raw), findings) for raw in (dmins[i], dmaxs[i])]
        signals.append(
            SignalHeader(
                i,
                label,
                _text(transducers[i]),
                _text(units[i]),
                _limit(physical[0]),
                _limit(physical[1]),
                _level(digital[0]),
                _level(digital[1]),
                _text(prefilters[i]),
                n_samples,
                offset,
                label in ("EDF Annotations", "BDF Annotations"),
            )
        )
        offset += n_samples * sample_bytes
    return tuple(signals)


def _limit(number: Fraction | None) -> float | None:
    # Beyond single precision in microvolts it is no measurement, whatever the unit.
    return None if number is None or abs(number) > 10**30 else float(number)


def _level(number: Fraction | None) -> int | None:
    return None if number is None or number.denominator != 1 or abs(number) > 2**31 else int(number)


def _header_bytes(field: str, ns: int, count: int, record_bytes: int, n_bytes: int, findings: list[Finding]) -> int:
    computed = 256 * (ns + 1)
    declared = _whole_number(field)
    if declared == computed:
        return computed
    # The samples may start where the number of signals or where the size field says; the file length decides.
    detail = f"'{field}' in the header, {computed} for {ns} signals"
    fits = [
        size
        for size in (computed, declared)
        if size is not None and size >= computed and count >= 0 and n_bytes == size + count * record_bytes
    ]
    if not fits:
        raise EdfDefect("header_size_contradiction", detail)
    findings.append(finding("header_size_repaired", detail))
    return fits[0]


def _plausible_count(count: int, record_duration: Fraction, findings: list[Finding]) -> int:
    # The end that a truncated file lacks counts as unknown time (docs/decisions/0004): not years of it.
    longest_s = int(contracts.load_yaml("rules/reading.yaml")["longest_recording_s"])
    if count * record_duration <= longest_s:
        return count
    findings.append(finding("record_count_implausible", f"{count} of {float(record_duration):g} s"))
    return -1


def _whole_records(count: int, header_bytes: int, record_bytes: int, n_bytes: int, findings: list[Finding]) -> int:
    if record_bytes == 0:
        raise EdfDefect("no_data_records", "no signal has samples")
    present, left_over = divmod(max(0, n_bytes - header_bytes), record_bytes)
    if count == -1 or (count == 0 and present):
        # A recorder that is not closed leaves what it wrote at the start: -1 (EDF), some 0.
        if not any(found.code == "record_count_implausible" for found in findings):
            findings.append(finding("record_count_unknown", f"{count} in the header, {present} whole records"))
        if left_over:
            findings.append(finding("truncated", f"{left_over} bytes of an unfinished record"))
        return present
    if present < count:
        rest = f" and {left_over} bytes of another" if left_over else ""
        findings.append(finding("truncated", f"{present} of {count} records{rest}"))
        return present
    extra = n_bytes - header_bytes - count * record_bytes
    if extra:
        findings.append(finding("trailing_bytes", f"{extra} bytes"))
    return count


def _format(is_bdf: bool, reserved: str, signals: tuple[SignalHeader, ...], findings: list[Finding]) -> str:
    family = "BDF" if is_bdf else "EDF"
    for variant in ("+C", "+D"):
        if reserved.startswith((f"EDF{variant}", f"BDF{variant}")):
            return family + variant
    if any(signal.is_annotation for signal in signals):
        findings.append(finding("annotations_in_plain_file"))
    if reserved and not (is_bdf and reserved.upper().startswith("24BIT")):
        # The content is free text, which may say who the person is.
        findings.append(finding("unknown_reserved"))
    return family


def _start_date(field: str, recording: str, findings: list[Finding]) -> dt.date | None:
    if field in contracts.load_yaml("rules/reading.yaml")["placeholder_dates"]:
        findings.append(finding("placeholder_start_date", f"'{field}'"))
        return None
    match = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d\d|yy)", field, re.ASCII)
    long_date = _long_date(recording)
    date = None
    if match:
        day, month, year = match.groups()
        if year == "yy":
            # EDF+ 2.1.3.1: after 2084 the year stands in the recording field only
            return long_date
        date = _date(int(year) + (1900 if int(year) >= 85 else 2000), int(month), int(day))
    if date is None:
        findings.append(finding("invalid_start_date", f"'{field}'"))
        return None
    if long_date is not None and long_date != date:
        findings.append(finding("start_dates_disagree"))
        return None
    return date


def _long_date(recording: str) -> dt.date | None:
    match = re.match(r"Startdate (\d{1,2})-([A-Za-z]{3})-(\d{4})\b", recording, re.ASCII)
    if match is None or match.group(2).upper() not in _MONTHS:
        return None
    return _date(int(match.group(3)), _MONTHS.index(match.group(2).upper()) + 1, int(match.group(1)))


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _start_time(field: str, findings: list[Finding]) -> int | None:
    match = re.fullmatch(r"(\d\d)[.:](\d\d)[.:](\d\d)", field, re.ASCII)
    if match:
        hour, minute, second = (int(part) for part in match.groups())
        if hour < 24 and minute < 60 and second < 60:
            return ((hour * 60 + minute) * 60 + second) * 1_000_000
    findings.append(finding("invalid_start_time", f"'{field}'"))
    return None
