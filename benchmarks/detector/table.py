"""The results as a markdown table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import yaml
from matplotlib.figure import Figure

from benchmarks.detector.report import Row, Summary, detectors_of, mean_of_conditions, summary

matplotlib.use("Agg")
_TARGETS = Path(__file__).parent / "targets.yaml"
_TITLES = {
    "ours": "plms detect",
    "rms": "0.15-s RMS, 10th percentile of 60 s",
    "scipy": "plain scipy, fixed rest",
    "literal": "literal ±µV",
    "luna_wasm": "Luna wasm, 10-100 Hz",
    "luna_adaptive": "Luna adaptive, tuned",
}
_COLOURS = {
    "ours": "#005f9e", "rms": "#7a7a7a", "scipy": "#b9b9b9", "literal": "#d9a400", "luna_wasm": "#d1495b",
    "luna_adaptive": "#8d5a97",
}  # fmt: skip
_MARKS = {"ours": "o", "rms": "s", "scipy": "v", "literal": "x", "luna_wasm": "^", "luna_adaptive": "D"}
# Below these (error per hour, 1 - F1) all points look the same, and a logarithm needs a floor.
_FLOOR_PER_H, _FLOOR_F1 = 0.1, 0.001


def targets() -> Mapping[str, Any]:
    """Targets by group of conditions."""
    loaded: Mapping[str, Any] = yaml.safe_load(_TARGETS.read_text(encoding="utf-8"))
    return loaded


def misses(group: str, s: Summary) -> list[str]:
    """What of a condition's figures is outside its target, in words; empty without a target."""
    wanted = targets()["groups"].get(group)
    if wanted is None:
        return []
    found = []
    if round(s.f1, 3) < wanted["f1"]:
        found.append(f"F1 below {wanted['f1']}")
    if round(s.index_error_per_h, 1) > wanted["index_error_per_h"]:
        found.append(f"index error above {wanted['index_error_per_h']:g}")
    for edge in ("onset", "offset"):
        if abs(getattr(s, f"{edge}_bias_s")) > wanted[f"{edge}_bias_s"]:
            found.append(f"{edge} bias above {1e3 * wanted[f'{edge}_bias_s']:.0f} ms")
        if getattr(s, f"{edge}_mad_s") > targets()["mad_s"]:
            found.append(f"{edge} spread above {1e3 * targets()['mad_s']:.0f} ms")
    return found


def _ms(bias_s: float, mad_s: float) -> str:
    """Bias and spread in whole milliseconds, a dash without a match."""
    return f"{1e3 * bias_s:+.0f} ({1e3 * mad_s:.0f})" if bias_s == bias_s else "–"


def _of(rows: Sequence[Row], condition: str, detector: str) -> list[Row]:
    return [r for r in rows if r.condition == condition and r.detector == detector]


def markdown(rows: Sequence[Row]) -> str:
    """Two tables: every detector, F1 / index error; ours with errors of onset and offset and the targets."""
    names = detectors_of(rows)
    conditions = {r.condition: r.group for r in rows}
    seeds = {name: sorted({r.seed for r in rows if r.detector == name}) for name in names}
    lines = ["# Leg movement detectors on simulated recordings", ""]
    lines += ["F1 at IoU >= 0.5 / error of the PLMS index per hour (WASM/IRLSSG 2016), means over recordings.", ""]
    lines += [f"- {_TITLES[n]}: seeds {', '.join(map(str, seeds[n]))}" for n in names]
    lines += ["", "| condition | " + " | ".join(_TITLES[n] for n in names) + " |", "|---|" + "---|" * len(names)]
    for condition in conditions:
        cells = []
        for name in names:
            mine = _of(rows, condition, name)
            s = summary(mine) if mine else None
            cells.append("" if s is None else f"{s.f1:.3f} / {s.index_error_per_h:.1f}")
        lines.append(f"| {condition} | " + " | ".join(cells) + " |")
    means = [mean_of_conditions(rows, name) for name in names]
    lines.append("| **mean** | " + " | ".join(f"**{m.f1:.3f} / {m.index_error_per_h:.1f}**" for m in means) + " |")
    if "ours" in names:
        lines += ["", "## plms detect: bias (spread) of onset and offset in ms, and targets", ""]
        lines += ["| condition | group | F1 | least F1 | index error | onset | offset | target |", "|---|" + "---|" * 7]
        for condition, group in conditions.items():
            s = summary(_of(rows, condition, "ours"))
            missed = misses(group, s)
            verdict = "none" if group not in targets()["groups"] else "; ".join(missed) or "met"
            lines.append(
                f"| {condition} | {group} | {s.f1:.3f} | {s.f1_min:.3f} | {s.index_error_per_h:.1f} | "
                f"{_ms(s.onset_bias_s, s.onset_mad_s)} | {_ms(s.offset_bias_s, s.offset_mad_s)} | {verdict} |"
            )
    return "\n".join(lines) + "\n"


def picture(rows: Sequence[Row], path: Path) -> None:
    """F1 and index error by condition, one mark per detector."""
    names = detectors_of(rows)
    conditions = list(dict.fromkeys(r.condition for r in rows))
    at = {condition: len(conditions) - k for k, condition in enumerate(conditions)}
    figure = Figure(figsize=(11, 1.6 + 0.27 * len(conditions)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name in reversed(names):
        mine = {c: summary(_of(rows, c, name)) for c in conditions if _of(rows, c, name)}
        y = [at[c] for c in mine]
        look = {
            "marker": _MARKS[name], "color": _COLOURS[name], "linestyle": "none",
            "markersize": 7 if name == "ours" else 5, "zorder": 5 if name == "ours" else 3,
        }  # fmt: skip
        left.plot([max(_FLOOR_F1, 1.0 - s.f1) for s in mine.values()], y, label=_TITLES[name], **look)
        right.plot([max(_FLOOR_PER_H, s.index_error_per_h) for s in mine.values()], y, **look)
    left.set_xscale("log")
    left.set_xlim(1.3, 0.8 * _FLOOR_F1)
    shown = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
    left.set_xticks([1.0 - f for f in shown], [f"{f:g}" for f in shown])
    left.minorticks_off()
    left.set_xlabel("F1 at IoU ≥ 0.5 (0.999 = 0.999 or more); better to the right")
    right.set_xscale("log")
    right.set_xlabel("error of the PLMS index per hour (0.1 = 0.1 or less); better to the left")
    ticks = [0.1, 0.3, 1, 3, 10, 30, 100]
    right.set_xticks(ticks, [f"{t:g}" for t in ticks])
    right.minorticks_off()
    left.set_yticks(list(at.values()), list(at))
    left.set_ylim(0.3, len(conditions) + 0.7)
    for axes in (left, right):
        axes.grid(axis="both", color="#e6e6e6", linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=3, frameon=False)
    n = {name: len({r.seed for r in rows if r.detector == name}) for name in names}
    figure.supxlabel(
        "Recordings per condition: " + ", ".join(f"{_TITLES[name]} {count}" for name, count in n.items()), fontsize=7
    )
    figure.savefig(path, dpi=110, metadata={"Software": None})


def write(rows: Sequence[Row], folder: Path) -> None:
    """``results.md`` and ``results.png`` beside ``results.csv``."""
    (folder / "results.md").write_text(markdown(rows), encoding="utf-8")
    picture(rows, folder / "results.png")
