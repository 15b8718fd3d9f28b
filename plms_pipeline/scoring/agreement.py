"""Which movements of two scorings of one night are the same: pairs in the order of time, each movement in one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.scoring.inputs import NO_DURATION, Times


def match(
    onset_a_us: Times, offset_a_us: Times, onset_b_us: Times, offset_b_us: Times, tolerance_us: int
) -> NDArray[np.int64]:
    """Pair the movements of two scorings.

    Two movements can be a pair when they overlap or when the time between them is less than the tolerance; a mark
    without duration is a point in time. Each movement is in at most one pair. Going along the night, a movement takes
    the partner that ends first, so that as many pairs as possible are found among movements that do not overlap
    within their own scoring.

    Parameters
    ----------
    onset_a_us, offset_a_us, onset_b_us, offset_b_us : ndarray of int64, shape (n,) and (m,)
        Sorted by onset; an offset of -1 is a mark without duration.
    tolerance_us : int

    Returns
    -------
    ndarray of int64, shape (k, 2)
        Positions in A and in B, by position in A.
    """
    end_a = np.where(offset_a_us == NO_DURATION, onset_a_us, offset_a_us)
    end_b = np.where(offset_b_us == NO_DURATION, onset_b_us, offset_b_us)
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < onset_a_us.size and j < onset_b_us.size:
        apart = max(int(onset_a_us[i]) - int(end_b[j]), int(onset_b_us[j]) - int(end_a[i]))
        if apart < max(tolerance_us, 1):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif end_a[i] <= end_b[j]:
            i += 1
        else:
            j += 1
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
