"""What a path must be before it is opened."""

from __future__ import annotations

from pathlib import Path

from plms_pipeline.errors import InputError


def refuse_special(path: Path, advice: str) -> None:
    """Refuse what is neither a file nor absent: a pipe waits for ever when opened, a device may never end.

    Parameters
    ----------
    path : path
        One that is absent, or a folder, is left to whoever opens it.
    advice : str
        What to do about it; ends the message.

    Raises
    ------
    InputError
        A pipe, socket or device.
    """
    if is_special(path):
        raise InputError(f"{path}: is no regular file (a pipe, socket or device); {advice}")


def is_special(path: Path) -> bool:
    """Whether a path is a pipe, socket or device."""
    return path.exists() and not path.is_file() and not path.is_dir()
