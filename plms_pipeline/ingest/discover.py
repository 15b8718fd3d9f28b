"""Find the recordings of a folder, the annotations that belong to them, and whose nights they are."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_sources import recognise
from plms_pipeline.ingest.edf_header import EdfHeader, read_header
from plms_pipeline.ingest.findings import EdfDefect
from plms_pipeline.ingest.paths import is_special

SHEET_COLUMNS = (
    *("subject_id", "visit", "night", "recording_id", "edf", "annotations"),
    *("recording_date", "archive"),
)
_SIGNAL_HEADS = (b"0       ", b"\xffBIOSEMI")
_SIGNAL_ENDINGS = (".edf", ".bdf", ".rec")
_BLOCK_BYTES = 1 << 20


class Note(NamedTuple):
    """Something a person should look at before the sheet is used.

    Attributes
    ----------
    code : str
        same_signal, no_annotations, annotation_left_over, annotation_ambiguous, not_recognised, defective, packed,
        renamed or same_name.
    text : str
        One line with the files, relative to the folder.
    """

    code: str
    text: str


class Discovered(NamedTuple):
    """A sheet in the making.

    Attributes
    ----------
    rows : tuple of dict of str to str
        Cells by column of `columns`, paths relative to the folder, sorted by subject, visit, night.
    columns : tuple of str
        Columns that hold anything.
    notes : tuple of Note
    """

    rows: tuple[dict[str, str], ...]
    columns: tuple[str, ...]
    notes: tuple[Note, ...]


class _File(NamedTuple):
    path: str  # relative, with slashes
    folder: tuple[str, ...]
    stem: str
    ending: str


def discover(folder: Path | str) -> Discovered:
    """Find recordings (by content) and pair them with annotation files (by name and place).

    An annotation file belongs to the recording with whose name its own begins (``A-nsrr.xml``, ``Asco.txt``), the
    longest such name counting; or by the naming of its archive (``schemas/rules/discover.yaml``); or because the
    recording is the only one in its folder. Of equal names in several folders the one with more folders in common
    counts. A recording with an annotation channel and no annotation file is its own.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Discovered
        No file vanishes silently: what could not be placed is in the notes.

    Raises
    ------
    InputError
        No such folder, or no recording in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the folder that holds the recordings")
    rules = contracts.load_yaml("rules/discover.yaml")
    notes: list[Note] = []
    signals, others, headers = _sort_files(folder, rules, notes)
    if not signals:
        raise InputError(f"{folder}: holds no EDF or BDF recording; name the folder above them")
    paired = _pair(folder, signals, others, rules, notes)
    rows = [_row(signal, paired[signal.path], headers.get(signal.path), rules, notes) for signal in signals]
    _tell_apart(rows, notes)
    notes.extend(_duplicates(folder, headers))
    rows.sort(key=lambda row: (row["subject_id"], row["visit"], row["night"], row["edf"]))
    columns = [name for name in SHEET_COLUMNS if name in ("subject_id", "edf") or any(row[name] for row in rows)]
    return Discovered(tuple(rows), tuple(columns), tuple(sorted(notes)))


def annotations_beside(path: Path) -> list[Path]:
    """Annotation files of one recording that lie in its folder, by the rules of :func:`discover`.

    Raises
    ------
    InputError
        The folder cannot be read.
    """
    rules = contracts.load_yaml("rules/discover.yaml")
    folder = path.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); check the path") from None
    files = [_file_of(name, ()) for name in names]
    signals = [file for file in files if file.path == path.name or file.ending in _SIGNAL_ENDINGS]
    held = [file for file in signals if file.path == path.name or _has_signals(folder / file.path)]
    of_path = next(file for file in held if file.path == path.name)
    others = [file for file in files if file not in held]
    paired = _pair(folder, held, others, rules, [], only=of_path)
    return [folder / name for name in paired[path.name]]


def _has_signals(path: Path) -> bool:
    try:
        return bool(read_header(path).data_signals)
    except (EdfDefect, InputError):
        return True


# -- which files there are -------------------------------------------------------------------------------------------


def _walk(folder: Path, skipped: Sequence[str]) -> Iterable[_File]:
    for path, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name.casefold() not in skipped)
        place = Path(path).relative_to(folder).parts
        for name in sorted(names):
            if not name.startswith("."):
                yield _file_of(name, place)


def _file_of(name: str, place: tuple[str, ...]) -> _File:
    stem, dot, ending = name.rpartition(".")
    return _File("/".join((*place, name)), place, stem if dot else name, f".{ending.casefold()}" if dot else "")


