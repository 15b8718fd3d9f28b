"""Settings of a cohort run: COHORT.yaml, SITE.yaml, ``PLMS_*`` environment and command line, declared in
``schemas/settings.yaml``."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError

WORD = re.compile(r"[a-z][a-z0-9_]*\Z")
# Other parts of the package read these; they are no settings of a run.
OTHER_ENVIRONMENT = frozenset({"PLMS_CACHE_DIR", "PLMS_SHARED_DATA", "PLMS_IDENTIFIER_KEY"})


class Setting(NamedTuple):
    """One declared key of COHORT.yaml or SITE.yaml."""

    name: str
    kind: str
    files: tuple[str, ...]
    type: str
    default: Any
    required: bool
    values: tuple[str, ...]
    min: float | None
    max: float | None
    description: str


@dataclass(frozen=True)
class CohortSettings:
    """All settings of one run, checked; paths are absolute.

    ``values`` maps every declared name (dotted for groups) to its value, ``origin`` to where the value came
    from (``command line``, ``environment``, a file name, or ``default``).
    """

    source: Path
    values: Mapping[str, Any]
    origin: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        # Only called for names that are no field; the groups are read through group().
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        raise AttributeError(name)

    def group(self, prefix: str) -> dict[str, Any]:
        """The keys of one group without their prefix: ``group("channels")["left"]``."""
        head = prefix + "."
        return {name[len(head) :]: value for name, value in self.values.items() if name.startswith(head)}

    @property
    def is_local(self) -> bool:
        """Whether the cluster's workers are processes of this machine."""
        return self.address is None and self.cluster_class == "distributed.LocalCluster"

    def science(self) -> dict[str, Any]:
        """The settings that may change a number, by name; they enter the keys of the work store."""
        return {s.name: self.values[s.name] for s in declared().values() if s.kind == "science"}


@cache
def declared() -> dict[str, Setting]:
    """The declarations of ``schemas/settings.yaml`` by name, in their order there."""
    settings = {}
    for raw in contracts.load_yaml("settings.yaml")["settings"]:
        if not set(raw) <= set(Setting._fields):
            raise ContractError(f"settings.yaml: {raw['name']} is declared with an unknown key")
        settings[raw["name"]] = Setting(
            raw["name"],
            raw["kind"],
            tuple(raw["files"]),
            raw["type"],
            raw.get("default"),
            raw.get("required", False),
            tuple(raw.get("values", ())),
            raw.get("min"),
            raw.get("max"),
            raw["description"],
        )
    return settings


def load_cohort(
    path: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    site: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> CohortSettings:
    """Read the settings of a run.

    Parameters
    ----------
    path
        COHORT.yaml.
    overrides
        Values from the command line by declared name (``None`` values are ignored); text is parsed as YAML
        scalars are.
    site
        SITE.yaml: resources and paths only.
    environ
        Environment to read ``PLMS_<NAME>`` from (a dot in a name is written ``_``); the process's by default.

    Returns
    -------
    CohortSettings

    Raises
    ------
    InputError
        For an unknown key (with the nearest known one), a value of the wrong type or outside its domain, a
        science key in a site file, a missing required key, or a file that cannot be read.
    """
    path = Path(path).absolute()
    environ = os.environ if environ is None else environ
    layers: list[tuple[str, Path, dict[str, Any]]] = [
        ("command line", Path.cwd(), {k: v for k, v in (overrides or {}).items() if v is not None}),
        ("environment", Path.cwd(), _from_environment(environ)),
        (path.name, path.parent, _from_file(path, "cohort")),
    ]
    if site is not None:
        site = Path(site).absolute()
        layers.append((site.name, site.parent, _from_file(site, "site")))
    _refuse_unknown(layers[0][2], "command line", declared())

    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for setting in declared().values():
        for layer, base, given in layers:
            if setting.name in given:
                values[setting.name] = _checked(setting, given[setting.name], layer, base)
                origin[setting.name] = layer
                break
        else:
            if setting.required:
                raise InputError(f"{path.name}: no {setting.name}; add it ({setting.description})")
            values[setting.name] = _checked(setting, setting.default, path.name, path.parent)
            origin[setting.name] = "default"
    return CohortSettings(path, values, origin)


def _from_file(path: Path, file: str) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a {file.upper()}.yaml")
    content = contracts.load_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path.name}: holds no keys; write it as `key: value` lines")
    flat = _flatten(content)
    settings = declared()
    for name in flat:
        if file == "site" and name in settings and settings[name].kind in ("science", "identity"):
            raise InputError(
                f"{path.name}: {name} decides numbers, and a site file holds resources and paths only; "
                "move it to the COHORT.yaml"
            )
        if name in settings and file not in settings[name].files:
            other = "SITE.yaml (--site)" if file == "cohort" else "COHORT.yaml"
            raise InputError(f"{path.name}: {name} does not belong here; move it to the {other}")
    _refuse_unknown(flat, path.name, {n: s for n, s in settings.items() if file in s.files})
    return flat


