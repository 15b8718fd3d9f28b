"""Clinical settings: the numbers and named choices of ``schemas/rules/clinical.yaml``, with a cohort's own changes."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError

_FILE = "rules/clinical.yaml"


def nearest(word: str, known: Any) -> str:
    """The most similar of the known words as ``", did you mean 'x'?"``, or nothing."""
    found = difflib.get_close_matches(str(word), [str(item) for item in known], n=1, cutoff=0.5)
    return f" (nearest: '{found[0]}')" if found else ""


def clinical_rules(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All clinical rules by name, with changes applied.

    Parameters
    ----------
    changes
        Values that differ from the declared ones, by their names there (``clinical:`` of a COHORT.yaml).

    Returns
    -------
    dict
        Name → value; a new dict each time.

    Raises
    ------
    InputError
        For a name that is not declared, or a value of another kind than the declared one.
    ContractError
        When a declared rule has no source.
    """
    declared = contracts.load_yaml(_FILE)["rules"]
    for name, entry in declared.items():
        if set(entry) != {"value", "source"} or not entry["source"]:
            raise ContractError(f"schemas/{_FILE}: rule '{name}' needs exactly 'value' and 'source'")
    rules = {name: copy.deepcopy(entry["value"]) for name, entry in declared.items()}
    for name, value in (changes or {}).items():
        if name not in rules:
            raise InputError(f"clinical settings: unknown name '{name}'{nearest(name, rules)}; correct it")
        rules[name] = _checked(name, value, rules[name])
    if rules["phenotype_rule_set"] not in rules["rule_sets_reported"]:
        raise InputError(
            f"clinical settings: phenotype_rule_set '{rules['phenotype_rule_set']}' is none of "
            f"{', '.join(rules['rule_sets_reported'])}; choose one of them"
        )
    if rules["exclusion_list"] not in rules["exclusion_lists"]:
        raise InputError(
            f"clinical settings: exclusion_list '{rules['exclusion_list']}' is none of "
            f"{', '.join(rules['exclusion_lists'])}; choose one of them"
        )
    return rules


def _checked(name: str, value: Any, declared: Any) -> Any:
    number = isinstance(declared, int | float) and not isinstance(declared, bool)
    if number and isinstance(value, int | float) and not isinstance(value, bool):
        return type(declared)(value)
    if type(value) is not type(declared):
        raise InputError(f"clinical settings: '{name}' must be of the kind of {declared!r}, not {value!r}; correct it")
    return value