def _sort_files(
    folder: Path, rules: dict[str, Any], notes: list[Note]
) -> tuple[list[_File], list[_File], dict[str, EdfHeader]]:
    signals: list[_File] = []
    others: list[_File] = []
    headers: dict[str, EdfHeader] = {}
    for file in _walk(folder, rules["skipped_folders"]):
        if is_special(folder / file.path):
            notes.append(Note("defective", f"{file.path}: is no regular file; not opened"))
            continue
        if file.ending in rules["packed"]:
            notes.append(Note("packed", f"{file.path}: is packed; unpack it"))
            continue
        try:
            with (folder / file.path).open("rb") as handle:
                head = handle.read(8)
            if head not in _SIGNAL_HEADS and file.ending not in _SIGNAL_ENDINGS:
                others.append(file)
                continue
            header = read_header(folder / file.path)
        except EdfDefect as defect:
            notes.append(Note("defective", f"{file.path}: {defect.text}"))
            signals.append(file)
            continue
        except (OSError, InputError):
            notes.append(Note("defective", f"{file.path}: cannot be opened"))
            if file.ending in _SIGNAL_ENDINGS:
                signals.append(file)
            continue
        if header.data_signals:
            signals.append(file)
            headers[file.path] = header
        else:
            others.append(file)
    return signals, others, headers


# -- what belongs together -------------------------------------------------------------------------------------------


def _pair(
    folder: Path,
    signals: Sequence[_File],
    others: Sequence[_File],
    rules: dict[str, Any],
    notes: list[Note],
    *,
    only: _File | None = None,
) -> dict[str, list[str]]:
    by_key: dict[str, list[_File]] = defaultdict(list)
    by_folder: dict[tuple[str, ...], list[_File]] = defaultdict(list)
    for signal in signals:
        by_folder[signal.folder].append(signal)
        for key in {signal.stem.casefold(), *_keys(signal.stem, rules)}:
            by_key[key].append(signal)
    paired: dict[str, list[str]] = {signal.path: [] for signal in signals}
    for file in others:
        candidates = _by_name(file, by_key, rules)
        alone = by_folder.get(file.folder, [])
        is_named = bool(candidates)
        if not candidates and len(alone) == 1 and file.folder:
            candidates = alone
        if only is not None and only not in candidates:
            # not opened: a folder of a whole archive holds thousands of lists of other nights
            continue
        if not candidates:
            if _is_annotation(folder / file.path):
                notes.append(Note("annotation_left_over", f"{file.path}: belongs to no recording by its name"))
            continue
        if not _is_annotation(folder / file.path):
            if is_named:
                notes.append(Note("not_recognised", f"{file.path}: no known annotation format; not used"))
            continue
        nearest = _nearest(file, candidates)
        if len(nearest) > 1:
            listed = ", ".join(signal.path for signal in nearest)
            notes.append(Note("annotation_ambiguous", f"{file.path}: could belong to {listed}; not used"))
            continue
        paired[nearest[0].path].append(file.path)
    return {path: _preferred(files, rules) for path, files in paired.items()}


def _keys(stem: str, rules: dict[str, Any]) -> set[str]:
    found = (re.fullmatch(rule["pattern"], stem, re.IGNORECASE) for rule in rules["keys"])
    return {match["key"].casefold() for match in found if match}


def _by_name(file: _File, by_key: dict[str, list[_File]], rules: dict[str, Any]) -> list[_File]:
    for text in (file.stem.casefold(), *sorted(_keys(file.stem, rules))):
        # The longest beginning that is a recording's name and ends where a word ends.
        for end in range(len(text), 0, -1):
            rest = text[end:]
            if text[:end] in by_key and (not rest or not rest[0].isalnum() or rest in rules["glued"]):
                return by_key[text[:end]]
    return []


def _nearest(file: _File, candidates: Sequence[_File]) -> list[_File]:
    shared = {signal.path: len(set(signal.folder) & set(file.folder)) for signal in candidates}
    most = max(shared.values())
    nearest = [signal for signal in candidates if shared[signal.path] == most]
    same = [signal for signal in nearest if signal.folder == file.folder]
    return same or nearest


def _is_annotation(path: Path) -> bool:
    try:
        kind = recognise(path)
        if kind != "xml":
            return kind is not None
        with path.open("rb") as handle:
            head = handle.read(4096)
    except (InputError, OSError):
        return False
    return b"<PSGAnnotation" in head or b"<CMPStudyConfig" in head


def _preferred(files: list[str], rules: dict[str, Any]) -> list[str]:
    for better, worse in rules["prefer"]:
        stems = {path: path.rpartition("/")[2].rpartition(".")[0].casefold() for path in files}
        if any(stem.endswith(better) for stem in stems.values()):
            files = [path for path in files if not stems[path].endswith(worse)]
    return sorted(files)


