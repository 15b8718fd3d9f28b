"""The join in plain Python: one person, one record, one day at a time.

Written from the rules as they are published to users (docs/clinical_inputs.md): windows, look-backs, units and
equations stand here as literals. Nothing of the pipeline is imported.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

NIGHT = dt.date(2024, 6, 15)
# Name in the file: class, washout in days, longer washout.
DRUGS = {
    "Zoloft 50 mg": ("ssri", 7, 14),
    "fluoxetine 20 mg cap": ("ssri", 35, 42),
    "amitriptyline": ("tca", 7, 14),
    "Abilify": ("antipsychotic", 21, 45),
    "cariprazine": ("antipsychotic", 60, 60),
    "haloperidol decanoate": ("antipsychotic", 180, 180),
    "lithium carbonate ER": ("lithium", 7, 7),
    "ferrous sulfate 325 mg": ("iron_therapy", 90, 90),
    "Venofer": ("iron_therapy", 180, 180),
    "zolpidem": ("z_drug_hypnotic", 3, 3),
    "lisinopril": (None, 0, 0),
    "moonroot extract": ("?", 180, 180),
}
CLASSES = ("ssri", "tca", "antipsychotic", "lithium", "iron_therapy", "z_drug_hypnotic", "levodopa")
DAYS = [-366, -365, -181, -180, -91, -90, -61, -60, -46, -45, -43, -42, -36, -35, -31, -30, -22, -21, -15, -14, -8, -7,
        -4, -3, -1, 0, 1, 3, 7, 8, 30, 31, 90, 91]  # fmt: skip
LABS = [
    ("ferritin", "ng/mL", 1.0), ("ferritin", "µg/L", 1.0), ("ferritin", "ug/dL", 10.0),
    ("ferritin", "pmol/L", 1 / 2.247), ("ferritin", "", None), ("ferritin", "umol/L", None),
    ("crp", "mg/L", 1.0), ("crp", "mg/dL", 10.0),
    ("creatinine", "mg/dL", 1.0), ("creatinine", "umol/L", 1 / 88.4), ("iron", "ug/dL", 1.0), ("tibc", "ug/dL", 1.0),
    ("cystatin_c", "mg/L", 1.0),
]  # fmt: skip
PLAUSIBLE = {
    "ferritin": (0.5, 20000.0), "crp": (0.0, 1000.0), "creatinine": (0.05, 50.0), "iron": (1.0, 1000.0),
    "tibc": (50.0, 1500.0), "cystatin_c": (0.1, 20.0),
}  # fmt: skip
TYPICAL = {"ferritin": 60.0, "crp": 4.0, "creatinine": 1.4, "iron": 80.0, "tibc": 320.0, "cystatin_c": 1.0}
WINDOW = {
    "ferritin": (-90, 90),
    "creatinine": (-365, 90),
    "iron": (-90, 90),
    "tibc": (-90, 90),
    "cystatin_c": (-365, 90),
}
# Condition, ICD-10 code, status as the file may hold them, and what each code says yes to.
CONDITIONS = [
    ("neuropathy", "", "yes"), ("neuropathy", "", "no"), ("neuropathy", "", ""), ("neuropathy", "G62.9", ""),
    ("neuropathy", "E11.9", ""), ("neuropathy", "E11.9", "no"), ("", "E11.42", ""), ("", "e1142", ""),
    ("", "Z99.2", ""), ("dialysis", "", "no"), ("dialysis", "", "yes"), ("", "I10", ""), ("", "G62.9", "no"),
]  # fmt: skip
CODES = {"G62.9": {"neuropathy"}, "E11.9": {"diabetes"}, "E11.42": {"neuropathy", "diabetes"}, "Z99.2": {"dialysis"}}
CODES["e1142"] = CODES["E11.42"]
Person = dict[str, Any]


def person(rng: random.Random) -> Person:
    """A random history; ``None`` is an empty cell."""
    drugs = []
    for _ in range(rng.randrange(7)):
        record: Person = {
            "name": rng.choice(list(DRUGS)),
            "type": rng.choice(["inventory", "dispensing", "order", None]),
        }
        record["start"] = rng.choice([*DAYS, None, None])
        length = rng.choice([0, 1, 5, 30, 60, 400])
        record["end"] = record["start"] + length if record["start"] is not None and rng.random() < 0.4 else None
        if record["end"] is None and rng.random() < 0.15:
            record["end"] = rng.choice(DAYS)
        record["supply"] = rng.choice([None, None, 7, 30, 90])
        record["active"] = rng.choice([None, None, "yes", "no"])
        record["collected"] = rng.choice([*DAYS, None])
        record["taken"] = rng.choice([None, None, None, "yes", "no"])
        drugs.append(record)
    draws = []
    for _ in range(rng.randrange(9)):
        analyte, unit, factor = rng.choice(LABS)
        value = TYPICAL[analyte] * rng.choice([0.0001, 0.2, 0.5, 0.9, 1.1, 2.0, 4.0, 1000.0])
        sign = rng.choice(["", "", "", "", "<", ">"])
        draws.append({
            "analyte": analyte, "unit": unit, "factor": factor, "sign": sign, "day": rng.choice([*DAYS, None]),
            "value": float(f"{value / (factor or 1.0):.6g}"),
        })  # fmt: skip
    ills = [(*rng.choice(CONDITIONS), rng.choice([*DAYS, -4000, None])) for _ in range(rng.choice([0, 0, 1, 2]))]
    return {
        "drugs": drugs,
        "draws": draws,
        "ills": ills,
        "inventory": rng.choice([None, ("yes", 0), ("yes", 30), ("yes", 31), ("yes", -30), ("no", 0), ("yes", None)]),
        "age": rng.choice([17, 18, 45, 63, 88, 90]),
        "sex": rng.choice(["male", "female", "female", "male", None]),
        "height": rng.choice([None, 160]),
    }


def answer_of_record(record: Person, washout: int) -> str:
    """Whether one record says that the drug acted on the night."""
    start, end, collected = record["start"], record["end"], record["collected"]
    on_list = record["type"] in (None, "inventory") and record["active"] != "no"
    if start is not None and start > 0:
        return "no"
    if on_list and end is None and record["supply"] is None:
        if collected is None:
            return "unknown"
        if -30 <= collected <= 30:
            return "yes"
        if start is None:
            return "unknown"
        # Written down far from the night: it can still show that use reached it, never that it did not.
        return "yes" if _days_meet(start, max(collected, start), washout) else "unknown"
    if end is None and start is not None and record["supply"] is not None:
        end = start + record["supply"]
    if end is None and (record["active"] == "yes" or on_list):
        end = collected if start is None or collected is None else max(collected, start)
    if start is not None and end is not None and end < start:
        return "unknown"
    if end is not None and end < -washout:
        return "no"
    if start is not None and end is not None:
        return "yes" if _days_meet(start, end, washout) else "no"
    if start is not None:
        return "yes" if -washout <= start <= 0 else "unknown"
    if end is not None:
        return "yes" if end <= 0 else "unknown"
    return "unknown"


def _days_meet(start: int, end: int, washout: int) -> bool:
    if -washout <= start <= 0:
        return True
    return any(-washout <= day <= 0 for day in range(start, min(end, 0) + 1))


def exposures(one: Person) -> dict[str, tuple[str, str]]:
    """Class → exposed and exposed with the longer washout."""
    has_list = one["inventory"] is not None and one["inventory"][0] == "yes" and one["inventory"][1] is not None
    complete = has_list and -30 <= one["inventory"][1] <= 30
    strange = any(
        DRUGS[record["name"]][0] == "?" and record["taken"] != "no" and answer_of_record(record, 180) != "no"
        for record in one["drugs"]
    )
    result = {}
    for class_id in CLASSES:
        both = []
        for which in (1, 2):
            said = [
                answer_of_record(record, DRUGS[record["name"]][which])
                for record in one["drugs"]
                if DRUGS[record["name"]][0] == class_id and record["taken"] != "no"
            ]
            if "yes" in said or "unknown" in said:
                both.append("yes" if "yes" in said else "unknown")
            else:
                both.append("no" if complete and not strange else "unknown")
        result[class_id] = (both[0], both[1])
    return result


def _usable(draw: Person) -> tuple[float, float] | None:
    """Interval of a draw in the unit of its analyte, None for one that says nothing."""
    if draw["factor"] is None:
        return None
    value = draw["value"] * draw["factor"]
    low, high = PLAUSIBLE[draw["analyte"]]
    if not low <= value <= high:
        return None
    return {"": (value, value), "<": (0.0, value), ">": (value, math.inf)}[draw["sign"]]


def nearest(one: Person, analyte: str, window: tuple[int, int], around: int = 0) -> tuple[int, float, float] | None:
    """Day, least and greatest value: walk outward from a day, earlier before later."""
    by_day: dict[int, list[tuple[float, float]]] = {}
    for draw in one["draws"]:
        found = _usable(draw)
        if draw["analyte"] == analyte and draw["day"] is not None and found is not None:
            by_day.setdefault(draw["day"], []).append(found)
    for distance in range(470):
        for day in (around - distance, around + distance):
            if day in by_day and window[0] <= day - around <= window[1]:
                return day, min(lo for lo, _ in by_day[day]), max(hi for _, hi in by_day[day])
    return None


def ferritin(one: Person) -> tuple[int | None, float | None, float | None]:
    """Day, least and greatest ferritin; without values where iron was begun between draw and night."""
    found = nearest(one, "ferritin", WINDOW["ferritin"])
    if found is None:
        return None, None, None
    day, lo, hi = found
    iron = [r for r in one["drugs"] if DRUGS[r["name"]][0] == "iron_therapy" and r["taken"] != "no"]
    begun = any(r["start"] is not None and min(day, 0) <= r["start"] <= max(day, 0) for r in iron)
    unplaced = any(r["start"] is None for r in iron) and exposures(one)["iron_therapy"][0] == "yes"
    if day != 0 and (begun or unplaced):
        return day, None, None
    return day, lo, hi


def crp(one: Person) -> tuple[int, float, float] | None:
    """CRP within a week of the ferritin draw, else the nearest one."""
    day = ferritin(one)[0]
    return nearest(one, "crp", (-97, 97)) if day is None else nearest(one, "crp", (-7, 7), around=day)


def tsat(one: Person) -> tuple[int, float, float] | None:
    """Transferrin saturation of the nearest day with iron and TIBC, percent."""
    pairs: Person = {"draws": []}
    for day in {draw["day"] for draw in one["draws"] if draw["day"] is not None}:
        iron, tibc = (nearest(one, name, (0, 0), around=day) for name in ("iron", "tibc"))
        if iron and tibc and -90 <= day <= 90:
            lo = 100 * iron[1] / tibc[2] if math.isfinite(tibc[2]) else 0.0
            hi = 100 * iron[2] / tibc[1] if tibc[1] > 0 else math.inf
            single = iron[1] == iron[2] and tibc[1] == tibc[2]
            if (lo if not single else hi) <= 100.0:
                pairs["draws"].append((abs(day), day, lo, hi))
    if not pairs["draws"]:
        return None
    _, day, lo, hi = min(pairs["draws"])
    return day, lo, hi


def condition(one: Person, name: str) -> str:
    """Whether a condition was present: a yes lasts, a no grows old in a year, later than 30 days does not count."""
    said = []
    for named, code, status, day in one["ills"]:
        about = {named} if named else CODES.get(code, set())
        if name not in about or (day is not None and day > 30):
            continue
        answer = status if named and status else "yes" if name in CODES.get(code, set()) and status != "no" else ""
        if answer == "yes" or (answer == "no" and (day is None or day >= -365)):
            said.append(answer)
    if said:
        return "yes" if "yes" in said else "no"
    kidney = _bounds(one)
    return "no" if name == "dialysis" and kidney is not None and kidney[0] >= 30 else "unknown"


def _egfr(creatinine: float, age: float, sex: str, height: float | None) -> float:
    if creatinine == 0:
        return math.inf
    if math.isinf(creatinine):
        return 0.0
    if height is not None:
        return 0.413 * height / creatinine
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
    ratio = creatinine / kappa
    return 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age * factor


def egfr(one: Person) -> tuple[float | None, float | None, str | None]:
    """Least and greatest eGFR of a person with a completed age, and the stage if there is only one."""
    if condition(one, "dialysis") == "yes":
        return None, None, "G5D"
    found = _bounds(one)
    if found is None:
        return None, None, None
    stages = {_stage(value) for value in found}
    return *found, stages.pop() if len(stages) == 1 else None


def _bounds(one: Person) -> tuple[float, float] | None:
    found = nearest(one, "creatinine", WINDOW["creatinine"])
    if found is None or (one["age"] < 18 and one["height"] is None):
        return None
    _, lo, hi = found
    ages = (90, 105) if one["age"] == 90 else (one["age"], one["age"] + 1)
    height = one["height"] if one["age"] < 18 else None
    sexes = [one["sex"]] if one["sex"] else ["male", "female"]
    values = [_egfr(value, age, sex, height) for value in (lo, hi) for age in ages for sex in sexes]
    return min(values), max(values)


def _stage(value: float) -> str:
    for bound, stage in ((90, "G1"), (60, "G2"), (45, "G3a"), (30, "G3b"), (15, "G4")):
        if value >= bound:
            return stage
    return "G5"


def date(day: int | None) -> str:
    """A day relative to the night as a cell."""
    return "" if day is None else (NIGHT + dt.timedelta(days=day)).isoformat()


def files(people: list[Person]) -> dict[str, str]:
    """The clinical tables of people ``s0``, ``s1``, … as CSV texts, rows in random order."""
    rng = random.Random(7)
    medication, laboratory = [], []
    for at, one in enumerate(people):
        for r in one["drugs"]:
            cells = [f"s{at}", r["name"], r["type"], date(r["start"]), date(r["end"]), r["supply"], r["active"]]
            medication.append([*cells, date(r["collected"]), r["taken"]])
        for draw in one["draws"]:
            value = f"{draw['sign']}{draw['value']}"
            laboratory.append([f"s{at}", draw["analyte"], value, draw["unit"], date(draw["day"])])
    rng.shuffle(medication)
    rng.shuffle(laboratory)
    inventory = [
        [f"s{at}", p["inventory"][0], date(p["inventory"][1])] for at, p in enumerate(people) if p["inventory"]
    ]
    people_rows = [[f"s{at}", p["age"], p["sex"], p["height"]] for at, p in enumerate(people)]
    ills = [[f"s{at}", *ill[:3], date(ill[3])] for at, p in enumerate(people) for ill in p["ills"]]
    headers = {
        "condition": "subject_id,condition,icd10,status,recorded_date",
        "demographics": "subject_id,age_years,sex,height_cm",
        "medication": "subject_id,medication,record_type,use_start_date,use_end_date,days_supply,active,"
        "collected_date,taken",
        "inventory": "subject_id,complete,collected_date",
        "laboratory": "subject_id,analyte,value,unit,collected_date",
    }
    rows = {"demographics": people_rows, "medication": medication, "inventory": inventory, "laboratory": laboratory}
    rows["condition"] = ills
    return {
        name: "\n".join([header, *(",".join("" if c is None else str(c) for c in row) for row in rows[name])]) + "\n"
        for name, header in headers.items()
    }
