"""Which signals are the legs and the ECG, by which rule, measured by which sensor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader
from plms_pipeline.ingest.findings import Finding, finding

Choice = tuple[str, ...]


class ChannelOverrides(NamedTuple):
    """What the user declared about channels, in the sheet, the cohort file or on the command line.

    Attributes
    ----------
    left, right, combined, ecg : tuple of str
        One label, or two electrodes to subtract; empty = not declared.
    sensor : str or None
        emg, assumed_emg, piezo or unknown. Naming a leg channel declares emg unless this says otherwise.
    unit : str or None
        Physical dimension of the leg channels where the header names none or a wrong one.
    """

    left: Choice = ()
    right: Choice = ()
    combined: Choice = ()
    ecg: Choice = ()
    sensor: str | None = None
    unit: str | None = None

    @property
    def names_legs(self) -> bool:
        """Whether a leg channel is named."""
        return bool(self.left or self.right or self.combined)


def overrides_from(declared: Mapping[str, Any], where: str = "channels") -> ChannelOverrides:
    """Channel declarations from a sheet row, a cohort file or command-line options.

    Parameters
    ----------
    declared : mapping
        Keys `left`, `right`, `combined`, `ecg`: a label or a list of labels; two electrodes to subtract are two
        labels, in one text ``L-Leg1;L-Leg2``. Keys `sensor`, `unit`: text. Empty values count as absent.
    where : str
        Stands in error messages.

    Raises
    ------
    InputError
        An unknown sensor or unit, more than two electrodes, `combined` together with `left` or `right`.
    """
    choices: dict[str, Choice] = {}
    for role in ("left", "right", "combined", "ecg"):
        value = declared.get(role)
        entries = [value] if isinstance(value, str) else list(value or ())
        labels = tuple(label.strip() for entry in entries for label in str(entry).split(";") if label.strip())
        if len(labels) > 2:
            raise InputError(f"{where}: {role} names more than two electrodes; give one label or two to subtract")
        if len(labels) == 2 and labels[0] == labels[1]:
            raise InputError(f"{where}: {role} names '{labels[0]}' twice; a channel minus itself is empty")
        choices[role] = labels
    if choices["combined"] and (choices["left"] or choices["right"]):
        raise InputError(f"{where}: combined cannot stand together with left or right; give one or the other")
    sensor = (declared.get("sensor") or "").strip() or None
    if sensor is not None and sensor not in contracts.codes("sensor").values:
        allowed = ", ".join(contracts.codes("sensor").values)
        raise InputError(f"{where}: sensor '{sensor}' is none of {allowed}; correct it")
    unit = (declared.get("unit") or "").strip() or None
    if unit is not None and uv_per_unit(unit) is None:
        raise InputError(f"{where}: unit '{unit}' is no voltage; use uV, mV, V or nV")
    return ChannelOverrides(**choices, sensor=sensor, unit=unit)


class ChannelDecision(NamedTuple):
    """The channels of a recording and why.

    Attributes
    ----------
    layout : str
        bipolar, monopolar, combined, one_leg or none.
    left, right, combined, ecg : tuple of str or None
        Labels: one, or two to subtract.
    reason : str
        One line: which label was taken by which rule.
    rule : str
        declared, bipolar, monopolar, numbered, combined or none.
    sensor : str
        emg, assumed_emg, piezo or unknown.
    findings : tuple of Finding
    indices : dict of str to tuple of int
        Positions in the file of the signals of each role present.
    declared_unit : str or None
    """

    layout: str
    left: Choice | None
    right: Choice | None
    combined: Choice | None
    ecg: Choice | None
    reason: str
    rule: str
    sensor: str
    findings: tuple[Finding, ...]
    indices: dict[str, tuple[int, ...]]
    declared_unit: str | None = None

    def key(self) -> dict[str, Any]:
        """JSON-able content that enters the key of the detect stage."""
        return {
            "layout": self.layout,
            "sensor": self.sensor,
            "unit": self.declared_unit,
            "indices": {role: list(indices) for role, indices in sorted(self.indices.items())},
            "labels": {role: list(getattr(self, role) or ()) for role in ("left", "right", "combined", "ecg")},
        }


def decide_channels(header: EdfHeader, overrides: ChannelOverrides | None = None) -> ChannelDecision:
    """Choose legs and ECG by declaration, otherwise by the alias rules of ``schemas/codes/channel.yaml``.

    Parameters
    ----------
    header : EdfHeader
    overrides : ChannelOverrides, optional
        When it names any leg, only named legs are used.

    Returns
    -------
    ChannelDecision
        Order of the rules: declared; left and right leads; pairs of electrodes; numbered legs; one combined channel.
        A signal without a scale or a voltage unit is not used and says so.
    """
    overrides = overrides or ChannelOverrides()
    chooser = _Chooser(header, overrides)
    if overrides.names_legs:
        chooser.declared()
    else:
        chooser.by_rules()
    return chooser.decision()


def normal_label(label: str) -> str:
    """Form in which channel labels are compared: lower case, letters and digits only, without a leading ``EMG``."""
    form = re.sub(r"[^a-z0-9]", "", label.casefold())
    for prefix in contracts.load_yaml("codes/channel.yaml")["prefixes"]:
        if form.startswith(prefix) and len(form) > len(prefix):
            return form[len(prefix) :]
    return form


def role_of(label: str) -> str | None:
    """Role a label names (a value of ``schemas/codes/channel.yaml``), or None."""
    return None if normal_label(label) in _ignored() else _roles().get(normal_label(label))


_memory: dict[str, tuple[object, Any]] = {}


def remembered(name: str, declaration: object, build: Callable[[], Any]) -> Any:
    """Something made of a declaration, made again only when the declaration was read anew."""
    held = _memory.get(name)
    if held is None or held[0] is not declaration:
        held = _memory[name] = (declaration, build())
    return held[1]


def _roles() -> dict[str, str]:
    return remembered("roles", contracts.codes("channel"), _build_roles)


def _build_roles() -> dict[str, str]:
    roles: dict[str, str] = {}
    for code in contracts.codes("channel").codes:
        for alias in code.aliases:
            form = normal_label(alias)
            if roles.setdefault(form, code.value) != code.value:
                raise InputError(
                    f"schemas/codes/channel.yaml: '{alias}' means both {roles[form]} and {code.value}; remove one"
                )
    return roles


def _ignored() -> frozenset[str]:
    declared = contracts.load_yaml("codes/channel.yaml")
    return remembered("ignored", declared, lambda: frozenset(map(normal_label, declared["ignored"])))


def uv_per_unit(unit: str, declared: str | None = None) -> float | None:
    """Microvolts per unit of a physical dimension; None when it is no voltage and none is declared."""
    units = contracts.codes("voltage_unit")
    for text in (unit, declared or ""):
        try:
            return float(units.get(units.encode(text)).extra["to_uv"])
        except contracts.UnknownCode:
            continue
    return None


class _Chooser:
    """Collects the choice for one recording."""

    def __init__(self, header: EdfHeader, overrides: ChannelOverrides) -> None:
        self.header = header
        self.overrides = overrides
        self.signals = header.data_signals
        self.findings: list[Finding] = []
        self.chosen: dict[str, tuple[SignalHeader, ...]] = {}
        self.rule = "none"
        self.by_role: dict[str, list[SignalHeader]] = {}
        for signal in self.signals:
            role = role_of(signal.label)
            if role is not None:
                self.by_role.setdefault(role, []).append(signal)

    # -- legs ----------------------------------------------------------------------------------------------------

    def declared(self) -> None:
        self.rule = "declared"
        for role in ("left", "right", "combined"):
            choice = getattr(self.overrides, role)
            if choice:
                self._take_declared(role, choice)

    def _take_declared(self, role: str, choice: Choice) -> None:
        signals = [self._find(label) for label in choice]
        present = [signal for signal in signals if signal is not None]
        if len(present) == len(choice):
            self._accept(role, present)
            return
        named = " - ".join(f"'{label}'" for label in choice)
        labels = ", ".join(f"'{signal.label}'" for signal in self.signals[:40])
        self.findings.append(finding("declared_channel_absent", f"{role}: {named}; present: {labels}"))

    def _find(self, label: str) -> SignalHeader | None:
        same = [s for s in self.signals if s.label == label]
        same = same or [s for s in self.signals if normal_label(s.label) == normal_label(label)]
        return self._first(same)

    def _first(self, signals: Sequence[SignalHeader]) -> SignalHeader | None:
        if len(signals) > 1:
            detail = ", ".join(f"'{signal.label}'" for signal in signals)
            found = finding("duplicate_label", detail)
            if found not in self.findings:
                self.findings.append(found)
        return signals[0] if signals else None

    def by_rules(self) -> None:
        for side in ("left", "right"):
            self._take_side(side)
        if not self.chosen and ("leg_1" in self.by_role or "leg_2" in self.by_role):
            for role, side in (("leg_1", "left"), ("leg_2", "right")):
                signal = self._first(self.by_role.get(role, []))
                if signal is not None and self._accept(side, [signal]):
                    self.rule = "numbered"
            if self.chosen:
                self.findings.append(finding("sides_assumed"))
        if not self.chosen:
            signal = self._first(self.by_role.get("combined", []))
            if signal is not None and self._accept("combined", [signal]):
                self.rule = "combined"

    def _take_side(self, side: str) -> None:
        signal = self._first(self.by_role.get(side, []))
        if signal is not None and self._accept(side, [signal]):
            if self.rule == "none":
                self.rule = "bipolar"
            return
        pair = [self._first(self.by_role.get(f"{side}_{n}", [])) for n in (1, 2)]
        present = [electrode for electrode in pair if electrode is not None]
        if len(present) == 2 and self._accept(side, present):
            self.rule = "monopolar"
        elif len(present) == 1:
            self.findings.append(finding("electrode_alone", f"{side}: '{present[0].label}'"))

    # -- can a signal be used ------------------------------------------------------------------------------------

    def _accept(self, role: str, signals: Sequence[SignalHeader]) -> bool:
        checked = [self._usable(signal, self.overrides.unit if role != "ecg" else None) for signal in signals]
        if not all(checked):
            return False
        if len(signals) == 2 and signals[0].samples_per_record != signals[1].samples_per_record:
            labels = " and ".join(f"'{signal.label}'" for signal in signals)
            self.findings.append(finding("pair_differs", labels))
            return False
        self.chosen[role] = tuple(signals)
        return True

    def _usable(self, signal: SignalHeader, unit: str | None) -> bool:
        name = f"'{signal.label}'"
        found: list[Finding] = []
        if signal.samples_per_record == 0:
            found.append(finding("no_samples", name))
        if uv_per_unit(signal.unit) is None:
            if unit is not None:
                found.append(finding("unit_declared", f"{name}: {unit}"))
            elif signal.unit:
                found.append(finding("unit_not_voltage", f"{name}: '{signal.unit}'"))
            else:
                found.append(finding("unit_missing", name))
        low, high = signal.digital_min, signal.digital_max
        if low is None or high is None or low == high:
            found.append(finding("digital_range_empty", name))
        else:
            limit = 1 << (8 * self.header.sample_bytes - 1)
            if low > high:
                found.append(finding("digital_range_swapped", name))
            if min(low, high) < -limit or max(low, high) > limit - 1:
                found.append(finding("digital_range_outside_type", f"{name}: {low} to {high}"))
            if abs(high - low) < 256:
                found.append(finding("coarse_digital_range", f"{name}: {abs(high - low) + 1} levels"))
        physical = (signal.physical_min, signal.physical_max)
        if None in physical or physical[0] == physical[1]:
            found.append(finding("physical_range_empty", name))
        elif signal.physical_min > signal.physical_max:  # type: ignore[operator]
            found.append(finding("negative_gain", name))
        self.findings.extend(found)
        return all(item.severity != "error" for item in found)

    # -- the whole -----------------------------------------------------------------------------------------------

    def decision(self) -> ChannelDecision:
        legs = dict(self.chosen)
        layout = self._layout(legs)
        if layout == "none":
            self.rule = "none" if self.rule != "declared" else "declared"
            labels = ", ".join(f"'{signal.label}'" for signal in self.signals[:40])
            self.findings.append(finding("no_leg_channel", f"labels: {labels}" if labels else "no signal"))
        elif layout == "one_leg":
            self.findings.append(finding("one_leg", next(iter(legs))))
        sensor = self._sensor(layout)
        self._ecg()
        labels_of = {role: tuple(s.label for s in signals) for role, signals in self.chosen.items()}
        reason = "; ".join(f"{role}: {' - '.join(labels)}" for role, labels in sorted(labels_of.items()))
        return ChannelDecision(
            layout,
            labels_of.get("left"),
            labels_of.get("right"),
            labels_of.get("combined"),
            labels_of.get("ecg"),
            f"rule {self.rule}; {reason}" if reason else f"rule {self.rule}; no channel recognised",
            self.rule,
            sensor,
            tuple(self.findings),
            {role: tuple(s.position for s in signals) for role, signals in self.chosen.items()},
            self.overrides.unit,
        )

    @staticmethod
    def _layout(legs: Mapping[str, tuple[SignalHeader, ...]]) -> str:
        if not legs:
            return "none"
        if "combined" in legs:
            return "combined"
        if len(legs) == 1:
            return "one_leg"
        return "monopolar" if any(len(signals) == 2 for signals in legs.values()) else "bipolar"

    def _sensor(self, layout: str) -> str:
        sensor = self.overrides.sensor or ("emg" if self.overrides.names_legs else "unknown")
        if layout != "none" and sensor in ("unknown", "piezo"):
            self.findings.append(finding(f"sensor_{sensor}"))
        return sensor

    def _ecg(self) -> None:
        # The ECG only helps to recognise its spikes in the legs, so one that cannot be used is left out quietly.
        before = len(self.findings)
        candidates: list[SignalHeader] = []
        if len(self.overrides.ecg) == 1:
            candidates.extend(s for s in self.signals if s.label == self.overrides.ecg[0])
        for signal in candidates or self.by_role.get("ecg", []):
            if self._accept("ecg", [signal]):
                break
        del self.findings[before:]
