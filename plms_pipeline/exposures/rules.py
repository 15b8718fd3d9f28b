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
        For a name that is not declared, a rule that is fixed, or a value of another kind than the declared one.
    ContractError
        When a declared rule has no source.
    """
    declared = contracts.load_yaml(_FILE)["rules"]
    for name, entry in declared.items():
        if set(entry) - {"fixed"} != {"value", "source"} or not entry["source"]:
            raise ContractError(f"schemas/{_FILE}: rule '{name}' needs 'value' and 'source', and nothing but 'fixed'")
    rules = {name: copy.deepcopy(entry["value"]) for name, entry in declared.items()}
    for name, value in (changes or {}).items():
        if name not in rules:
            raise InputError(f"clinical settings: unknown name '{name}'{nearest(name, rules)}; correct it")
        if declared[name].get("fixed") and value != rules[name]:
            raise InputError(f"clinical settings: '{name}' defines columns of the tables and is fixed; leave it out")
        rules[name] = _checked(name, value, rules[name])
    _check_names(rules)
    if rules["phenotype_rule_set"] not in rules["rule_sets_reported"]:
        raise InputError(
            f"clinical settings: phenotype_rule_set '{rules['phenotype_rule_set']}' is none of "
            f"{', '.join(rules['rule_sets_reported'])}; choose one of them"
        )
    indices = rules["rule_sets_reported"][rules["phenotype_rule_set"]]
    if rules["phenotype_index"] not in indices:
        raise InputError(
            f"clinical settings: phenotype_index '{rules['phenotype_index']}' is not reported for rule set "
            f"'{rules['phenotype_rule_set']}'; choose {' or '.join(indices)}"
        )
    missing = set(declared["exclusion_lists"]["value"]) - set(rules["exclusion_lists"])
    if missing:
        raise InputError(f"clinical settings: exclusion_lists lacks '{min(missing)}'; both lists are reported, add it")
    if rules["exclusion_list"] not in rules["exclusion_lists"]:
        raise InputError(
            f"clinical settings: exclusion_list '{rules['exclusion_list']}' is none of "
            f"{', '.join(rules['exclusion_lists'])}; choose one of them"
        )
    return rules


def _check_names(rules: Mapping[str, Any]) -> None:
    """Every word that names something of the data model must be one of its words."""
    classes = contracts.codes("medication_class").values
    bases = contracts.codes("plms_basis").values
    exclusions = contracts.load_yaml(_FILE)["rules"]["exclusion_lists"]["value"]["strict"]
    allowed: list[tuple[str, Any, Any]] = [
        *((name, rules[name], classes) for name in ("medication_factor", "medication_factor_broad", "suppressors")),
        ("rule_sets_reported", rules["rule_sets_reported"], bases),
        ("needs_respiratory", rules["needs_respiratory"], bases),
        ("plmd_rule_set", [rules["plmd_rule_set"]], bases),
        ("clinical_disturbance", rules["clinical_disturbance"], contracts.codes("atomic_input").values),
        ("factors", rules["factors"], contracts.codes("secondary_factor").values),
        ("sdb_factor", [rules["sdb_factor"]], ("sdb_15", "sdb_5")),
        ("iron_deficiency_from", [rules["iron_deficiency_from"]], ("ferritin_lt50", "ferritin_lt50_crp")),
        ("phenotype_index", [rules["phenotype_index"]], ("plmsi", "plmsi_nr")),
        *((f"exclusion_lists.{name}", words, exclusions) for name, words in rules["exclusion_lists"].items()),
    ]
    for name, words, known in allowed:
        for word in words:
            if word not in known:
                raise InputError(f"clinical settings: '{name}' names '{word}', which is unknown{nearest(word, known)}")


def _checked(name: str, value: Any, declared: Any) -> Any:
    number = isinstance(declared, int | float) and not isinstance(declared, bool)
    if number and isinstance(value, int | float) and not isinstance(value, bool):
        return type(declared)(value)
    if type(value) is not type(declared):
        raise InputError(f"clinical settings: '{name}' must be of the kind of {declared!r}, not {value!r}; correct it")
    return value
