"""The detector as declared, and a comparison with truth."""

from typing import NamedTuple

import numpy as np
import pytest

from plms_pipeline import emg, night
from plms_pipeline.simulate.emg_signal import LegTruth


class Agreement(NamedTuple):
    """Detected movements against true ones (IoU >= 0.5), errors in seconds."""

    f1: float
    n_missed: int
    n_extra: int
    onset_error_s: np.ndarray
    offset_error_s: np.ndarray


def compare(result: emg.LegResult, truth: LegTruth) -> Agreement:
    """Match in order of time; two movements match when they share at least half of their union."""
    onset, offset = result.onset_us[result.is_kept], result.offset_us[result.is_kept]
    i = j = 0
    pairs = []
    while i < truth.onset_us.size and j < onset.size:
        inner = min(truth.offset_us[i], offset[j]) - max(truth.onset_us[i], onset[j])
        outer = max(truth.offset_us[i], offset[j]) - min(truth.onset_us[i], onset[j])
        if 2 * inner >= outer:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif truth.offset_us[i] < offset[j]:
            i += 1
        else:
            j += 1
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Agreement(
        2 * len(pairs) / max(1, truth.onset_us.size + onset.size),
        truth.onset_us.size - len(pairs),
        onset.size - len(pairs),
        (onset[b] - truth.onset_us[a]) / 1e6,
        (offset[b] - truth.offset_us[a]) / 1e6,
    )


def assert_times(agreement: Agreement) -> None:
    """Median absolute error at most 0.1 s, 95th percentile at most 0.3 s, and no bias beyond 30 ms."""
    for errors in (agreement.onset_error_s, agreement.offset_error_s):
        assert np.median(np.abs(errors)) <= 0.1
        assert np.percentile(np.abs(errors), 95) <= 0.3
        assert abs(np.median(errors)) <= 0.03


@pytest.fixture(scope="session")
def detector() -> emg.Detector:
    """Settings as they are declared."""
    return night.load_detector()
