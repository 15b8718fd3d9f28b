"""Words of an explanation: answers, reasons, days, and why an OR came out as it did."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.exposures.status import NO, UNKNOWN, YES

Row = Mapping[str, Any]
_WIDTH = 110


class Input(NamedTuple):
    """One input of a statement: its answer, why it is unknown, and what it rests on."""

    label: str
    value: str
    reason: str | None = None
    detail: str | None = None


def wrapped(text: str) -> str:
    """Text in lines of a readable length."""
    return "\n".join(textwrap.wrap(text, _WIDTH))


def label(codes: str, value: str | None) -> str:
    """Label of a coded value in words; the value itself where it is not coded."""
    if value is None:
        return "no reason given"
    return next((code.label for code in contracts.codes(codes).codes if code.value == value), value)


def why(reason: str | None) -> str:
    """Why something is unknown, in words."""
    return label("clinical_reason", reason)


def day(offset_d: Any) -> str:
    """A day relative to the night, in words."""
    if offset_d is None:
        return "on a day that is not known"
    days = int(offset_d)
    if days == 0:
        return "on the day of the night"
    return f"{abs(days)} day{'s' * (abs(days) != 1)} {'before' if days < 0 else 'after'} the night"


def number(value: Any) -> str:
    """A number with four significant digits."""
    return "not known" if value is None else f"{float(value):.4g}"


def paragraph(title: str, value: str, lines: Iterable[str]) -> str:
    """A statement: its title and answer, and the lines below it."""
    text = [f"{title}: {value.upper()}"]
    for line in lines:
        line = line[:1].upper() + line[1:] if line[:1].isalpha() and line[:4] != "eGFR" else line
        text += textwrap.wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(text)


def named(inputs: Iterable[Input]) -> str:
    """Inputs by label, each with what it rests on."""
    return ", ".join(f"{item.label} ({item.detail})" if item.detail else item.label for item in inputs)


def gathered(inputs: Iterable[Input]) -> str:
    """Unknown inputs, gathered by why they are unknown."""
    by_reason: dict[str, list[str]] = {}
    for item in inputs:
        by_reason.setdefault(why(item.reason), []).append(item.label)
    return "; ".join(f"{', '.join(labels)} ({reason})" for reason, labels in by_reason.items())


def any_lines(value: str, inputs: list[Input]) -> list[str]:
    """Why an OR came out as it did, and what would decide it."""
    present = [item for item in inputs if item.value == YES]
    absent = [item for item in inputs if item.value == NO]
    unknown = [item for item in inputs if item.value == UNKNOWN]
    lines = []
    if present:
        lines.append(f"Present: {named(present)}.")
    if value != YES and absent:
        lines.append(f"Absent: {named(absent)}.")
    if value == UNKNOWN:
        lines.append(f"Missing to decide it: {gathered(unknown)}. One yes among them decides yes; all no decide no.")
    return lines


def assessed_line(row: Row, name: str) -> str:
    """The assessed form of a composite, with the inputs it is about."""
    universe = row[f"{name}_universe"]
    if not universe:
        return "As far as assessed: nothing of it was collected in this cohort."
    return f"As far as assessed in this cohort ({', '.join(universe)}): {row[f'{name}_assessed']}."
