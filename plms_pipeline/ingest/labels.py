"""Annotation labels to canonical stages, event types and legs; exact, through the code lists."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.channel_rules import remembered, role_of

_SIDES = {"left": "L", "left_1": "L", "left_2": "L", "right": "R", "right_1": "R", "right_2": "R"}


def _form(label: str) -> str:
    return "".join(label.casefold().replace("_", " ").split())


def _index(name: str) -> dict[str, str]:
    codes = contracts.codes(name)
    return remembered(
        f"index of {name}",
        codes,
        lambda: {_form(text): code.value for code in codes.codes for text in (code.value, *code.aliases)},
    )


def _column_only() -> frozenset[str]:
    declared = contracts.load_yaml("codes/stage.yaml")
    return remembered(
        "column only", declared, lambda: frozenset(_form(label) for label in declared["only_in_stage_column"])
    )


def _legs() -> dict[str, str]:
    declared = contracts.load_yaml("codes/event.yaml")
    return remembered(
        "legs", declared, lambda: {_form(label): leg for leg, labels in declared["legs"].items() for label in labels}
    )


def _readings(label: str) -> list[str]:
    # NSRR writes `concept|original label`; the original is the more specific of the two
    concept, bar, original = label.partition("|")
    return [_form(label)] if not bar else [_form(label), _form(original), _form(concept)]


def stage_of(label: str, *, in_stage_column: bool) -> str | None:
    """Canonical stage of a label, or None.

    Parameters
    ----------
    label : str
    in_stage_column : bool
        True where only stages can stand; among free annotations short labels such as ``1`` or ``R`` mean nothing.
    """
    for form in _readings(label):
        if form in _index("stage") and (in_stage_column or form not in _column_only()):
            return _index("stage")[form]
    return None


def event_type_of(label: str) -> str | None:
    """Canonical event type of a label, or None for a label in no list."""
    for form in _readings(label):
        if form in _index("event"):
            return _index("event")[form]
    return None


class Meaning(NamedTuple):
    """What a label means: a stage, an event type (with legs for leg marks), or nothing."""

    stage: str | None = None
    event_type: str | None = None
    legs: str = ""
    is_ignored: bool = False


def own_labels(declared: Mapping[str, Any]) -> dict[str, Meaning]:
    """Meanings of labels that a cohort declares, by their compared form.

    Parameters
    ----------
    declared : mapping
        Label → value of ``schemas/codes/event.yaml``, with a leg (`leg_movement:L`, R, LR or C) for leg marks;
        `stage:` and a stage; or `ignored`.

    Raises
    ------
    InputError
        A meaning that is none of these.
    """
    return {_form(label): _declared_meaning(label, str(value).strip()) for label, value in declared.items()}


def _declared_meaning(label: str, text: str) -> Meaning:
    if text == "ignored":
        return Meaning(is_ignored=True)
    kind, _, detail = text.partition(":")
    stages, types = contracts.codes("stage").values, contracts.codes("event").values
    if kind == "stage" and detail in stages:
        return Meaning(stage=detail)
    if kind in types and (not detail or (class_of(kind) == "movement" and detail in ("L", "R", "LR", "C"))):
        return Meaning(event_type=kind, legs=detail)
    near = get_close_matches(kind, [*types, "ignored"], n=1, cutoff=0.0)
    raise InputError(
        f"labels: '{label}' cannot mean '{text}'; give an event type such as {near[0]}, a leg mark with its leg such "
        f"as leg_movement:L, stage: and one of {', '.join(stages)}, or ignored"
    )


def form(label: str) -> str:
    """Form in which labels are compared: without case, blanks and underscores."""
    return _form(label)


def is_ignored(label: str) -> bool:
    """Whether a label among events is listed as carrying no information (`ignored` of ``schemas/codes/event.yaml``)."""
    ignored: frozenset[str] = remembered(
        "ignored labels",
        contracts.codes("event"),
        lambda: frozenset(_form(text) for text in contracts.codes("event").ignored),
    )
    return _form(label) in ignored


def class_of(event_type: str) -> str:
    """respiratory, arousal, movement, lights or other."""
    return str(contracts.codes("event").get(event_type).extra["class"])


def legs_of(label: str, location: str) -> str:
    """Leg of a movement mark: L, R, LR (both) or C (not said), from the label, else from its signal."""
    for form in _readings(label):
        if form in _legs():
            return _legs()[form]
    if location in ("L", "R", "C"):
        return location
    return _SIDES.get(role_of(location) or "", "C")
