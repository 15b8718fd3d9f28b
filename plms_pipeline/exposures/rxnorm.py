"""Names of RxNorm concepts from a copy of RxNorm that the user supplies.

RxNorm (US National Library of Medicine) is not shipped: its terms of use are the user's. ``RXNCONSO.RRF`` of a release,
or of the Prescribable Content, serves as it is; so does a CSV with the columns ``rxcui`` and ``name``.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from plms_pipeline.errors import InputError

# Columns of RXNCONSO.RRF by position (RxNorm technical documentation, section 12.4).
_RXCUI, _SOURCE, _TERM_TYPE, _NAME, _WIDTH = 0, 11, 12, 14, 18
# Which name of a concept speaks: ingredients, then brands, then clinical and branded drugs.
_TERM_TYPES = ("IN", "PIN", "MIN", "BN", "SCD", "SBD", "SCDC", "SCDF", "SBDF", "SBDC", "SCDG", "SBDG", "GPCK", "BPCK")


def rxnorm_names(path: Path, wanted: Collection[str]) -> dict[str, str]:
    """Names of the wanted concepts.

    Parameters
    ----------
    path
        ``RXNCONSO.RRF``, or a CSV with ``rxcui`` and ``name``.
    wanted
        RxCUIs of the cohort; only these are kept.

    Returns
    -------
    dict
        RxCUI → name, of the term type that says most of the ingredient.

    Raises
    ------
    InputError
        One line: the file cannot be read, or is neither of the two.
    """
    keep = frozenset(wanted)
    best: dict[str, tuple[int, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            for rxcui, rank, name in _rrf(path, handle) if path.suffix.upper() == ".RRF" else _csv(path, handle):
                if rxcui in keep and name:
                    best[rxcui] = min(best.get(rxcui, (rank, name)), (rank, name))
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{path.name}: cannot be read; 'rxnorm' names RXNCONSO.RRF or a CSV of rxcui and name"
        ) from None
    return {rxcui: name for rxcui, (_, name) in best.items()}


def _rrf(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, int, str]]:
    for number, line in enumerate(lines, start=1):
        cells = line.rstrip("\r\n").split("|")
        if len(cells) < _WIDTH:
            raise InputError(
                f"{path.name}: line {number} has {len(cells)} fields instead of {_WIDTH}; use RXNCONSO.RRF unchanged"
            )
        if cells[_SOURCE] == "RXNORM" and cells[_TERM_TYPE] in _TERM_TYPES:
            yield cells[_RXCUI], _TERM_TYPES.index(cells[_TERM_TYPE]), cells[_NAME]


def _csv(path: Path, handle: Iterator[str]) -> Iterator[tuple[str, int, str]]:
    reader = csv.DictReader(handle)
    if not {"rxcui", "name"} <= set(reader.fieldnames or ()):
        raise InputError(f"{path.name}: needs the columns 'rxcui' and 'name' (or be RXNCONSO.RRF); correct the header")
    for row in reader:
        yield (row["rxcui"] or "").strip(), 0, (row["name"] or "").strip()
