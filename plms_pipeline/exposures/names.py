"""From the text or code of a medicine to its classes: exact, never fuzzy.

A name is compared as the set of its words after case, strength, form and salt are set aside; the whole set must be an
ingredient or a brand, or several ingredients that leave no word over. What a name hides (the antihistamine of an
analgesic "PM") is told by ``schemas/rules/medication_names.yaml``. Codes and names come from
``schemas/codes/medication_classes.csv`` (ATC: WHO Collaborating Centre for Drug Statistics Methodology).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from statistics import mode
from typing import NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError

_WORDS = re.compile(r"[^\W_]+|%", re.UNICODE)
_NUMBER = re.compile(r"^\d+(?:[a-zµμ%]{1,4})?$")
_ATC = re.compile(r"^[A-Z]\d{2}[A-Z](?:[A-Z](?:\d{2})?)?$")
_FULL_CODE = len("N06AB03")
_COMPONENTS = re.compile(r"\s*(?:\bw/|[+/;&,]|\band\b|\bwith\b)\s*", re.IGNORECASE)
_PARENTHESIS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_CLOCK = re.compile(r"\b(?:1[0-2]|0?[1-9])(?::\d\d)?\s*[ap]\.?m\b\.?", re.IGNORECASE)
_PM = re.compile(r"\bp\.\s?m\b\.?", re.IGNORECASE)
_STRENGTH_MG = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*mg\b", re.IGNORECASE)
NOT_OF_INTEREST = "not_of_interest"
_MATCH_KINDS = ("exact", "prefix", "exclude", "")


class MedicationRow(NamedTuple):
    """One row of the class table."""

    class_id: str
    direction: str
    ingredient: str
    atc_code: str
    atc_match: str
    names: tuple[str, ...]
    lookback_d: int
    lookback_sensitivity_d: int
    subflag: str
    subflag_most_mg_d: float | None


class Hit(NamedTuple):
    """A class or sub-flag that a record belongs to, with the look-back of its drug in days.

    ``most_mg`` is the daily dose up to which it belongs there (None: any dose).
    """

    class_id: str
    lookback_d: int
    lookback_sensitivity_d: int
    most_mg: float | None = None


class Match(NamedTuple):
    """Classes of a record, how they were reached, and what could not be assigned (text, cause).

    ``strength_mg`` is the strength that the name states, None without one or with several.
    """

    hits: tuple[Hit, ...]
    quality: str | None
    unmapped: tuple[tuple[str, str], ...]
    strength_mg: float | None = None


class NameRules(NamedTuple):
    """What a name says beyond its ingredients: words that hide one, and names told by a pattern."""

    hidden: tuple[tuple[frozenset[str], frozenset[str], str], ...]
    patterns: tuple[tuple[re.Pattern[str], str], ...]


def _hits(rows: Iterable[MedicationRow]) -> tuple[Hit, ...]:
    found: dict[str, Hit] = {}
    for row in rows:
        if row.class_id == NOT_OF_INTEREST:
            continue
        for class_id, most_mg in ((row.class_id, None), (row.subflag, row.subflag_most_mg_d)):
            if class_id:
                _merge(found, Hit(class_id, row.lookback_d, row.lookback_sensitivity_d, most_mg))
    return tuple(found.values())


def _merge(found: dict[str, Hit], hit: Hit) -> None:
    """Keep the longest look-backs of a class, and its widest dose."""
    other = found.get(hit.class_id, hit)
    doses = (hit.most_mg, other.most_mg)
    found[hit.class_id] = Hit(
        hit.class_id,
        max(hit.lookback_d, other.lookback_d),
        max(hit.lookback_sensitivity_d, other.lookback_sensitivity_d),
        None if None in doses else max(dose for dose in doses if dose is not None),
    )


def _strength_mg(text: str) -> float | None:
    found = _STRENGTH_MG.findall(text)
    return float(found[0]) if len(found) == 1 else None


class MedicationTable:
    """The class table, indexed by code and by name."""

    def __init__(self, rows: tuple[MedicationRow, ...], tokens: dict[str, str], rules: NameRules) -> None:
        self.rows = rows
        self._tokens = tokens
        self._rules = rules
        self._ingredients: dict[frozenset[str], str] = {}
        self._by_name: dict[frozenset[str], dict[MedicationRow, None]] = {}
        self._by_loose_name: dict[frozenset[str], dict[MedicationRow, None]] = {}
        for row in rows:
            for name in row.names:
                self._by_name.setdefault(self.words(name), {})[row] = None
                if loose := self.words(name, salts=False):
                    self._by_loose_name.setdefault(loose, {})[row] = None
            for name in filter(None, (name.strip() for name in row.ingredient.split("|"))):
                self._ingredients.setdefault(self.words(name, salts=False) or self.words(name), name)
        self._longest_lookback_d = max(max(row.lookback_d, row.lookback_sensitivity_d) for row in rows)
        self._classes = self._find_classes()
        self._lookbacks = {
            name: tuple(mode(days) for days in zip(*self._days(name), strict=True)) for name in self._classes
        }
        self._match_name = lru_cache(maxsize=65536)(self._name)
        self._match_code = lru_cache(maxsize=65536)(self._code)

    def classes(self) -> dict[str, tuple[str | None, str]]:
        """Class or sub-flag → (parent class or None, direction): classes in the order of the table, then sub-flags."""
        return self._classes

    def parents(self) -> tuple[tuple[int, int], ...]:
        """(sub-flag, its class) as positions in :meth:`classes`."""
        place = {name: at for at, name in enumerate(self._classes)}
        return tuple((place[name], place[parent]) for name, (parent, _) in self._classes.items() if parent)

    def longest_lookback_d(self) -> int:
        """The longest look-back of any drug, for a medicine that could be any."""
        return self._longest_lookback_d

    def _days(self, class_id: str) -> list[tuple[int, int]]:
        return [
            (row.lookback_d, row.lookback_sensitivity_d) for row in self.rows if class_id in (row.class_id, row.subflag)
        ]

    def _find_classes(self) -> dict[str, tuple[str | None, str]]:
        found: dict[str, tuple[str | None, str]] = {}
        rows = [row for row in self.rows if row.class_id != NOT_OF_INTEREST]
        for row in rows:
            found.setdefault(row.class_id, (None, row.direction))
        for row in rows:
            if row.subflag:
                found.setdefault(row.subflag, (row.class_id, row.direction))
        return found

    def lookback(self, class_id: str) -> tuple[int, int]:
        """Most frequent look-back of a class or sub-flag in days (washout, sensitivity), for a record by class only."""
        usual, longer = self._lookbacks[class_id]
        return usual, longer

    def words(self, text: str, *, salts: bool = True) -> frozenset[str]:
        """Words of a name that tell the ingredient: without numbers, strength, form and (``salts=False``) salts."""
        return frozenset(
            word
            for word in _WORDS.findall(text.casefold())
            if not _NUMBER.match(word)
            and (category := self._tokens.get(word)) not in ("strength", "form")
            and (salts or category != "salt")
        )

    def match(
        self,
        text: str | None,
        atc_code: str | None,
        class_id: str | None,
        rxcui: str | None = None,
        rxnorm_name: str | None = None,
    ) -> Match:
        """Classes of a record: by the cohort's class, else by its codes and its name.

        Parameters
        ----------
        text
            Name as written down, or None.
        atc_code
            ATC code of the fourth or fifth level, or None. A code that is known still takes the classes of the name:
            the code of a combination (N02BE, R05) hides an antihistamine inside it.
        class_id
            Class the cohort's own column stands for, or None.
        rxcui, rxnorm_name
            RxNorm concept, and its name by the user's own copy of RxNorm (None: not in it).

        Returns
        -------
        Match
            ``unmapped`` is empty exactly when the record was assigned (to classes, or to none of them).
        """
        text = (text or "").strip()
        if class_id:
            parent = self._classes.get(class_id, (None, ""))[0]
            return Match(
                tuple(Hit(name, *self.lookback(name)) for name in (class_id, parent) if name),
                "cohort_flag",
                (),
            )
        by_code = [self._match_code(atc_code.replace(" ", "").upper())] if atc_code else []
        if rxnorm_name:
            by_code.append(self._match_name(rxnorm_name))
        elif rxcui:
            by_code.append(Match((), None, ((rxcui, "rxcui_not_listed"),)))
        by_name = [self._match_name(text)] if text else []
        mapped = [match for match in (*by_code, *by_name) if not match.unmapped]
        if not mapped:
            partly = [match for match in (*by_name, *by_code) if match.hits]
            return (partly or by_code or by_name or [Match((), None, (("", "empty"),))])[0]
        is_by_code = any(match in by_code for match in mapped)
        merged: dict[str, Hit] = {}
        for match in (*by_code, *by_name) if is_by_code else mapped:
            for hit in match.hits:
                _merge(merged, hit)
        strengths = [match.strength_mg for match in mapped if match.strength_mg is not None]
        quality = "exact_code" if is_by_code else "exact_name"
        return Match(tuple(merged.values()), quality, (), strengths[0] if strengths else None)

    def _code(self, code: str) -> Match:
        if not _ATC.match(code):
            return Match((), None, ((code, "not_an_atc_code"),))
        excluded = {row.class_id for row in self.rows if row.atc_match == "exclude" and row.atc_code == code}
        exact = [row for row in self.rows if row.atc_match == "exact" and row.atc_code == code]
        named = {row.class_id for row in exact}
        below = [
            row
            for row in self.rows
            if row.atc_match == "prefix" and code.startswith(row.atc_code) and row.class_id not in named | excluded
        ]
        rows = [row for row in exact if row.class_id not in excluded] + below
        if not rows and len(code) < _FULL_CODE and any(row.atc_code.startswith(code) for row in self.rows):
            return Match((), None, ((code, "code_too_short"),))
        return Match(_hits(rows), "exact_code", ())

    def _whole(self, text: str) -> tuple[MedicationRow, ...]:
        """Rows of a text that is one name, or several ingredients without a word left over; () when it is neither."""
        words, loose = self.words(text), self.words(text, salts=False)
        whole = tuple(self._by_name.get(words) or (self._by_loose_name.get(loose) if loose else None) or ())
        return whole or self._several(loose)

    def _several(self, words: frozenset[str]) -> tuple[MedicationRow, ...]:
        inside = [name for name in self._ingredients if name <= words]
        inside.sort(key=lambda name: (-len(name), sorted(name)))
        rows: dict[MedicationRow, None] = {}
        left = words
        for name in inside:
            if name <= left:
                left -= name
                rows.update(dict.fromkeys(self._by_name.get(name) or self._by_loose_name.get(name) or {}))
        return () if left else tuple(rows)

    def _name(self, text: str) -> Match:
        for pattern, name in self._rules.patterns:
            if pattern.search(text.casefold()):
                text = name
        strength = _strength_mg(text)
        text = _PM.sub("pm", _CLOCK.sub(" ", text))
        if any(self._tokens.get(word) == "topical" for word in self.words(text)):
            return Match((), "exact_name", ())
        if rows := self._whole(text):
            return Match(_hits(rows), "exact_name", (), strength)
        for tokens, ingredients, class_id in self._rules.hidden:
            words = self.words(text)
            if words & tokens:
                rest = " ".join(sorted(words - tokens))
                rows = self._whole(rest)
                if rows:
                    hides = bool({row.ingredient.split("|")[0] for row in rows} & ingredients)
                    hidden = (Hit(class_id, *self.lookback(class_id)),) if hides else ()
                    return Match((*_hits(rows), *hidden), "exact_name", (), strength)
        return self._parts(text, strength)

    def _parts(self, text: str, strength: float | None) -> Match:
        """A combination, part by part, with its synonyms in brackets."""
        synonyms = [part for group in _PARENTHESIS.findall(text) for part in _COMPONENTS.split(group)]
        synonyms = [part for part in synonyms if self.words(part)]
        outer = [part for part in _COMPONENTS.split(_PARENTHESIS.sub(" ", text)) if self.words(part)]
        matched: dict[MedicationRow, None] = {}
        unmapped: list[tuple[str, str]] = []
        for part in outer:
            found = self._whole(part)
            matched.update(dict.fromkeys(found))
            if not found:
                unmapped.append((part.strip() if len(outer) > 1 else text, "name_not_listed"))
        ingredients = {row.ingredient for row in matched}
        for part in synonyms:
            named = {row.ingredient for row in self._whole(part)}
            if not named or not named <= ingredients:
                return Match((), None, ((text, "ambiguous"),))
        if not outer:
            unmapped.append((text, "name_not_listed"))
        return Match(_hits(matched), "exact_name" if matched else None, tuple(unmapped), strength)


def _rules() -> NameRules:
    raw = contracts.load_yaml("rules/medication_names.yaml")
    return NameRules(
        tuple(
            (frozenset(entry["words"]), frozenset(entry["beside"]), str(entry["class_id"])) for entry in raw["hidden"]
        ),
        tuple((re.compile(entry["pattern"]), str(entry["name"])) for entry in raw["patterns"]),
    )


@lru_cache(maxsize=4)
def _table(root: Path) -> MedicationTable:
    rows: list[MedicationRow] = []
    for line, raw in enumerate(contracts.load_csv("codes/medication_classes.csv"), start=1):
        if raw["atc_match"] not in _MATCH_KINDS:
            raise ContractError(f"schemas/codes/medication_classes.csv, row {line}: atc_match '{raw['atc_match']}'")
        names = [name.strip() for key in ("ingredient", "brand_us", "brand_eu") for name in raw[key].split("|")]
        rows.append(
            MedicationRow(
                raw["class_id"],
                raw["direction"],
                raw["ingredient"],
                raw["atc_code"],
                raw["atc_match"],
                tuple(name for name in names if name),
                int(raw["lookback_days"]),
                int(raw["lookback_days_sensitivity"]),
                raw["subflag"],
                float(raw["subflag_most_mg_d"]) if raw["subflag_most_mg_d"] else None,
            )
        )
    tokens = {
        spelling: code.value
        for code in contracts.codes("medication_name_token").codes
        for spelling in (contracts.normal_form(alias) for alias in code.aliases)
    }
    return MedicationTable(tuple(rows), tokens, _rules())


def medication_table() -> MedicationTable:
    """The class table of the declarations in use."""
    return _table(contracts.schema_root())
