"""Kidney: estimated glomerular filtration rate, stage and chronicity.

Equations (published formulas): CKD-EPI 2021 creatinine and creatinine-cystatin C (Inker et al. 2021, N Engl J Med
385:1737), CKD-EPI 2012 cystatin C (Inker et al. 2012, N Engl J Med 367:20), bedside Schwartz (Schwartz et al. 2009,
J Am Soc Nephrol 20:629). Coefficients are in ``schemas/rules/clinical.yaml``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from plms_pipeline import contracts
from plms_pipeline.exposures.status import Interval

Numbers = npt.ArrayLike
Floats = npt.NDArray[np.float64]


def _equation(name: str) -> Any:
    return _declared(contracts.schema_root(), name)


@lru_cache(maxsize=16)
def _declared(root: Path, name: str) -> Any:
    return contracts.load_yaml(root / "rules" / "clinical.yaml")["rules"][name]["value"]


def _inputs(*values: Numbers) -> list[Floats]:
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    for array in arrays:
        if np.any(array <= 0):
            raise ValueError("creatinine, cystatin C, age and height must be greater than 0")
    return arrays


def _is_female(sex: Any) -> npt.NDArray[np.bool_]:
    values = np.asarray(sex)
    is_known = np.isin(values, ("female", "male"))
    if not np.all(is_known):
        other = np.atleast_1d(values)[~np.atleast_1d(is_known)][0]
        raise ValueError(f"sex must be 'female' or 'male', not {str(other)!r}; where it is missing, compute both")
    return np.asarray(values == "female")


def _creatinine_terms(creatinine: Floats, female: npt.NDArray[np.bool_], rule: dict[str, Any]) -> Floats:
    kappa = np.where(female, rule["kappa"]["female"], rule["kappa"]["male"])
    alpha = np.where(female, rule["alpha"]["female"], rule["alpha"]["male"])
    ratio = creatinine / kappa
    return np.asarray(np.minimum(ratio, 1.0) ** alpha * np.maximum(ratio, 1.0) ** rule["high"])


def _cystatin_terms(cystatin: Floats, rule: dict[str, Any]) -> Floats:
    ratio = cystatin / rule["cystatin"]
    return np.asarray(np.minimum(ratio, 1.0) ** rule["cystatin_low"] * np.maximum(ratio, 1.0) ** rule["cystatin_high"])


def egfr_ckdepi_2021(creatinine_mg_dl: Numbers, age_years: Numbers, sex: Any) -> Floats:
    """CKD-EPI 2021 eGFR from creatinine, adults (age ≥ 18).

    Parameters
    ----------
    creatinine_mg_dl, age_years
        Broadcastable arrays; NaN gives NaN.
    sex
        ``"male"`` or ``"female"``, broadcastable.

    Returns
    -------
    ndarray of float64
        mL/min/1.73 m², full precision.

    Raises
    ------
    ValueError
        For values ≤ 0 or another sex.
    """
    rule = _equation("ckdepi2021_cr")
    creatinine, age = _inputs(creatinine_mg_dl, age_years)
    female = _is_female(sex)
    terms = _creatinine_terms(creatinine, female, rule)
    return np.asarray(rule["scale"] * terms * rule["age"] ** age * np.where(female, rule["female"], 1.0))


def egfr_ckdepi_2021_crcys(creatinine_mg_dl: Numbers, cystatin_mg_l: Numbers, age_years: Numbers, sex: Any) -> Floats:
    """CKD-EPI 2021 eGFR from creatinine and cystatin C, adults; as :func:`egfr_ckdepi_2021`."""
    rule = _equation("ckdepi2021_crcys")
    creatinine, cystatin, age = _inputs(creatinine_mg_dl, cystatin_mg_l, age_years)
    female = _is_female(sex)
    terms = _creatinine_terms(creatinine, female, rule) * _cystatin_terms(cystatin, rule)
    return np.asarray(rule["scale"] * terms * rule["age"] ** age * np.where(female, rule["female"], 1.0))


def egfr_ckdepi_2012_cys(cystatin_mg_l: Numbers, age_years: Numbers, sex: Any) -> Floats:
    """CKD-EPI 2012 eGFR from cystatin C, adults; as :func:`egfr_ckdepi_2021`."""
    rule = _equation("ckdepi2012_cys")
    cystatin, age = _inputs(cystatin_mg_l, age_years)
    female = _is_female(sex)
    terms = _cystatin_terms(cystatin, rule)
    return np.asarray(rule["scale"] * terms * rule["age"] ** age * np.where(female, rule["female"], 1.0))


def egfr_schwartz(creatinine_mg_dl: Numbers, height_cm: Numbers) -> Floats:
    """Bedside Schwartz eGFR, 1 to 17 years, from creatinine (mg/dL) and height (cm)."""
    creatinine, height = _inputs(creatinine_mg_dl, height_cm)
    return np.asarray(_equation("schwartz_bedside")["scale"] * height / creatinine)


def stage_codes(egfr: Numbers, rules: dict[str, Any]) -> npt.NDArray[np.int64]:
    """KDIGO stages from unrounded values, as positions in the rule ``kdigo_stages`` (0 = G1)."""
    bounds = np.array([bound for bound, _ in rules["kdigo_stages"]])
    return np.asarray(np.searchsorted(-bounds, -np.asarray(egfr, dtype=np.float64), side="left"))


def stage_of(egfr: Interval, rules: dict[str, Any]) -> str | None:
    """KDIGO stage from the unrounded value; None when the interval covers more than one stage."""
    first, last = stage_codes([egfr.lo, egfr.hi], rules)
    return str(rules["kdigo_stages"][first][1]) if first == last else None
