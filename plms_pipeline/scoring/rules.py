"""Rule sets and evidence settings from loaded rule files: every number named, checked and in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, NamedTuple

from plms_pipeline.errors import InputError
from plms_pipeline.scoring.inputs import EvidenceSettings

US_PER = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}


class RuleSet(NamedTuple):
    """All numbers and named options of one rule set; a file under ``schemas/rules`` gives the citation of each.

    Times are integer microseconds. ``None`` = the rule set has no such limit.
    """

    name: str
    requires_morphology: bool
    same_leg_join_gap_us: int
    same_leg_join_limit: bool
    lm_min_us: int
    lm_max_us: int | None
    too_long: str
    clm_monolateral_max_us: int | None
    clm_bilateral_max_us: int | None
    clm_bilateral_max_monolateral: int | None
    clm_combined_channel_max_us: int | None
    duration_limit_is_candidate: bool
    assumed_duration_us: int | None
    combine_legs: str
    combine_limit_us: int
    combine_at_limit: bool
    imi_min_us: int
    imi_max_us: int
    imi_limits_are_inside: bool
    short_imi: str
    short_imi_may_start: bool
    series_min_clm: int
    sleep_requirement: str
    epoch_border: str
    respiratory_rule: str
    respiratory_before_us: int | None
    respiratory_after_us: int | None
    respiratory_limits_are_inside: bool
    respiratory_removed_first: bool
    respiratory_includes_rera: bool
    nonclm_in_respiratory: str
    arousal_rule: str
    arousal_gap_us: int | None
    arousal_at_limit: bool
    arousal_pair_us: int | None


class Field(NamedTuple):
    """What a key of a rule file may hold: a number (of a unit) or an option."""

    kind: str  # number | count | option | flag
    unit: str | None = None
    is_nullable: bool = False
    low: float = 0.0
    high: float = 86_400.0
    allowed: tuple[Any, ...] = ()


def _time(*, nullable: bool = False, low: float = 0.0) -> Field:
    return Field("number", "s", nullable, low)


def _flag() -> Field:
    return Field("flag", allowed=(True, False))


def _one_of(*allowed: str) -> Field:
    return Field("option", allowed=allowed)


RULE_FIELDS: dict[str, Field] = {
    "requires_morphology": _flag(),
    "same_leg_join_gap_s": _time(),
    "same_leg_join_limit": _flag(),
    "lm_min_s": _time(),
    "lm_max_s": _time(nullable=True),
    "too_long": _one_of("interrupts", "dropped"),
    "clm_monolateral_max_s": _time(nullable=True),
    "clm_bilateral_max_s": _time(nullable=True),
    "clm_bilateral_max_monolateral": Field("count", "1", True, 1, 1000),
    "clm_combined_channel_max_s": _time(nullable=True),
    "duration_limit_is_candidate": _flag(),
    "assumed_duration_s": _time(nullable=True),
    "combine_legs": _one_of("gap", "onset"),
    "combine_limit_s": _time(),
    "combine_at_limit": _flag(),
    "imi_min_s": _time(low=1e-6),
    "imi_max_s": _time(low=1e-6),
    "imi_limits_are_inside": _flag(),
    "short_imi": _one_of("break", "ignore_later"),
    "short_imi_may_start": _flag(),
    "series_min_clm": Field("count", "1", False, 2, 1000),
    "sleep_requirement": _one_of("none", "any_part", "onset"),
    "epoch_border": _one_of("new", "old"),
    "respiratory_rule": _one_of("none", "event_end", "whole_event"),
    "respiratory_before_s": _time(nullable=True),
    "respiratory_after_s": _time(nullable=True),
    "respiratory_limits_are_inside": _flag(),
    "respiratory_removed_first": _flag(),
    "respiratory_includes_rera": _flag(),
    "nonclm_in_respiratory": _one_of("interrupts", "removed"),
    "arousal_rule": _one_of("none", "overlap_or_gap"),
    "arousal_gap_s": _time(nullable=True),
    "arousal_at_limit": _flag(),
    "arousal_pair_s": _time(nullable=True),
    # Decided once for every rule set; the file states them so that the decision is part of the provenance.
    "unscored_epoch": _one_of("neither_sleep_nor_wake"),
    "periodicity_definition": _one_of("ferri_and_ratio"),
    "gap": _one_of("breaks"),
    "open_at_edge": _one_of("kept"),
    "detection_limits": _one_of("as_text"),
    "one_leg": _one_of("point_without_bounds"),
    "empty_night": _one_of("zero"),
}
_STATEMENTS = (
    "unscored_epoch",
    "periodicity_definition",
    "gap",
    "open_at_edge",
    "detection_limits",
    "one_leg",
    "empty_night",
)

_FRACTION = Field("number", "1", False, 0.0, 1.0)
EVIDENCE_FIELDS: dict[str, Field] = {
    "full_min_scorable_fraction": _FRACTION,
    "full_min_scorable_sleep_h": Field("number", "h", False, 0.0, 24.0),
    "full_min_staged_fraction": _FRACTION,
    "one_leg_unscorable_fraction": _FRACTION,
    "lo_movements_per_edge": Field("count", "1", False, 0, 1000),
    "hi_movements_per_edge": Field("count", "1", False, 0, 1000),
    "epoch_s": _time(low=1.0),
    "sleep_onset": _one_of("first_epoch", "consecutive_epochs"),
    "sleep_onset_epochs": Field("count", "1", False, 1, 100),
    "periodicity_imi_min_s": _time(),
    "periodicity_imi_max_s": _time(),
    "periodicity_min_run": Field("count", "1", False, 1, 1000),
    "imi_typical_min_s": _time(),
    "imi_typical_max_s": _time(),
    "imi_log_min_s": _time(low=1e-6),
    "imi_log_max_s": _time(low=1e-6),
    "imi_bin_s": _time(low=1e-3),
    "imi_bin_max_s": _time(low=1e-3),
    "imi_ln_bin": Field("number", "1", False, 0.001, 10.0),
    "imi_ln_bin_first": Field("number", "1", False, 0.0, 10.0),
    "imi_ln_bin_last": Field("number", "1", False, 0.0, 20.0),
    "duration_typical_min_s": _time(),
    "duration_typical_max_s": _time(),
    "time_course_bin_h": Field("number", "h", False, 0.01, 24.0),
    "time_course_min_sleep_min": Field("number", "min", False, 0.0, 1440.0),
    "awakening_within_s": _time(),
    "lag_shuffles": Field("count", "1", False, 1, 1000),
    "agreement_tolerance_s": _time(),
}


def _nearest(key: str, known: Mapping[str, Any] | list[str]) -> str:
    close = get_close_matches(key, list(known), n=1, cutoff=0.0)
    return f"; did you mean '{close[0]}'?" if close else ""


def _checked_value(where: str, key: str, value: Any, field: Field) -> Any:
    at = f"{where}: {key}"
    if value is None:
        if field.is_nullable:
            return None
        raise InputError(f"{at} has no value; give a {'number' if field.kind in ('number', 'count') else 'choice'}")
    if field.kind in ("flag", "option"):
        if not any(value is choice or (isinstance(value, str) and value == choice) for choice in field.allowed):
            choices = ", ".join(str(choice).lower() for choice in field.allowed)
            raise InputError(f"{at} = {value!r} is not possible; choose {choices}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{at} = {value!r} is not a number; give one{f' in {field.unit}' if field.unit else ''}")
    if field.kind == "count" and value != int(value):
        raise InputError(f"{at} = {value!r} is not a whole number; give one")
    if not field.low <= value <= field.high:
        raise InputError(f"{at} = {value!r} is not possible; it must lie in {field.low:g} to {field.high:g}")
    return int(value) if field.kind == "count" else value


def to_us(value: float, unit: str = "s") -> int:
    """A decimal time as whole microseconds; exact for every decimal number of at most six places in seconds."""
    return round(Fraction(repr(value)) * US_PER[unit])


def _settings(
    where: str, mapping: Mapping[str, Any], fields: Mapping[str, Field], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for section in ("numbers", "options"):
        found = mapping.get(section)
        if not isinstance(found, Mapping):
            raise InputError(f"{where}: section '{section}' is missing; add it")
        for key, entry in found.items():
            if key in entries:
                raise InputError(f"{where}: {key} stands twice; keep one")
            if key not in fields:
                raise InputError(f"{where}: unknown key '{key}'{_nearest(str(key), list(fields))}")
            if not isinstance(entry, Mapping) or "value" not in entry:
                raise InputError(f"{where}: {key} has no 'value'; write value, unit and citation")
            unit = fields[key].unit
            if unit is not None and entry.get("unit") != unit:
                raise InputError(f"{where}: {key} is in {unit}, the file says {entry.get('unit')!r}; correct the unit")
            if not str(entry.get("citation") or "").strip():
                raise InputError(f"{where}: {key} has no citation; say which clause it follows")
            entries[key] = entry["value"]
    for key in fields:
        if key not in entries:
            raise InputError(f"{where}: {key} is missing; add it with value, unit and citation")
    for key, value in overrides.items():
        if key not in fields:
            raise InputError(f"{where}: cannot set unknown key '{key}'{_nearest(str(key), list(fields))}")
        entries[key] = value
    return {key: _checked_value(where, key, entries[key], field) for key, field in fields.items()}


def _in_us(settings: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """The same settings with every time as ``<name>_us``."""
    out: dict[str, Any] = {}
    for key, value in settings.items():
        unit = fields[key].unit
        if unit in US_PER:
            out[f"{key.removesuffix(f'_{unit}')}_us"] = None if value is None else to_us(value, str(unit))
        else:
            out[key] = value
    return out


def rule_set_name(mapping: Mapping[str, Any]) -> str:
    """The name a rule file gives itself, checked to be a word."""
    name = mapping.get("rule_set") if isinstance(mapping, Mapping) else None
    if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
        raise InputError(f"rule file: 'rule_set' is {name!r}, not a word in lower case; name the rule set")
    return name


def effective_settings(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All numbers and options of a loaded rule file after overrides, in the file's names and units.

    Returns
    -------
    dict
        JSON-able; what provenance and the key of the ``score`` stage hold.

    Raises
    ------
    InputError
        As `rule_set_from_mapping`.
    """
    name = rule_set_name(mapping)
    allowed = {"rule_set", "title", "description", "sources", "numbers", "options"}
    for key in mapping:
        if key not in allowed:
            raise InputError(f"rule set '{name}': unknown key '{key}'{_nearest(str(key), sorted(allowed))}")
    settings = _settings(f"rule set '{name}'", mapping, RULE_FIELDS, overrides or {})
    where = f"rule set '{name}'"
    if settings["imi_min_s"] > settings["imi_max_s"]:
        raise InputError(f"{where}: imi_min_s = {settings['imi_min_s']} is above imi_max_s = {settings['imi_max_s']}")
    for key in ("lm_max_s", "clm_monolateral_max_s", "clm_bilateral_max_s", "clm_combined_channel_max_s"):
        if settings[key] is not None and settings[key] < settings["lm_min_s"]:
            raise InputError(f"{where}: {key} = {settings[key]} is below lm_min_s = {settings['lm_min_s']}")
    has_limits = settings["respiratory_before_s"] is not None and settings["respiratory_after_s"] is not None
    if settings["respiratory_rule"] != "none" and not has_limits:
        raise InputError(f"{where}: respiratory_before_s and respiratory_after_s have no value; give both")
    if settings["respiratory_removed_first"] and settings["respiratory_rule"] == "none":
        raise InputError(f"{where}: respiratory_removed_first = true needs a respiratory_rule")
    if settings["arousal_rule"] != "none" and settings["arousal_gap_s"] is None:
        raise InputError(f"{where}: arousal_gap_s has no value; give a number")
    if settings["assumed_duration_s"] is not None and settings["assumed_duration_s"] < settings["lm_min_s"]:
        raise InputError(f"{where}: assumed_duration_s is below lm_min_s = {settings['lm_min_s']}")
    return settings


def rule_set_from_mapping(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> RuleSet:
    """A rule set from a loaded rule file.

    Parameters
    ----------
    mapping
        The file: ``rule_set``, ``numbers`` and ``options``, each entry with value, unit and citation.
    overrides
        Values that replace those of the file, e.g. ``{"short_imi_may_start": False}``.

    Returns
    -------
    RuleSet

    Raises
    ------
    InputError
        For an unknown key (with the nearest known one), a missing number, a wrong unit, a missing citation or
        a value that is not possible.
    """
    settings = effective_settings(mapping, overrides)
    values = _in_us(settings, RULE_FIELDS)
    for key in _STATEMENTS:
        values.pop(key)
    return RuleSet(name=rule_set_name(mapping), **values)


def evidence_settings(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All numbers and options of the loaded evidence file after overrides, in the file's names and units."""
    return _settings("evidence settings", mapping, EVIDENCE_FIELDS, overrides or {})


def evidence_from_mapping(mapping: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> EvidenceSettings:
    """Evidence settings from the loaded ``evidence.yaml``; errors as `rule_set_from_mapping`."""
    return EvidenceSettings(**_in_us(evidence_settings(mapping, overrides), EVIDENCE_FIELDS))
