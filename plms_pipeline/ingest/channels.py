"""Which signals are the legs and the ECG, by which rule, measured by which sensor."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from plms_pipeline.ingest.channel_overrides import ChannelOverrides, Choice, Choices, overrides_from
from plms_pipeline.ingest.channel_rules import (
    LEG_ROLES,
    PAIRS,
    Meaning,
    archive_sensor,
    meanings_of,
    normal_label,
    remembered,
    role_of,
    uv_per_unit,
)
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader
from plms_pipeline.ingest.findings import Finding, finding

__all__ = [
    "ChannelDecision",
    "ChannelOverrides",
    "decide_channels",
    "normal_label",
    "overrides_from",
    "remembered",
    "role_of",
    "uv_per_unit",
]


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

    Notes
    -----
    Order of the rules: what was declared; a left and a right lead; a pair of electrodes on each leg; two numbered
    legs; a lead on one leg and a pair on the other; one leg alone; one combined channel. A signal without a scale or
    a voltage unit is passed over if another one of its role has them; alone, it is not used and says so.

    Where several signals could be a leg, the choice is, in this order: usable ones; left and right (or the two
    electrodes) named in the same way; labels as written before their copies with a suffix; the higher sampling rate;
    the order of the spellings in ``schemas/codes/channel.yaml``; the order in the file. What was not taken stands in
    the finding `several_leg_channels`.
    """
    overrides = overrides or ChannelOverrides()
    chooser = _Chooser(header, overrides)
    if overrides.names_legs:
        chooser.declared()
    else:
        chooser.by_rules()
    return chooser.decision()


class _Candidate(NamedTuple):
    signal: SignalHeader
    meaning: Meaning
    is_usable: bool


