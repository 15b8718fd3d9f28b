"""Rule sets, detector settings and evidence parameters from their files, with what the user overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from plms_pipeline import contracts, emg, scoring
from plms_pipeline.errors import InputError


def load_rule_sets(
    names: Sequence[str], overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[scoring.RuleSet, ...]:
    """Rule sets by name (``schemas/rules``) or by path (with ``/`` or ending in ``.yaml``).

    Parameters
    ----------
    names
        One or more, no rule set twice.
    overrides
        Rule set → option → value.

    Raises
    ------
    InputError
        For an unknown name, key or option, a missing or an impossible number.
    """
    found = [
        scoring.rule_set_from_mapping(mapping, (overrides or {}).get(mapping["rule_set"]))
        for mapping in rule_files(names, overrides)
    ]
    return tuple(found)


def rule_files(
    names: Sequence[str], overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Mapping[str, Any]]:
    """The loaded rule files behind the names, checked for repeated names and for overrides of absent rule sets."""
    mappings: list[Mapping[str, Any]] = []
    for name in (text.strip() for text in names):
        if "/" in name or name.endswith((".yaml", ".yml")):
            mappings.append(contracts.load_yaml(Path(name).resolve()))
            continue
        known = available_rule_sets()
        if name not in known:
            raise InputError(
                f"rule set '{name}' is unknown; known are {', '.join(known)}, or give a path to a rule file"
            )
        mappings.append(contracts.load_yaml(f"rules/{name}.yaml"))
    given = [scoring.rule_set_name(mapping) for mapping in mappings]
    if repeated := [name for name in given if given.count(name) > 1]:
        raise InputError(f"rule set '{repeated[0]}' is asked for twice; name each once")
    if not given:
        raise InputError("no rule set is named; give at least one, for example wasm2016")
    if strange := sorted(set(overrides or {}) - set(given)):
        raise InputError(f"an option of rule set '{strange[0]}' is set, but only {', '.join(given)} are scored")
    return mappings


def rule_set_file(name: str) -> Path:
    """The file behind a name or path as `rule_files` takes it."""
    text = name.strip()
    if "/" in text or text.endswith((".yaml", ".yml")):
        return Path(text)
    return contracts.schema_root() / "rules" / f"{text}.yaml"


def available_rule_sets() -> list[str]:
    """Names of the rule sets under ``schemas/rules``, sorted."""
    found = (contracts.load_yaml(f"rules/{name}.yaml") for name in contracts.names("rules"))
    return sorted(mapping["rule_set"] for mapping in found if isinstance(mapping, dict) and "rule_set" in mapping)


def load_detector(overrides: Mapping[str, Any] | None = None) -> emg.Detector:
    """Detector settings of ``schemas/rules/detector_emg.yaml`` with some of them replaced.

    Raises
    ------
    InputError
        For a name that is no setting (the nearest is named) or a value of another kind.
    """
    return emg.Detector(**_values("detector_emg", overrides))


def load_piezo_detector(overrides: Mapping[str, Any] | None = None) -> emg.PiezoDetector:
    """Settings of ``schemas/rules/detector_piezo.yaml`` with some of them replaced; errors as `load_detector`."""
    return emg.PiezoDetector(**_values("detector_piezo", overrides))


def load_signal_checks() -> emg.SignalChecks:
    """Numbers of the findings about the signal (``schemas/rules/signal_findings.yaml``)."""
    return emg.SignalChecks(**_values("signal_findings", None))


def _values(name: str, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    rules = contracts.load_yaml(f"rules/{name}.yaml")["rules"]
    declared = {key: entry["value"] for key, entry in rules.items()}
    for key, value in (overrides or {}).items():
        if key not in declared:
            near = get_close_matches(key, declared, n=1, cutoff=0.0)[0]
            raise InputError(f"{name}: '{key}' is no setting; did you mean '{near}'?")
        if isinstance(declared[key], str) != isinstance(value, str) or isinstance(value, bool):
            raise InputError(f"{name}: {key} = {value!r} is not possible; the default is {declared[key]!r}")
        if "choices" in rules[key] and value not in rules[key]["choices"]:
            raise InputError(f"{name}: {key} = {value!r} is not possible; choose {' or '.join(rules[key]['choices'])}")
        declared[key] = value
    return {key: tuple(value) if isinstance(value, list) else value for key, value in declared.items()}


def load_evidence() -> scoring.EvidenceSettings:
    """Parameters of evidence classes and descriptive indices (``schemas/rules/evidence.yaml``)."""
    return scoring.evidence_from_mapping(contracts.load_yaml("rules/evidence.yaml"))


def effective_evidence() -> dict[str, Any]:
    """The parameters of `load_evidence` in the names and units of the file."""
    return scoring.evidence_settings(contracts.load_yaml("rules/evidence.yaml"))
