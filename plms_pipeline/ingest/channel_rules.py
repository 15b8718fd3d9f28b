"""What channel labels mean: exact, through the code lists; with the exceptions of published archives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError

PAIRS = (("left", "left_1", "left_2"), ("right", "right_1", "right_2"))
LEG_ROLES = ("left", "right", "left_1", "left_2", "right_1", "right_2", "leg_1", "leg_2", "combined")


class Meaning(NamedTuple):
    """What a label names.

    Attributes
    ----------
    role : str
        A value of ``schemas/codes/channel.yaml``.
    family : int
        Position of the spelling in its list. The lists of left and right, and of their electrodes, are parallel, so
        labels of one family belong to one montage; an archive's own labels have family -1.
    is_copy : bool
        The label is that of another signal with a suffix, as programs write it to tell equal labels apart.
    """

    role: str
    family: int
    is_copy: bool = False


def normal_label(label: str) -> str:
    """Form in which channel labels are compared: lower case, letters and digits only, without a leading ``EMG``."""
    form = re.sub(r"[^a-z0-9]", "", label.casefold())
    for prefix in _declared()["prefixes"]:
        if form.startswith(prefix) and len(form) > len(prefix):
            return form[len(prefix) :]
    return form


def role_of(label: str) -> str | None:
    """Role a label names (a value of ``schemas/codes/channel.yaml``), or None."""
    meaning = _plain(normal_label(label))
    return None if meaning is None else meaning.role


def meanings_of(labels: Iterable[str], archive: str | None = None) -> dict[str, Meaning]:
    """What the labels of one recording name.

    Parameters
    ----------
    labels : iterable of str
        All labels of the recording: some mean something only beside others (copies, an archive's montages).
    archive : str, optional
        A value of ``schemas/codes/archive.yaml``; its exceptions come first.

    Returns
    -------
    dict of str to Meaning
        Labels that name nothing are left out.
    """
    labels = list(labels)
    forms = {label: normal_label(label) for label in labels}
    exceptions = _exceptions(set(forms.values()), archive)
    found: dict[str, Meaning] = {}
    for label, form in forms.items():
        meaning = exceptions[form] if form in exceptions else _plain(form)
        if meaning is not None:
            found[label] = meaning
    originals = {label.casefold(): meaning for label, meaning in found.items()}
    for label in labels:
        for suffix in _declared()["copy_suffixes"]:
            base = label.casefold().removesuffix(suffix)
            # A point and a number is how programs tell equal labels apart; other endings may also name an electrode.
            is_free = label not in found and forms[label] not in exceptions
            if base != label.casefold() and base in originals and (is_free or suffix.startswith(".")):
                found[label] = originals[base]._replace(is_copy=True)
                break
    return found


def archive_sensor(archive: str | None, labels: Iterable[str] = ()) -> str | None:
    """Sensor an archive declares for its legs, or for these labels of it; None without an archive."""
    if archive is None:
        return None
    extra = archive_entry(archive).extra
    forms = {normal_label(label) for label in labels}
    for exception in extra.get("sensor_of_labels", ()):
        if forms & set(map(normal_label, exception["labels"])):
            return str(exception["sensor"])
    return str(extra["sensor"])


def archive_exclusion(archive: str | None, visit: str) -> str | None:
    """Why the recordings of a visit of an archive are left out, or None."""
    reason = None if archive is None else archive_entry(archive).extra.get("excluded_visits", {}).get(visit)
    return None if reason is None else str(reason)


def archive_entry(archive: str) -> Any:
    """Entry of an archive in ``schemas/codes/archive.yaml``.

    Raises
    ------
    InputError
        It is not listed.
    """
    listed = contracts.codes("archive")
    if archive not in listed.values:
        raise InputError(f"archive '{archive}' is none of {', '.join(listed.values)}; correct it or leave it out")
    return listed.get(archive)


def uv_per_unit(unit: str, declared: str | None = None) -> float | None:
    """Microvolts per unit of a physical dimension; None when it is no voltage and none is declared."""
    units = contracts.codes("voltage_unit")
    for text in (unit, declared or ""):
        try:
            return float(units.get(units.encode(text)).extra["to_uv"])
        except contracts.UnknownCode:
            continue
    return None


_memory: dict[str, tuple[object, Any]] = {}


def remembered(name: str, declaration: object, build: Callable[[], Any]) -> Any:
    """Something made of a declaration, made again only when the declaration was read anew."""
    held = _memory.get(name)
    if held is None or held[0] is not declaration:
        held = _memory[name] = (declaration, build())
    return held[1]


def _declared() -> Mapping[str, Any]:
    declared: Mapping[str, Any] = contracts.load_yaml("codes/channel.yaml")
    return declared


def _plain(form: str) -> Meaning | None:
    meanings: dict[str, Meaning] = remembered("channel meanings", contracts.codes("channel"), _build)
    return meanings.get(form)


def _build() -> dict[str, Meaning]:
    meanings: dict[str, Meaning] = {}
    for code in contracts.codes("channel").codes:
        for family, alias in enumerate(code.aliases):
            held = meanings.setdefault(normal_label(alias), Meaning(code.value, family))
            if held.role != code.value:
                raise InputError(
                    f"schemas/codes/channel.yaml: '{alias}' means both {held.role} and {code.value}; remove one"
                )
    for spelling, alias in _declared()["spellings"].items():
        meanings[normal_label(spelling)] = meanings[normal_label(alias)]
    for label in _declared()["ignored"]:
        meanings.pop(normal_label(label), None)
    return meanings


def _exceptions(present: set[str], archive: str | None) -> dict[str, Meaning | None]:
    """Labels that mean something else (or nothing, None) in the recordings of an archive."""
    if archive is None:
        return {}
    exceptions: dict[str, Meaning | None] = {}
    for montage in archive_entry(archive).extra.get("montages", ()):
        if not present >= set(map(normal_label, montage.get("when", ()))):
            continue
        for role, labels in montage.items():
            if role in ("when", "why"):
                continue
            meaning = None if role == "ignored" else Meaning(role, -1)
            exceptions |= {normal_label(label): meaning for label in labels}
    return exceptions
