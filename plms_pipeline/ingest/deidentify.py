"""Copy a recording without what says who it is of, and prove that its signals are unchanged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xxhash

from plms_pipeline.errors import InputError, PlmsError
from plms_pipeline.ingest.edf_bytes import record_batches
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader, read_header
from plms_pipeline.ingest.findings import EdfDefect, what_to_do
from plms_pipeline.ingest.identifiers import LONG_START_DATE, START_DATE, identifying_fields, vocabulary

REPLACED_TEXT = b"X"
_FILTER = re.compile(rb"\b(?:HP|LP|N)\s*[:=]?\s*[\d.,]+\s*k?(?:Hz)?", re.IGNORECASE)
_NUMBER = re.compile(rb"\s*[+-]?[\d.,]+(?:[eE][+-]?\d+)?\s*")
_TIME = re.compile(rb"[0-2]\d[.:][0-5]\d[.:][0-5]\d")
_SIGNAL_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)


class Deidentified(NamedTuple):
    """What was done.

    Attributes
    ----------
    path : Path
        The copy.
    fields : tuple of str
        Header fields of the original that could say who the person is.
    n_texts_kept, n_texts_replaced : int
        Annotations whose text is vocabulary of the code lists, and others.
    n_bytes_dropped : int
        Bytes outside whole data records.
    signal_digest : str
        xxh3_128 over the bytes of all data signals, the same in original and copy.
    """

    path: Path
    fields: tuple[str, ...]
    n_texts_kept: int
    n_texts_replaced: int
    n_bytes_dropped: int
    signal_digest: str


def deidentify(path: Path | str, out: Path | str, *, overwrite: bool = False) -> Deidentified:
    """Write a copy of a recording without patient and recording fields, start date and free text.

    Patient and recording field are emptied (``X`` in EDF+), the start date becomes 01.01.85, the start time stays.
    Transducers and reserved fields are blanked, prefilters keep their corner frequencies. Annotations keep onset and
    duration; a text that is no vocabulary of the code lists becomes ``X``. Bytes outside whole records are dropped.

    Parameters
    ----------
    path, out : path
        Original, and the copy (another file).
    overwrite : bool
        Whether `out` may be replaced.

    Raises
    ------
    InputError
        The original cannot be opened, `out` exists or is the original.
    PlmsError
        The copy's signals differ from the original's; the copy is removed.
    """
    path, out = Path(path), Path(out)
    if out.exists() and out.samefile(path):
        raise InputError(f"{path}: the copy would replace its original; name another folder")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: is there already; --overwrite replaces it")
    try:
        header = read_header(path)
        if header.n_records == 0:
            raise EdfDefect("no_data_records")
    except EdfDefect as defect:
        raise InputError(f"{path}: {defect.text}; {what_to_do(defect.code)}") from None
    fields = identifying_fields(path, header)
    aside = out.with_name(f".{out.name}.partial")
    texts = _Texts()
    before = xxhash.xxh3_128()
    try:
        with aside.open("wb") as handle:
            handle.write(_header(path, header))
            for _, batch in record_batches(path, header):
                records = np.array(batch)
                _digest(before, records, header)
                texts.clean(records, header)
                handle.write(records.tobytes())
        digest = signal_digest(aside)
        if digest != before.hexdigest():
            raise PlmsError(f"{path}: the signals of the copy differ from the original; the copy was removed")
        aside.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); check the folder") from None
    finally:
        aside.unlink(missing_ok=True)
    dropped = header.n_bytes - header.header_bytes - header.n_records * header.record_bytes
    return Deidentified(out, fields, texts.n_kept, texts.n_replaced, dropped, digest)


def signal_digest(path: Path | str) -> str:
    """xxh3_128 over the bytes of all data signals of a recording, in the order of its records (hexadecimal).

    Raises
    ------
    EdfDefect, InputError
        As :func:`read_header`.
    """
    header = read_header(path)
    digest = xxhash.xxh3_128()
    for _, batch in record_batches(path, header) if header.n_records else ():
        _digest(digest, batch, header)
    return digest.hexdigest()


def _digest(digest: xxhash.xxh3_128, records: np.ndarray, header: EdfHeader) -> None:
    if not header.annotation_signals:
        digest.update(records.tobytes())
        return
    kept = np.ones(header.record_bytes, dtype=bool)
    for signal in header.annotation_signals:
        kept[_place(signal, header)] = False
    digest.update(records[:, kept].tobytes())


def _place(signal: SignalHeader, header: EdfHeader) -> slice:
    return slice(signal.offset_bytes, signal.offset_bytes + signal.samples_per_record * header.sample_bytes)


# -- header ----------------------------------------------------------------------------------------------------------


def _header(path: Path, header: EdfHeader) -> bytes:
    ns = len(header.signals)
    with path.open("rb") as handle:
        raw = handle.read(256 * (ns + 1))
    is_plus = header.format.endswith(("+C", "+D"))
    reserved = header.format if is_plus else "24BIT" if header.format == "BDF" else ""
    time = raw[176:184] if _TIME.fullmatch(raw[176:184]) else b"00.00.00"
    main = [
        b"\xffBIOSEMI" if header.sample_bytes == 3 else b"0".ljust(8),
        (b"X X X X" if is_plus else b"").ljust(80),
        (f"Startdate {LONG_START_DATE} X X X".encode() if is_plus else b"").ljust(80),
        START_DATE.encode(),
        time,
        str(256 * (ns + 1)).encode().ljust(8),
        reserved.encode().ljust(44),
        str(header.n_records).encode().ljust(8),
        raw[244:252],
        str(ns).encode().ljust(4),
    ]
    at = 256
    fields = []
    for width in _SIGNAL_WIDTHS:
        fields.append([raw[at + i * width : at + (i + 1) * width] for i in range(ns)])
        at += width * ns
    labels, transducers, units, *numbers, prefilters, counts, spare = fields
    blank = [b" " * len(one) for one in transducers]
    cleaned = [
        labels,
        blank,
        units,
        *([one if _NUMBER.fullmatch(one) else b" " * len(one) for one in column] for column in numbers),
        [b" ".join(_FILTER.findall(one))[:80].ljust(80) for one in prefilters],
        counts,
        [b" " * len(one) for one in spare],
    ]
    return b"".join(main) + b"".join(one for column in cleaned for one in column)


# -- annotations -----------------------------------------------------------------------------------------------------


class _Texts:
    """Replaces the free texts of annotation signals in place."""

    def __init__(self) -> None:
        self.n_kept = 0
        self.n_replaced = 0
        self._known: dict[bytes, bool] = {}

    def clean(self, records: np.ndarray, header: EdfHeader) -> None:
        for signal in header.annotation_signals:
            place = _place(signal, header)
            for record in records:
                block = record[place].tobytes()
                cleaned = b"\x00".join(self._list(one) for one in block.split(b"\x00") if one)
                if cleaned + b"\x00" != block.rstrip(b"\x00") + b"\x00":
                    record[place] = np.frombuffer(cleaned.ljust(len(block), b"\x00"), dtype=np.uint8)

    def _list(self, raw: bytes) -> bytes:
        # onset, perhaps duration, then texts, each ended by 20 (EDF+ 2.2.2)
        head, mark, rest = raw.partition(b"\x14")
        if not mark or not re.fullmatch(rb"[+-][\d.]+(?:\x15[\d.]*)?", head):
            self.n_replaced += 1
            return b""
        texts = rest.split(b"\x14")[:-1] if rest.endswith(b"\x14") else []
        if rest and not rest.endswith(b"\x14"):
            self.n_replaced += 1
        return head + b"\x14" + b"".join(self._text(text) + b"\x14" for text in texts)

    def _text(self, raw: bytes) -> bytes:
        if not raw:
            return raw
        if raw not in self._known:
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
            self._known[raw] = vocabulary(text.strip()) == text.strip()
        if self._known[raw]:
            self.n_kept += 1
            return raw
        self.n_replaced += 1
        return REPLACED_TEXT
