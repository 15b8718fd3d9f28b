"""Do two legs look like two legs, and is a leg as loud as a leg can be?"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import fft, signal

from plms_pipeline.emg.conditioning import band_pass, design_band

Segments = Sequence[tuple[int, np.ndarray]]


class SignalChecks(NamedTuple):
    """Settings of the checks; meaning, unit and source of each: ``schemas/rules/signal_findings.yaml``."""

    windows: int
    window_s: float
    bandwidth_time: float
    shared_quantile: float
    mains_notch_hz: float
    mains_candidates_hz: tuple[float, ...]
    duplicate_correlation: float
    crosstalk_correlation: float
    ecg_level_uv: float
    quiet_quantile: float
    loud_quantile: float
    unit_too_large_uv: float
    unit_too_small_uv: float
    whole_night_fraction: float


class Level(NamedTuple):
    """How loud a leg is: quantiles of the RMS of short blocks in the band, in the unit of the samples."""

    quiet: float
    loud: float


def compare_legs(
    left: Segments,
    right: Segments,
    left_fs_hz: float,
    right_fs_hz: float,
    checks: SignalChecks,
    band_hz: tuple[float, float],
) -> dict[str, float | bool | None]:
    """What two legs share: two legs are independent, copies are not.

    Mains and R waves reach both legs of everybody, so mains is left out and the correlation is that of short blocks,
    of which R waves touch some. That left and right were exchanged as a whole cannot be seen in the signal.

    Parameters
    ----------
    left, right : sequence of (start_us, float64 array)
    left_fs_hz, right_fs_hz : float
    checks : SignalChecks
    band_hz : (float, float)
        Band of the sensor.

    Returns
    -------
    dict
        ``leg_correlation``: median over windows spread over the night of what most blocks of a window share at lag
        0, with its sign; ``is_duplicate_suspected``: its size is at or above ``duplicate_correlation`` (one channel
        stored twice, or once with the electrodes reversed); ``is_swap_suspected``: it lies between
        ``crosstalk_correlation`` and that (electrodes of one leg in the other leg's pair). All None when the rates
        differ or there is no common time.
    """
    r = shared_correlation(left, right, left_fs_hz, right_fs_hz, checks, band_hz)
    is_copy = None if r is None else abs(r) >= checks.duplicate_correlation
    return {
        "leg_correlation": r,
        "is_duplicate_suspected": is_copy,
        "is_swap_suspected": None if r is None else not is_copy and abs(r) >= checks.crosstalk_correlation,
    }


def shared_correlation(
    a: Segments, b: Segments, a_fs_hz: float, b_fs_hz: float, checks: SignalChecks, band_hz: tuple[float, float]
) -> float | None:
    """Correlation that most blocks of two channels reach, with its sign; None when they cannot be compared."""
    if a_fs_hz != b_fs_hz:
        return None
    try:
        band = design_band(a_fs_hz, *band_hz)
    except ValueError:
        return None
    n = round(checks.window_s * a_fs_hz)
    n_block = _block(checks, band.width_hz, a_fs_hz)
    keep = _without_mains(n, a_fs_hz, checks)
    taper = signal.get_window("hann", n)
    values = []
    b_at = dict(b)
    for first, second in ((x, b_at[start]) for start, x in a if start in b_at):
        for at in _places(min(len(first), len(second)), n, checks.windows):
            pair = (first[at : at + n], second[at : at + n])
            if not all(np.isfinite(x).all() for x in pair):
                continue
            # The taper leaves nothing to compare at the ends.
            inner = slice(n // 8, n - n // 8)
            x, y = (fft.irfft(fft.rfft(band_pass(part, a_fs_hz, band) * taper) * keep, n)[inner] for part in pair)
            is_alive = _is_alive(pair[0][inner], n_block) & _is_alive(pair[1][inner], n_block)
            values += _block_correlations(_blocks(x, n_block)[is_alive], _blocks(y, n_block)[is_alive])
    if not values:
        return None
    found = np.array(values)
    size = float(np.quantile(np.abs(found), checks.shared_quantile))
    return size if 2 * np.count_nonzero(found > 0) >= found.size else -size


def signal_level(
    segments: Segments, fs_hz: float, checks: SignalChecks, band_hz: tuple[float, float], lowpass_hz: float | None
) -> Level | None:
    """Quiet and loud quantile of the RMS of short blocks; blocks of identical samples are left out.

    Parameters
    ----------
    segments : sequence of (start_us, float64 array)
    fs_hz : float
    checks : SignalChecks
    band_hz : (float, float)
        Band of the sensor.
    lowpass_hz : float or None
        Low-pass the recording was made with.

    Returns
    -------
    Level or None
        None without a band, or when there is nothing but identical samples.
    """
    try:
        band = design_band(fs_hz, *band_hz, lowpass_hz)
    except ValueError:
        return None
    n = round(checks.window_s * fs_hz)
    n_block = _block(checks, band.width_hz, fs_hz)
    levels: list[float] = []
    for _, samples in segments:
        for at in _places(len(samples), n, checks.windows):
            part = samples[at : at + n]
            if not np.isfinite(part).all():
                continue
            power = np.square(_blocks(band_pass(part, fs_hz, band), n_block)).mean(axis=1)
            levels += np.sqrt(power[_is_alive(part, n_block)]).tolist()
    if not levels:
        return None
    quiet, loud = np.quantile(levels, (checks.quiet_quantile, checks.loud_quantile))
    return Level(float(quiet), float(loud))


def _places(n_samples: int, n: int, windows: int) -> Iterator[int]:
    if n_samples >= n:
        yield from np.unique(np.linspace(0, n_samples - n, windows).astype(np.int64)).tolist()


def _block(checks: SignalChecks, width_hz: float, fs_hz: float) -> int:
    return max(4, round(checks.bandwidth_time / width_hz * fs_hz))


def _blocks(x: np.ndarray, n_block: int) -> np.ndarray:
    n_block = min(n_block, len(x))
    return x[: len(x) // n_block * n_block].reshape(-1, n_block)


def _without_mains(n: int, fs_hz: float, checks: SignalChecks) -> np.ndarray:
    """Which frequencies of a window are no mains and no harmonic of it."""
    at_hz = fft.rfftfreq(n, 1.0 / fs_hz)
    keep = np.ones(at_hz.size, dtype=np.bool_)
    for line in checks.mains_candidates_hz:
        nearest = np.maximum(1.0, np.rint(at_hz / line)) * line
        keep &= np.abs(at_hz - nearest) > checks.mains_notch_hz
    return keep


def _is_alive(x: np.ndarray, n_block: int) -> np.ndarray:
    """Blocks that hold more than one value: a filter leaves rounding errors of a constant, and they correlate."""
    return np.asarray(np.ptp(_blocks(x, n_block), axis=1) > 0.0)


def _block_correlations(a: np.ndarray, b: np.ndarray) -> list[float]:
    power = np.square(a).sum(axis=1) * np.square(b).sum(axis=1)
    product = (a * b).sum(axis=1)
    return [float(r) for r in product[power > 0.0] / np.sqrt(power[power > 0.0])]
