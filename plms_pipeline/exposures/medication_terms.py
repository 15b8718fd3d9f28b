"""Every distinct medicine of a table matched once: record → term → classes, with the look-back of its drug."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plms_pipeline.exposures.columns import Bools, Columns, Floats, Index, Small
from plms_pipeline.exposures.names import Match, medication_table

KEYS = ("medication", "atc_code", "class_id", "rxcui", "rxnorm_name")
QUALITIES = ("exact_code", "exact_name", "cohort_flag")


class Terms(NamedTuple):
    """Distinct medicines; the hits of term t are ``first[t]:first[t + 1]``.

    ``class_at`` is the position of a class or sub-flag in the class table; ``most_mg`` the daily dose up to which a hit
    holds (infinite: any dose); ``strength_mg`` the strength that the name states.
    """

    first: Index
    class_at: Small
    lookback_d: Floats
    sensitivity_d: Floats
    most_mg: Floats
    quality: Small
    is_unmapped: Bools
    strength_mg: Floats
    flagged_at: Small


def terms_of(columns: Columns) -> tuple[npt.NDArray[np.int64], Terms, list[Match]]:
    """Match the medicines of a table.

    Parameters
    ----------
    columns
        Table ``medication``.

    Returns
    -------
    (ndarray of int64, Terms, list of Match)
        Term of every record, the terms, and what the class table says of each.
    """
    given = {name: columns.word(name) for name in KEYS}
    key = np.zeros(columns.n, np.int64)
    for words in given.values():
        key = key * (len(words.values) + 1) + words.codes + 1
    _, example, term = np.unique(key, return_index=True, return_inverse=True)
    texts: list[Mapping[str, str | None]] = [
        {name: words.values[words.codes[at]] if words.codes[at] >= 0 else None for name, words in given.items()}
        for at in example
    ]
    matches = [match_of(text) for text in texts]
    return term.astype(np.int64), _arrays(texts, matches), matches


def match_of(row: Mapping[str, Any]) -> Match:
    """What the class table says of one record."""
    return medication_table().match(
        row.get("medication"), row.get("atc_code"), row.get("class_id"), row.get("rxcui"), row.get("rxnorm_name")
    )


def _arrays(texts: list[Mapping[str, str | None]], matches: list[Match]) -> Terms:
    table = medication_table()
    place = {class_id: at for at, class_id in enumerate(table.classes())}
    hits = [hit for match in matches for hit in match.hits]
    return Terms(
        np.concatenate([[0], np.cumsum([len(match.hits) for match in matches], dtype=np.int64)]).astype(np.int64),
        np.array([place[hit.class_id] for hit in hits], np.int8),
        np.array([hit.lookback_d for hit in hits], np.float64),
        np.array([hit.lookback_sensitivity_d for hit in hits], np.float64),
        np.array([np.inf if hit.most_mg is None else hit.most_mg for hit in hits], np.float64),
        np.array([-1 if match.quality is None else QUALITIES.index(match.quality) for match in matches], np.int8),
        np.array([bool(match.unmapped) for match in matches], np.bool_),
        np.array([np.nan if match.strength_mg is None else match.strength_mg for match in matches], np.float64),
        np.array([place.get(str(text["class_id"]), -1) for text in texts], np.int8),
    )
