"""F1 and index error of the piezo detector on simulated sensors: ``python benchmarks/piezo/run.py`` (one minute).

Prints the table of docs/sensors.md: movements matched at IoU >= 0.5, error of the PLMS index of wasm2016 (all time
staged N2), median error of onset and offset; seeds that no test uses.
"""

from __future__ import annotations

import numpy as np

from plms_pipeline import emg, night, scoring
from plms_pipeline.simulate.emg_signal import movement_times
from plms_pipeline.simulate.piezo_signal import PiezoTruth, piezo_leg

DURATION_S = 7200.0
SEEDS = range(500, 504)
IOU = 0.5
CONDITIONS: dict[str, dict[str, object]] = {
    "plain": {},
    "weak movements (5-8 baselines)": {"peak_ratio": (5.0, 8.0)},
    "deep breathing": {"breathing": 10.0},
    "8-bit range": {"levels": 256},
    "12 changes of posture": {"posture_changes": 12},
    "120 twitches an hour": {"twitches_per_h": 120.0},
}


def matched(result: emg.PiezoResult, truth: PiezoTruth) -> list[tuple[int, int]]:
    """Pairs (true, found) in order of time."""
    onset, offset = result.onset_us[result.is_kept], result.offset_us[result.is_kept]
    pairs, i, j = [], 0, 0
    while i < truth.onset_us.size and j < onset.size:
        inner = min(truth.offset_us[i], offset[j]) - max(truth.onset_us[i], onset[j])
        outer = max(truth.offset_us[i], offset[j]) - min(truth.onset_us[i], onset[j])
        if inner >= IOU * outer:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif truth.offset_us[i] < offset[j]:
            i += 1
        else:
            j += 1
    return pairs


def index_per_h(onset_us: np.ndarray, offset_us: np.ndarray) -> float:
    """PLMS index of one channel in a night of nothing but N2."""
    end_us = round(DURATION_S * 1e6)
    given = scoring.NightInput(
        movements=scoring.make_movements(np.full(onset_us.size, scoring.COMBINED), onset_us, offset_us),
        stages=scoring.make_stages([0], [end_us], ["N2"]),
        respiratory=None,
        arousals=None,
        gaps=scoring.make_spans(),
        duration_us=end_us,
        window=(None, None),
        legs="combined",
        evidence=night.load_evidence(),
        respiratory_state="not_scored",
        arousals_state="not_scored",
    )
    (scored,) = scoring.score(given, night.load_rule_sets(["wasm2016"]))
    return float(scored.night["plmsi_per_h"])


def main() -> None:
    """Measure and print."""
    detector = night.load_piezo_detector()
    print(
        "| condition | rate, Hz | F1 | index error, /h | onset error, s | offset error, s |\n|---|---|---|---|---|---|"
    )
    for name, options in CONDITIONS.items():
        for fs_hz in (32.0, 64.0):
            f1, index, onsets, offsets = [], [], [], []
            for seed in SEEDS:
                planned = movement_times(DURATION_S, [seed, 1])
                x, truth = piezo_leg(DURATION_S, fs_hz, seed, *planned, **options)  # type: ignore[arg-type]
                found = emg.detect_piezo_leg([(0, x)], fs_hz, detector)
                on, off = found.onset_us[found.is_kept], found.offset_us[found.is_kept]
                pairs = matched(found, truth)
                f1.append(2 * len(pairs) / (on.size + truth.onset_us.size))
                index.append(abs(index_per_h(on, off) - index_per_h(truth.onset_us, truth.offset_us)))
                onsets += [(on[j] - truth.onset_us[i]) / 1e6 for i, j in pairs]
                offsets += [(off[j] - truth.offset_us[i]) / 1e6 for i, j in pairs]
            figures = (np.mean(f1), np.mean(index), np.median(onsets), np.median(offsets))
            cells = [f"{value:.{digits}f}" for value, digits in zip(figures, (3, 1, 2, 2), strict=True)]
            print(f"| {name} | {fs_hz:.0f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
