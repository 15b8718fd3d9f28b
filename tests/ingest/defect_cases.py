"""Every defect of a recording as a small file, and what must become of it.

``python -m tests.ingest.defect_cases`` prints the table, with the real sample files first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline import ingest
from tests.ingest.edf_bytes import Sig, build, plus, ramp, tal

LEGS = ingest.overrides_from({"left": "Leg L", "right": "Leg R"})


class Case(NamedTuple):
    """A defect: its name, a file that has it, the finding codes that must come out, and whether the file is refused."""

    name: str
    content: Callable[[], bytes]
    codes: tuple[str, ...] = ()
    is_refused: bool = False


def legs(n_records: int = 4, n: int = 8, **changed: str) -> list[Sig]:
    """Two legs; fields of the left one changed."""
    left = Sig("Leg L", ramp(n_records, n))._replace(**changed)  # type: ignore[arg-type]
    return [left, Sig("Leg R", ramp(n_records, n, -200))]


def bdf_legs(n_records: int = 4) -> list[Sig]:
    """The same with 24 bits."""
    return [s._replace(dmin="-8388608", dmax="8388607", samples=s.samples * 70_000) for s in legs(n_records)]


def stamps(*seconds: float) -> list[str]:
    """Time stamps as they are written."""
    return [f"+{value:g}" for value in seconds]


def field(**fields: str) -> Callable[[], bytes]:
    """A plain file with other header fields."""
    return lambda: build(legs(), fields=dict(fields))


def plain(**changed: str) -> Callable[[], bytes]:
    """A plain file with other fields of the left leg."""
    return lambda: build(legs(**changed))


def two_channels() -> bytes:
    """Two annotation channels of an EDF+D; events in the second."""
    first = [tal("+0", ""), tal("+1", ""), tal("+2", ""), tal("+3", "")]
    return build(legs(), reserved="EDF+D", tals=first, tals_2=[tal("+0.5", "Apnea", duration="10")] * 4)


def moved() -> bytes:
    """Records 1 and 2 of a BDF+D exchanged."""
    return plus(bdf_legs(), stamps(0, 2, 1, 3), bdf=True)


def short_signal_count() -> bytes:
    """Number of samples of the first signal damaged."""
    content = bytearray(build(legs()))
    at = 256 + 2 * (16 + 80 + 8 * 5 + 80)
    content[at : at + 8] = b"many    "
    return bytes(content)


PLAIN, PLUS_C, PLUS_D = "EDF", "EDF+C", "EDF+D"
CASES = [
    Case("EDF", lambda: build(legs())),
    Case("EDF+C", lambda: plus(legs(), stamps(0, 1, 2, 3), kind="C")),
    Case("EDF+D with a gap", lambda: plus(legs(), stamps(0, 1, 5, 6)), ("gap",)),
    Case("BDF", lambda: build(bdf_legs(), bdf=True, reserved="24BIT")),
    Case("BDF+C", lambda: plus(bdf_legs(), stamps(0, 1, 2, 3), kind="C", bdf=True)),
    Case("BDF+D with a gap", lambda: plus(bdf_legs(), stamps(0, 1, 5, 6), bdf=True), ("gap",)),
    Case("several annotation channels", two_channels),
    Case("records of 0.1 s", lambda: build(legs(), record_s="0.1")),
    Case("records of 30 s", lambda: build(legs(), record_s="30")),
    Case("sub-second start", lambda: plus(legs(), stamps(0.394531, 1.394531, 2.394531, 3.394531), kind="C")),
    Case("start a minute after the header's", lambda: plus(legs(), stamps(60, 61, 62, 63)), ("late_first_record",)),
    Case("date 00.00.00", lambda: build(legs(), date="00.00.00", recording=""), ("placeholder_start_date",)),
    Case("date 01.01.85", lambda: build(legs(), date="01.01.85", recording=""), ("placeholder_start_date",)),
    Case("invalid date", lambda: build(legs(), date="31.02.99", recording=""), ("invalid_start_date",)),
    Case("two start dates", lambda: build(legs(), date="25.04.89"), ("start_dates_disagree",)),
    Case("invalid time", lambda: build(legs(), time="25.61.00"), ("invalid_start_time",)),
    Case("record count −1", lambda: build(legs(), n_records=-1), ("record_count_unknown",)),
    Case("record count 0, data there", lambda: build(legs(), n_records=0), ("record_count_unknown",)),
    Case("record count 0, no data", lambda: build(legs(), n_records=0)[:768], ("no_data_records",), True),
    Case("record count no number", field(n_records="many"), ("bad_record_count",), True),
    Case("record count of years", field(n_records="99999999"), ("record_count_implausible",)),
    Case("truncated at a record", lambda: build(legs())[:-32], ("truncated",)),
    Case("truncated inside a record", lambda: build(legs())[:-7], ("truncated",)),
    Case("trailing bytes", lambda: build(legs()) + b"x" * 40, ("trailing_bytes",)),
    Case("header only", lambda: build(legs())[:768], ("no_data_records",), True),
    Case("short header", lambda: build(legs())[:700], ("short_header",), True),
    Case("empty file", lambda: b"", ("empty_file",), True),
    Case("another kind of file", lambda: b"PK\x03\x04" + bytes(400), ("not_edf",), True),
    Case("annotations only", lambda: build([], reserved="EDF+C", tals=[tal("+0", "")], record_s="0"),
         ("annotations_only",), True),
    Case("version field wrong", field(version="1"), ("bad_version",)),
    Case("reserved field unknown", lambda: build(legs(), reserved="Polysmith"), ("unknown_reserved",)),
    Case("annotation signal in a plain file", lambda: build(legs(), tals=[tal(f"+{k}", "") for k in range(4)]),
         ("annotations_in_plain_file",)),
    Case("number of signals no number", field(n_signals="x"), ("bad_signal_count",), True),
    Case("samples per record no number", short_signal_count, ("bad_samples_per_record",), True),
    Case("record duration no number", field(record_s="1s"), ("bad_record_duration",), True),
    Case("record duration of a nanosecond", field(record_s="1e-9"), ("bad_record_duration",), True),
    Case("record duration of years", field(record_s="99999999"), ("recording_too_long",), True),
    Case("header size wrong, file length decides", field(header_bytes="256"), ("header_size_repaired",)),
    Case("header size wrong, file truncated", lambda: field(header_bytes="256")()[:-7],
         ("header_size_contradiction",), True),
    Case("decimal comma", plain(pmin="-0,5", pmax="1"), ("decimal_comma",)),
    Case("non-ASCII label and unit", lambda: build([*legs(unit="µV"), Sig("Körper", ramp(4, 2))]),
         ("non_ascii_header",)),
    Case("inverted physical range", plain(pmin="1000", pmax="-1000"), ("negative_gain",)),
    Case("equal physical limits", plain(pmin="0", pmax="0"), ("physical_range_empty", "one_leg")),
    Case("equal digital limits", plain(dmin="7", dmax="7"), ("digital_range_empty", "one_leg")),
    Case("digital limits exchanged", plain(dmin="32767", dmax="-32768"), ("digital_range_swapped",)),
    Case("digital limits beyond the sample type", plain(dmin="-99999", dmax="99999"), ("digital_range_outside_type",)),
    Case("8-bit range", plain(dmin="-128", dmax="127"), ("coarse_digital_range",)),
    Case("samples outside the digital range", plain(dmin="-300", dmax="20"), ("samples_outside_range",)),
    Case("unit mV", plain(unit="mV")),
    Case("unit V", plain(unit="V")),
    Case("odd spelling of the unit", plain(unit="microV")),
    Case("unit blank", plain(unit=""), ("unit_missing", "one_leg")),
    Case("unit no voltage", plain(unit="mmHg"), ("unit_not_voltage", "one_leg")),
    Case("signal without samples", lambda: build([Sig("Leg L", ramp(4, 0)), legs()[1]]), ("no_samples", "one_leg")),
    Case("duplicate labels", lambda: build([*legs(), Sig("Leg L", ramp(4, 8))]), ("duplicate_label",)),
    Case("a rate for every channel", lambda: build([Sig("EEG", ramp(4, 20)), legs()[0], Sig("Leg R", ramp(4, 5))])),
    Case("records out of order", moved, ("records_out_of_order",)),
    Case("records out of order in an EDF+C", lambda: plus(legs(), stamps(0, 2, 1, 3), kind="C"),
         ("records_out_of_order",)),
    Case("records overlap", lambda: plus(legs(), stamps(0, 1, 1.5, 2.5)), ("overlapping_records",)),
    Case("a record twice", lambda: plus(legs(), stamps(0, 1, 1, 2)), ("overlapping_records",)),
    Case("gap in a contiguous file", lambda: plus(legs(), stamps(0, 1, 5, 6), kind="C"), ("gap_in_contiguous_file",)),
    Case("clock of the stamps drifts", lambda: plus(legs(400), stamps(*(np.arange(400) * 1.0005).round(4)), kind="D"),
         ("clock_drift",)),
    Case("a record without time stamp", lambda: plus(legs(), ["+0", None, "+2", "+3"]), ("gap", "missing_time_stamp")),
    Case("a damaged time stamp", lambda: plus(legs(), ["+0", "+1", "+99999999", "+3"]), ("gap", "missing_time_stamp")),
    Case("no time stamps in an EDF+C", lambda: plus(legs(), [None] * 4, kind="C"), ("time_stamps_ignored",)),
    Case("no time stamps in an EDF+D", lambda: plus(legs(), [None] * 4), ("no_time_stamps",), True),
]  # fmt: skip


def outcome(path: Path, overrides: ingest.ChannelOverrides | None) -> tuple[tuple[str, ...], bool, str]:
    """Finding codes, whether the file was refused, and what was read in words."""
    try:
        recording = ingest.open_recording(path, overrides)
    except ingest.EdfDefect as defect:
        return (defect.code,), True, "refused"
    codes = tuple(found.code for found in recording.findings)
    read = f"{recording.header['format']}, {recording.duration_us / 1e6:g} s, {recording.layout}"
    return codes, False, read + (f", {len(recording.gaps)} gaps" if recording.gaps else "")


def rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Name, what was read, findings."""
    shared = Path(os.environ.get("PLMS_SHARED_DATA", "../shared/data")) / "edf"
    for path in sorted(shared.rglob("*.?df")):
        codes, _, read = outcome(path, None)
        yield path.relative_to(shared).as_posix(), read, ", ".join(codes)
    for case in CASES:
        path = folder / "night"
        path.write_bytes(case.content())
        codes, _, read = outcome(path, LEGS)
        yield case.name, read, ", ".join(codes) or "none"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        for row in (("file or defect", "what was read", "findings"), ("---",) * 3, *rows(Path(folder))):
            sys.stdout.write("| " + " | ".join(row) + " |\n")


if __name__ == "__main__":
    main()