def _flatten(content: Mapping[str, Any]) -> dict[str, Any]:
    """Groups become dotted names; a mapping-valued setting stays whole."""
    settings = declared()
    groups = {name.split(".")[0] for name in settings if "." in name}
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if key in groups and isinstance(value, Mapping):
            flat.update({f"{key}.{inner}": v for inner, v in value.items()})
        elif key not in groups or value is not None:
            flat[str(key)] = value
    return flat


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {"PLMS_" + name.upper().replace(".", "_"): name for name in declared()}
    given = {}
    for variable, text in environ.items():
        if variable in names:
            # As YAML, so that lists, numbers and null are written as in the files.
            given[names[variable]] = contracts.parse_yaml(text, variable)
        elif variable.startswith("PLMS_") and variable not in OTHER_ENVIRONMENT:
            # Only a near miss is surely meant for a run: the command line and the tests own other PLMS_ names.
            near = difflib.get_close_matches(variable, names, n=1, cutoff=0.85)
            if near:
                raise InputError(f"environment: unknown variable {variable}; did you mean {near[0]}?")
    return given


def _refuse_unknown(given: Mapping[str, Any], where: str, known: Mapping[str, Setting]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
            raise InputError(f"{where}: unknown key {name}; did you mean {near[0]}?")


def _checked(setting: Setting, value: Any, where: str, base: Path) -> Any:
    """The value in its declared type, or InputError."""
    if value is None:
        return None
    try:
        converted: Any = _CONVERT[setting.type](value)
    except (TypeError, ValueError):
        raise InputError(
            f"{where}: {setting.name} is {value!r}; expected {_EXPECTED[setting.type]} ({setting.description})"
        ) from None
    if setting.values and converted not in setting.values:
        raise InputError(f"{where}: {setting.name} is {value!r}; expected one of {', '.join(setting.values)}")
    if setting.min is not None and converted < setting.min:
        raise InputError(f"{where}: {setting.name} is {value!r}; expected at least {setting.min}")
    if setting.max is not None and converted > setting.max:
        raise InputError(f"{where}: {setting.name} is {value!r}; expected at most {setting.max}")
    if setting.type == "path":
        return (base / converted.expanduser()).resolve()
    return converted


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[_key(value)]


def _key(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in {"true", "yes", "1", "false", "no", "0"}:
        raise ValueError
    return value.lower()


def _int(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise ValueError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _string(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise ValueError
    return str(value)


def _word(value: Any) -> str:
    if not isinstance(value, str) or not WORD.match(value):
        raise ValueError
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise ValueError
    return tuple(_string(part) for part in value)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError
    return {str(key): inner for key, inner in value.items()}


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError
    return Path(value)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "string": _string,
    "word": _word,
    "list<string>": _strings,
    "mapping": _mapping,
    "path": _path,
}
_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "word": "a word of lower-case letters, digits and _, beginning with a letter",
    "list<string>": "a list of texts",
    "mapping": "keys with values",
    "path": "a path",
}