# -- whose night it is -----------------------------------------------------------------------------------------------


def _row(
    signal: _File, annotations: list[str], header: EdfHeader | None, rules: dict[str, Any], notes: list[Note]
) -> dict[str, str]:
    subject, visit, night, archive = signal.stem, "", "", ""
    for rule in rules["names"]:
        match = re.fullmatch(rule["pattern"], signal.stem, re.IGNORECASE)
        if match:
            parts = match.groupdict()
            subject, visit, night, archive = (
                parts.get(name) or "" for name in ("subject", "visit", "night", "archive")
            )
            break
    if not annotations and header is not None and any(s.samples_per_record for s in header.annotation_signals):
        annotations = [signal.path]
    if not annotations:
        notes.append(Note("no_annotations", f"{signal.path}: no annotations were found"))
    if any(";" in path for path in annotations):
        notes.append(Note("same_name", f"{signal.path}: a name of its annotations holds ';', which a sheet cannot"))
        annotations = [path for path in annotations if ";" not in path]
    return {
        "subject_id": subject,
        "visit": _visit_word(visit),
        "night": night,
        "recording_id": "",
        "edf": signal.path,
        "annotations": ";".join(annotations),
        "recording_date": header.start_date.isoformat() if header is not None and header.start_date else "",
        "archive": archive.casefold() if archive.casefold() in contracts.codes("archive").values else "",
    }


def _visit_word(visit: str) -> str:
    """A visit as the sheet wants it: ``visit-8`` → v8, ``1`` → v1, ``lab-full`` → lab_full."""
    number = re.fullmatch(r"(?:visit|ses|session|v)?[-_ ]?0*(\d+)", visit.casefold())
    if number:
        return f"v{number[1]}"
    word = re.sub(r"[^a-z0-9_]", "_", visit.casefold())
    return word if not word or word[0].isalpha() else f"v{word}"


def _tell_apart(rows: list[dict[str, str]], notes: list[Note]) -> None:
    """Give recordings of one subject, visit and night ids of their own."""
    counts = Counter((row["subject_id"], row["visit"], row["night"]) for row in rows)
    # The name, with its folders, with its ending too: short.edf and short.bdf lie side by side.
    forms = [lambda path: Path(path).stem, lambda path: path.rpartition(".")[0], lambda path: path]
    words = [[_id_word(form(row["edf"])) for form in forms] for row in rows]
    numbers = [Counter(column) for column in zip(*words, strict=True)]
    for row, names in zip(rows, words, strict=True):
        if counts[row["subject_id"], row["visit"], row["night"]] > 1:
            single = [name for name, n in zip(names, numbers, strict=True) if n[name] == 1]
            row["recording_id"] = single[0] if single else f"{names[-1]}-{xxhash.xxh32_hexdigest(row['edf'].encode())}"
            notes.append(
                Note(
                    "renamed", f"{row['edf']}: another recording of the same subject and visit; told apart by its name"
                )
            )


def _id_word(text: str) -> str:
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")
    return word or "x"


# -- nights that are there twice -------------------------------------------------------------------------------------


def _duplicates(folder: Path, headers: dict[str, EdfHeader]) -> list[Note]:
    """Recordings whose data records are the same bytes, whatever their headers say.

    Only files of equal data length are compared: by blocks first, then whole.
    """
    groups: dict[Any, list[str]] = defaultdict(list)
    for path, header in headers.items():
        if header.n_records:
            groups[header.n_records * header.record_bytes].append(path)
    for is_whole in (False, True):
        finer: dict[Any, list[str]] = defaultdict(list)
        for length, paths in groups.items():
            for path in paths if len(paths) > 1 else ():
                finer[length, data_digest(folder / path, headers[path], whole=is_whole)].append(path)
        groups = finer
    return [
        Note("same_signal", f"{' and '.join(sorted(paths))}: the same signal; one of them is wrong")
        for paths in groups.values()
        if len(paths) > 1
    ]


def data_digest(path: Path, header: EdfHeader, *, whole: bool = True) -> str:
    """xxh3_128 over the data records of a file (hexadecimal), or over sixteen blocks spread over them.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    length = header.n_records * header.record_bytes
    digest = xxhash.xxh3_128()
    starts = range(0, length, _BLOCK_BYTES) if whole else sorted({length * k // 16 for k in range(16)})
    size = _BLOCK_BYTES if whole else _BLOCK_BYTES // 16
    try:
        with path.open("rb", buffering=0) as handle:
            for start in starts:
                handle.seek(header.header_bytes + start)
                digest.update(handle.read(min(size, length - start)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and the storage") from None
    return digest.hexdigest()
