"""What the user declares about channels: in the sheet, the cohort file or on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.channel_rules import archive_entry, uv_per_unit

Choice = tuple[str, ...]
Choices = tuple[Choice, ...]


class ChannelOverrides(NamedTuple):
    """What the user declared about channels, in the sheet, the cohort file or on the command line.

    Attributes
    ----------
    left, right, combined, ecg : tuple of tuple of str
        Alternatives in the order of preference, each one label or two electrodes to subtract; empty = not declared.
    sensor : str or None
        emg, assumed_emg, piezo or unknown. Naming a leg channel declares emg unless this or the archive says otherwise.
    unit : str or None
        Physical dimension of the leg channels where the header names none or a wrong one.
    archive : str or None
        Published archive the recording comes from (a value of ``schemas/codes/archive.yaml``).
    """

    left: Choices = ()
    right: Choices = ()
    combined: Choices = ()
    ecg: Choices = ()
    sensor: str | None = None
    unit: str | None = None
    archive: str | None = None

    @property
    def names_legs(self) -> bool:
        """Whether a leg channel is named."""
        return bool(self.left or self.right or self.combined)


def overrides_from(declared: Mapping[str, Any], where: str = "channels") -> ChannelOverrides:
    """Channel declarations from a sheet row, a cohort file or command-line options.

    Parameters
    ----------
    declared : mapping
        Keys `left`, `right`, `combined`, `ecg`: a label or a list of labels in the order of preference; two
        electrodes to subtract are one text ``L-Leg1;L-Leg2``. Keys `sensor`, `unit`, `archive`: text. Empty values
        count as absent.
    where : str
        Stands in error messages.

    Raises
    ------
    InputError
        An unknown sensor, unit or archive, more than two electrodes, `combined` together with `left` or `right`.
    """
    choices = {role: _choices(declared.get(role), role, where) for role in ("left", "right", "combined", "ecg")}
    if choices["combined"] and (choices["left"] or choices["right"]):
        raise InputError(f"{where}: combined cannot stand together with left or right; give one or the other")
    sensor = (declared.get("sensor") or "").strip() or None
    if sensor is not None and sensor not in contracts.codes("sensor").values:
        allowed = ", ".join(contracts.codes("sensor").values)
        raise InputError(f"{where}: sensor '{sensor}' is none of {allowed}; correct it")
    unit = (declared.get("unit") or "").strip() or None
    if unit is not None and uv_per_unit(unit) is None:
        raise InputError(f"{where}: unit '{unit}' is no voltage; use uV, mV, V or nV")
    archive = (declared.get("archive") or "").strip() or None
    if archive is not None:
        archive_entry(archive)
    return ChannelOverrides(**choices, sensor=sensor, unit=unit, archive=archive)


def _choices(value: Any, role: str, where: str) -> Choices:
    choices = []
    for entry in [value] if isinstance(value, str) else list(value or ()):
        labels = tuple(label.strip() for label in str(entry).split(";") if label.strip())
        if len(labels) > 2:
            raise InputError(f"{where}: {role} names more than two electrodes; give one label or two to subtract")
        if len(labels) == 2 and labels[0] == labels[1]:
            raise InputError(f"{where}: {role} names '{labels[0]}' twice; a channel minus itself is empty")
        if labels:
            choices.append(labels)
    return tuple(choices)
