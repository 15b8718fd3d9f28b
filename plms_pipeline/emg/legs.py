"""Do two legs look like two legs?"""

from collections.abc import Sequence

import numpy as np

from plms_pipeline.emg.conditioning import band_pass, design_band
from plms_pipeline.emg.settings import Detector

N_WINDOWS = 24
WINDOW_S = 10.0


def compare_legs(
    left: Sequence[tuple[int, np.ndarray]],
    right: Sequence[tuple[int, np.ndarray]],
    left_fs_hz: float,
    right_fs_hz: float,
    detector: Detector,
) -> dict[str, float | bool | None]:
    """Correlation of the two legs' EMG: two legs are independent, copies are not.

    Parameters
    ----------
    left, right : sequence of (start_us, float64 array)
    left_fs_hz, right_fs_hz : float
    detector : Detector

    Returns
    -------
    dict
        ``leg_correlation``: median over windows spread over the night of the correlation of the conditioned EMG, at
        lag 0; ``is_duplicate_suspected``: its size is at or above ``detector.duplicate_correlation`` (one channel
        stored twice, or once with the electrodes reversed); ``is_swap_suspected``: it lies between
        ``detector.crosstalk_correlation`` and that (electrodes of one leg in the other leg's pair). All None when
        the rates differ or there is no common time.
    """
    unknown: dict[str, float | bool | None] = {
        "leg_correlation": None,
        "is_duplicate_suspected": None,
        "is_swap_suspected": None,
    }
    if left_fs_hz != right_fs_hz:
        return unknown
    try:
        band = design_band(left_fs_hz, detector.band_low_hz, detector.band_high_hz)
    except ValueError:
        return unknown
    n = round(WINDOW_S * left_fs_hz)
    values: list[float] = []
    right_at = dict(right)
    for a, b in ((x, right_at[start]) for start, x in left if start in right_at):
        count = min(len(a), len(b))
        for at in np.unique(np.linspace(0, max(0, count - n), N_WINDOWS).astype(np.int64)):
            x, y = a[at : at + n], b[at : at + n]
            if len(x) < n or not (np.isfinite(x).all() and np.isfinite(y).all()):
                continue
            x, y = band_pass(x, left_fs_hz, band), band_pass(y, left_fs_hz, band)
            power = np.sum(x * x) * np.sum(y * y)
            if power > 0.0:
                values.append(float(np.sum(x * y) / np.sqrt(power)))
    if not values:
        return unknown
    r = float(np.median(values))
    is_copy = abs(r) >= detector.duplicate_correlation
    return {
        "leg_correlation": r,
        "is_duplicate_suspected": is_copy,
        "is_swap_suspected": not is_copy and abs(r) >= detector.crosstalk_correlation,
    }
