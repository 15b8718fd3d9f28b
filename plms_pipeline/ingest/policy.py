"""What a cohort wants done about a defect: repair it, or refuse the recording."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.findings import EdfDefect, Finding

REPAIR, REFUSE = "repair", "refuse"


def check_policy(declared: Mapping[str, object], where: str = "defects") -> dict[str, str]:
    """A reading policy, checked.

    Parameters
    ----------
    declared : mapping
        Finding code → ``repair`` (what is done anyway: repaired, left out or noted, with a finding) or ``refuse``
        (the recording fails with the reason `refused_by_policy`).
    where : str
        Stands in error messages.

    Returns
    -------
    dict
        The codes to refuse, sorted; what is repaired anyway is left out, so that it changes no key.

    Raises
    ------
    InputError
        An unknown code, another word, or `repair` for what cannot be repaired.
    """
    codes = contracts.codes("finding")
    refusable = {code for group in contracts.load_yaml("rules/reading.yaml")["defects"].values() for code in group}
    refused = []
    for code, action in declared.items():
        if code not in codes.values:
            near = difflib.get_close_matches(str(code), codes.values, n=1, cutoff=0.0)
            raise InputError(f"{where}: no finding is called {code}; did you mean {near[0]}?")
        if code not in refusable:
            raise InputError(
                f"{where}: {code} is no defect of a recording; docs/defects.md lists those that can be refused"
            )
        if action not in (REPAIR, REFUSE):
            raise InputError(f"{where}: {code} is {action!r}; write repair or refuse")
        if action == REPAIR and codes.get(code).extra["severity"] == "error":
            raise InputError(f"{where}: {code} cannot be repaired; take the line out")
        if action == REFUSE:
            refused.append(code)
    return dict.fromkeys(sorted(refused), REFUSE)


def refuse_by(policy: Mapping[str, str], findings: Iterable[Finding]) -> None:
    """Stop at the first finding that the policy refuses.

    Raises
    ------
    EdfDefect
        `refused_by_policy`, with the finding's code and text.
    """
    for found in findings:
        if policy.get(found.code) == REFUSE:
            raise EdfDefect("refused_by_policy", f"{found.code}: {found.text}")
