"""Closed code lists: canonical values, the spellings that mean them, and values to be ignored."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline.contracts import _files
from plms_pipeline.errors import ContractError, PlmsError


class UnknownCode(PlmsError):
    """A raw value that the code list neither knows nor ignores."""

    exit_code = 2


def normal_form(raw: str) -> str:
    """Form in which spellings are compared: casefolded, outer blanks cut, inner blanks single."""
    return " ".join(raw.casefold().split())


class Code(NamedTuple):
    """One value of a code list."""

    value: str
    label: str
    aliases: tuple[str, ...]
    extra: dict[str, Any]


class CodeList(NamedTuple):
    """A closed code list of ``schemas/codes``."""

    name: str
    description: str
    codes: tuple[Code, ...]
    by_alias: dict[str, str]
    ignored: frozenset[str]

    @property
    def values(self) -> tuple[str, ...]:
        """Canonical values in the order of the file."""
        return tuple(code.value for code in self.codes)

    def get(self, value: str) -> Code:
        """Entry of a canonical value (KeyError when absent)."""
        for code in self.codes:
            if code.value == value:
                return code
        raise KeyError(value)

    def is_ignored(self, raw: str) -> bool:
        """Whether a raw value is listed as carrying no information."""
        return normal_form(raw) in self.ignored

    def encode(self, raw: str) -> str:
        """Canonical value of a raw spelling.

        Raises
        ------
        UnknownCode
            For a spelling that is not listed: an unseen value is never guessed.
        """
        try:
            return self.by_alias[normal_form(raw)]
        except KeyError:
            raise UnknownCode(f"'{raw}' is not in the code list '{self.name}' (schemas/codes)") from None


def _parse(name: str, raw: Any) -> CodeList:
    where = f"schemas/codes/{name}.yaml"
    if not isinstance(raw, dict) or raw.get("code_list") != name:
        raise ContractError(f"{where}: must begin with 'code_list: {name}'")
    if not raw.get("description"):
        raise ContractError(f"{where}: a description is missing")
    codes: list[Code] = []
    by_alias: dict[str, str] = {}
    for entry in raw.get("values", []):
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), str):
            raise ContractError(f"{where}: every value needs 'value' as text, not {entry!r}")
        value = entry["value"]
        label = entry.get("label") or entry.get("description")
        if not label:
            raise ContractError(f"{where}: value '{value}' has neither label nor description")
        aliases = tuple(str(alias) for alias in entry.get("aliases", ()))
        for spelling in (value, *aliases):
            form = normal_form(spelling)
            if by_alias.setdefault(form, value) != value:
                raise ContractError(f"{where}: '{spelling}' means both '{by_alias[form]}' and '{value}'")
        extra = {key: entry[key] for key in entry if key not in ("value", "label", "aliases")}
        codes.append(Code(value, str(label), aliases, extra))
    ignored = frozenset(normal_form(str(item)) for item in raw.get("ignored", ()))
    if both := ignored & by_alias.keys():
        raise ContractError(f"{where}: '{min(both)}' is both ignored and a value")
    if len({code.value for code in codes}) != len(codes):
        raise ContractError(f"{where}: a value stands twice")
    return CodeList(name, raw["description"], tuple(codes), by_alias, ignored)


@lru_cache(maxsize=256)
def _codes(name: str, root: Path) -> CodeList:
    return _parse(name, _files.load_yaml(root / "codes" / f"{name}.yaml"))


def codes(name: str) -> CodeList:
    """The code list ``schemas/codes/<name>.yaml``."""
    return _codes(name, _files.schema_root())


def forget() -> None:
    """Drop the remembered code lists."""
    _codes.cache_clear()
