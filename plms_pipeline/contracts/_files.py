"""Where the declarations lie and how they are read. Nothing else opens a file under ``schemas/``."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Hashable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from plms_pipeline.errors import ContractError, InputError

_PACKAGE = Path(__file__).resolve().parent.parent
_CANDIDATES = (_PACKAGE / "_schemas", _PACKAGE.parent / "schemas")


# libyaml reads the declarations in a tenth of the time; every command waits for them.
_SafeLoader: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Loader(_SafeLoader):
    """Safe YAML with the scalars of YAML 1.2: ``yes``/``no`` and ``22:30`` stay text, dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] in ("null", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


def _mapping_without_duplicates(loader: _Loader, node: yaml.MappingNode, deep: bool = True) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
        if key in result:
            raise yaml.constructor.ConstructorError(None, None, f"key '{key}' stands twice", key_node.start_mark)
        result[key] = loader.construct_object(value_node, deep=True)
    return result


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping_without_duplicates)


def schema_root() -> Path:
    """Folder of the declarations.

    ``PLMS_SCHEMAS`` if set, else the copy inside the installed package, else ``schemas/`` of the checkout.

    Raises
    ------
    ContractError
        When none of them exists; the message names the places looked at.
    """
    return _schema_root(os.environ.get("PLMS_SCHEMAS"))


@lru_cache(maxsize=8)
def _schema_root(override: str | None) -> Path:
    candidates = (Path(override),) if override else _CANDIDATES
    for candidate in candidates:
        if (candidate / "tables").is_dir():
            return candidate
    places = " and ".join(str(candidate) for candidate in candidates)
    raise ContractError(f"no declarations found: looked for a folder 'tables' in {places}; reinstall the package")


def parse_yaml(text: str, name: str) -> Any:
    """Parse YAML text with the safe loader.

    Parameters
    ----------
    text
        YAML 1.2 scalars (``yes`` and ``no`` are text), duplicate keys refused.
    name
        Stands in the error message.

    Raises
    ------
    InputError
        One line: which file, which line, what is wrong.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"{name}{where}: not valid YAML ({problem}); correct the file") from None


@lru_cache(maxsize=512)
def _load_yaml(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error.__class__.__name__}); it must be UTF-8 text") from None
    return parse_yaml(text, str(path))


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file: a path as given when absolute, else relative to :func:`schema_root`.

    Declarations are cached per file; a user's own file (absolute path) is read anew every time.
    """
    if Path(path).is_absolute():
        return _load_yaml.__wrapped__(Path(path))
    return _load_yaml(schema_root() / path)


@lru_cache(maxsize=64)
def _load_csv(path: Path) -> tuple[tuple[tuple[str, str], ...], ...]:
    with path.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(line for line in handle if not line.startswith("#"))
        return tuple(tuple(row.items()) for row in rows)


def load_csv(relative: str) -> list[dict[str, str]]:
    """Read a CSV declaration (comments start with ``#``) as one dict of text per row."""
    return [dict(row) for row in _load_csv(schema_root() / relative)]


def names(folder: str) -> list[str]:
    """Stems of the YAML files in a folder of the declarations, sorted."""
    return sorted(path.stem for path in (schema_root() / folder).glob("*.yaml"))


def forget() -> None:
    """Drop everything remembered of the declarations (after ``PLMS_SCHEMAS`` or a file changed)."""
    _schema_root.cache_clear()
    _load_yaml.cache_clear()
    _load_csv.cache_clear()
