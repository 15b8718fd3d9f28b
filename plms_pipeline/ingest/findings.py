"""What a reader noticed: findings with a code, a severity and one line of text."""

from __future__ import annotations

from typing import NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import PlmsError


class Finding(NamedTuple):
    """One thing noticed in an input.

    Attributes
    ----------
    code : str
        A value of ``schemas/codes/finding.yaml``.
    severity : str
        ``error`` (recording or channel unusable), ``warning`` (something was repaired, left out or assumed) or
        ``info``.
    text : str
        One line, without paths.
    """

    code: str
    severity: str
    text: str


class EdfDefect(PlmsError):
    """A recording that cannot be opened at all.

    Attributes
    ----------
    code : str
        A value of ``schemas/codes/finding.yaml`` with severity ``error``.
    text : str
        One line, without paths.
    """

    exit_code = 2

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.text = finding(code, detail).text
        super().__init__(self.text)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_defect, (self.code, self.text))


def _rebuild_defect(code: str, text: str) -> EdfDefect:
    defect = EdfDefect(code)
    defect.text = text
    defect.args = (text,)
    return defect


def finding(code: str, detail: str = "") -> Finding:
    """A finding of a declared code.

    Parameters
    ----------
    code : str
        A value of ``schemas/codes/finding.yaml``; an undeclared one is a programming error (KeyError).
    detail : str
        What exactly, in this file: labels, counts, seconds. Never a path.
    """
    declared = contracts.codes("finding").get(code)
    # Labels and fields of damaged files hold control characters: they would break the line, or command a terminal.
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in detail)
    text = f"{declared.label} ({shown})" if detail else declared.label
    return Finding(code, declared.extra["severity"], text)


def what_to_do(code: str) -> str:
    """What the user can do about a finding."""
    return str(contracts.codes("finding").get(code).extra["action"])