class _Chooser:
    """Collects the choice for one recording."""

    def __init__(self, header: EdfHeader, overrides: ChannelOverrides) -> None:
        self.header = header
        self.overrides = overrides
        self.signals = header.data_signals
        self.findings: list[Finding] = []
        self.chosen: dict[str, tuple[SignalHeader, ...]] = {}
        self.rule = "none"
        self.alone: set[str] = set()
        meanings = meanings_of((signal.label for signal in self.signals), overrides.archive)
        self.by_role: dict[str, list[_Candidate]] = {}
        for signal in self.signals:
            meaning = meanings.get(signal.label)
            if meaning is not None:
                is_usable = not any(item.severity == "error" for item in self._judge(signal, overrides.unit))
                self.by_role.setdefault(meaning.role, []).append(_Candidate(signal, meaning, is_usable))

    # -- legs ----------------------------------------------------------------------------------------------------

    def declared(self) -> None:
        self.rule = "declared"
        for role in ("left", "right", "combined"):
            choices = getattr(self.overrides, role)
            if choices:
                self._take_declared(role, choices)

    def _take_declared(self, role: str, choices: Choices) -> None:
        for choice in choices:
            signals = [self._find(label) for label in choice]
            present = [signal for signal in signals if signal is not None]
            if len(present) == len(choice):
                if self._accept(role, present):
                    return
                continue
            if choice is choices[-1]:
                named = ", ".join(" - ".join(f"'{label}'" for label in one) for one in choices)
                labels = ", ".join(f"'{signal.label}'" for signal in self.signals[:40])
                self.findings.append(finding("declared_channel_absent", f"{role}: {named}; present: {labels}"))

    def _find(self, label: str) -> SignalHeader | None:
        same = [s for s in self.signals if s.label == label]
        same = same or [s for s in self.signals if normal_label(s.label) == normal_label(label)]
        if len(same) > 1:
            detail = ", ".join(f"'{signal.label}'" for signal in same)
            self.findings.append(finding("duplicate_label", detail))
        return same[0] if same else None

    def by_rules(self) -> None:
        leads = self._best("left", "right")
        electrodes = {side: self._best(one, two) for side, one, two in PAIRS}
        numbered = self._best("leg_1", "leg_2")
        is_done = bool(leads) and self._take("bipolar", {"left": leads[:1], "right": leads[1:]})
        is_done = is_done or (all(electrodes.values()) and self._take("monopolar", electrodes))
        if not is_done and numbered and self._take("numbered", {"left": numbered[:1], "right": numbered[1:]}):
            self.findings.append(finding("sides_assumed"))
        elif not is_done:
            self._take_what_is_there(electrodes)
        if self.chosen:
            self._say_what_was_left()

    def _take_what_is_there(self, electrodes: Mapping[str, Sequence[_Candidate]]) -> None:
        for side, one, two in PAIRS:
            lead = self._best(side)
            if side not in self.chosen and lead and self._take("bipolar", {side: lead}):
                continue
            if electrodes[side] and self._take("monopolar", {side: electrodes[side]}):
                continue
            alone = [candidate.signal.label for role in (one, two) for candidate in self.by_role.get(role, ())]
            if len(alone) == 1 and side not in self.chosen:
                self.findings.append(finding("electrode_alone", f"{side}: '{alone[0]}'"))
                self.alone.add(alone[0])
        combined = self._best("combined")
        if not self.chosen and combined and self._take("combined", {"combined": combined}):
            return
        for role, side in (("leg_1", "left"), ("leg_2", "right")):
            only = self._best(role)
            if not self.chosen and only and self._take("numbered", {side: only}):
                self.findings.append(finding("sides_assumed"))

    def _best(self, *roles: str) -> list[_Candidate]:
        """The best signals for roles that belong together, by the order of :func:`decide_channels`; none if one
        role has no signal."""
        sets = []
        for role in roles:
            candidates = self.by_role.get(role, [])
            sets.append([one for one in candidates if one.is_usable] or candidates)
        combinations = list(itertools.product(*sets))
        return list(min(combinations, key=_rank)) if combinations else []

    def _take(self, rule: str, sides: Mapping[str, Sequence[_Candidate]]) -> bool:
        """Take signals for sides; whether any was taken. A side whose signal cannot be used says so and stays free."""
        taken = [self._accept(side, [one.signal for one in candidates]) for side, candidates in sides.items()]
        if any(taken) and self.rule in ("none", "bipolar"):
            self.rule = rule
        return any(taken)

    def _say_what_was_left(self) -> None:
        used = {signal.position for signals in self.chosen.values() for signal in signals}
        labels = {signal.label for signals in self.chosen.values() for signal in signals}
        left = [
            one.signal
            for role in LEG_ROLES
            for one in self.by_role.get(role, ())
            if one.signal.position not in used and one.is_usable
        ]
        same = [signal for signal in left if signal.label in labels]
        if same:
            self.findings.append(finding("duplicate_label", _listed(same)))
        others = [signal for signal in left if signal.label not in labels | self.alone]
        if others:
            detail = f"used {_listed(itertools.chain(*self.chosen.values()))}; not used {_listed(others)}"
            self.findings.append(finding("several_leg_channels", detail))

    # -- can a signal be used ------------------------------------------------------------------------------------

    def _accept(self, role: str, signals: Sequence[SignalHeader]) -> bool:
        found = [item for signal in signals for item in self._judge(signal, self.overrides.unit)]
        self.findings.extend(item for item in found if item not in self.findings)
        if any(item.severity == "error" for item in found):
            return False
        if len(signals) == 2:
            labels = " and ".join(f"'{signal.label}'" for signal in signals)
            if signals[0].samples_per_record != signals[1].samples_per_record:
                self.findings.append(finding("pair_differs", labels))
                return False
            filters = {" ".join(signal.prefilter.casefold().split()) for signal in signals}
            if len(filters) > 1:
                self.findings.append(finding("pair_filters_differ", labels))
        self.chosen[role] = tuple(signals)
        return True

    def _judge(self, signal: SignalHeader, unit: str | None) -> list[Finding]:
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
        return found

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
        labels = [signal.label for role in ("left", "right", "combined") for signal in self.chosen.get(role, ())]
        by_archive = archive_sensor(self.overrides.archive, labels)
        sensor = self.overrides.sensor or by_archive or ("emg" if self.overrides.names_legs else "unknown")
        if layout != "none" and sensor in ("unknown", "piezo"):
            self.findings.append(finding(f"sensor_{sensor}"))
        return sensor

    def _ecg(self) -> None:
        # The ECG only helps to recognise its spikes in the legs, so one that cannot be used is left out quietly.
        named = [signal for choice in self.overrides.ecg for signal in self.signals if choice == (signal.label,)]
        by_label = sorted(self.by_role.get("ecg", ()), key=lambda one: one.meaning.is_copy)
        for signal in named or [one.signal for one in by_label]:
            if not any(item.severity == "error" for item in self._judge(signal, None)):
                self.chosen["ecg"] = (signal,)
                return


def _rank(candidates: Iterable[_Candidate]) -> tuple[Any, ...]:
    candidates = list(candidates)
    families = [one.meaning.family for one in candidates]
    rates = [one.signal.samples_per_record for one in candidates]
    return (
        len(set(families)) > 1,
        any(one.meaning.is_copy for one in candidates),
        len(set(rates)) > 1,
        -min(rates),
        families,
        [one.signal.position for one in candidates],
    )


def _listed(signals: Iterable[SignalHeader]) -> str:
    return ", ".join(f"'{signal.label}'" for signal in signals)
