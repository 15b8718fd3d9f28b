"""One night as a picture: hypnogram, both legs with their movements, intervals between them, and the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts

_LEG_NAMES = {"L": "left leg", "R": "right leg", "C": "both legs, one channel"}
_SIDES = {"L": ("left", "bilateral"), "R": ("right", "bilateral"), "C": ("combined",)}
# N1 to N3 are told apart from sleep that was only told from wake (S), which is drawn at the height of N2.
_STAGE_LEVEL = {"W": 5, "R": 4, "N1": 3, "N2": 2, "S": 2, "N3": 1}
# Colours that stay apart in the common forms of colour blindness (Okabe and Ito 2008).
_PLM, _OTHER, _REJECTED, _REST, _SIGNAL, _UNUSABLE = "#0072B2", "#56B4E9", "#999999", "#D55E00", "#D9D9D9", "#F7F3D0"
_WIDTH_IN, _TITLE_IN, _STAGES_IN, _LEG_IN, _INTERVALS_IN = 10.0, 1.3, 0.95, 1.55, 1.25
_HEADING_IN = 0.8
# Thinner lines where movements would run together; a span narrower than this share of the night bears no text.
_MANY, _LINE_WIDTH, _THIN = 800, 0.7, 0.25
_LEAST_FOR_TEXT = 0.04
_HOUR_S = 3600.0
_ROOM_FOR_LEGEND, _ROOM_BELOW = 3.2, 3.0
_INTERVAL_AXIS_S = (2.0, 300.0)


class NightPicture(NamedTuple):
    """What the picture shows.

    Attributes
    ----------
    title : str
        Name of the recording.
    tables : mapping
        ``leg_movement``, ``unusable_span``, ``signal_quality_epoch``, ``scored_movement``, ``night`` as columns; of
        the last two the rows of the first rule set are drawn.
    hypnogram : mapping or None
        ``onset_s``, ``offset_s``, ``stage``; None when nothing was staged.
    amplitude : mapping
        Leg → (onset_s, low, high) of `emg.amplitude_bins`.
    duration_s : float
        From the first sample to the end of the last.
    epoch_s : float
        Length of an epoch of ``signal_quality_epoch``.
    imi_s : (float, float)
        Limits of a periodic interval in the first rule set.
    is_simulated : bool
        Whether the recording came from the simulator; the picture then says so.
    """

    title: str
    tables: Mapping[str, Mapping[str, Any]]
    hypnogram: Mapping[str, Any] | None
    amplitude: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    duration_s: float
    epoch_s: float
    imi_s: tuple[float, float]
    is_simulated: bool


def write_night_plot(path: Path, picture: NightPicture) -> None:
    """Draw a night; the same input gives the same bytes.

    Parameters
    ----------
    path
        File to write; its ending (``svg``, ``png``, ``pdf``) says how.
    picture
        What to show.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    legs = [leg for leg in _LEG_NAMES if leg in set(picture.tables["signal_quality_epoch"]["leg"])]
    heights = [_STAGES_IN] * (picture.hypnogram is not None) + [_LEG_IN] * len(legs) + [_INTERVALS_IN]
    settings = {
        "svg.hashsalt": "plms",
        "svg.fonttype": "path",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "hatch.linewidth": 0.5,
    }
    with matplotlib.rc_context(settings):
        total = sum(heights) + _TITLE_IN
        figure, axes = plt.subplots(
            len(heights), 1, figsize=(_WIDTH_IN, total), sharex=True, squeeze=False, height_ratios=heights
        )
        figure.subplots_adjust(left=0.085, right=0.985, bottom=0.42 / total, top=1 - _HEADING_IN / total, hspace=0.16)
        panels = list(axes[:, 0])
        _write_heading(figure, picture, total)
        if picture.hypnogram is not None:
            _draw_hypnogram(panels.pop(0), picture.hypnogram)
        drawn = [_draw_leg(panel, leg, picture) for leg, panel in zip(legs, panels, strict=False)]
        for panel in panels[: len(drawn)]:
            _set_amplitude_axis(panel, min(low for low, _ in drawn), max(high for _, high in drawn))
        _draw_intervals(panels[-1], picture)
        for panel in axes[:, 0]:
            _shade_window(panel, picture)
        end_h = picture.duration_s / _HOUR_S
        panels[-1].set_xlim(0, end_h)
        panels[-1].set_xlabel("hours from the start of the recording")
        figure.align_ylabels(axes[:, 0])
        path.parent.mkdir(parents=True, exist_ok=True)
        form = path.suffix[1:]
        no_clock = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None, "Creator": None}}
        figure.savefig(path, format=form, metadata=no_clock.get(form, {"Software": None}), dpi=200)
        plt.close(figure)


def index_text(night: Mapping[str, Any], row: int = 0) -> tuple[str, str]:
    """Index of a night row with its interval, or why there is none; and what it rests on."""
    is_piezo = night["index_family"][row] == "piezo"
    ending = "_piezo" if is_piezo else ""
    index, low, high = (night[f"plmsi{part}_per_h{ending}"][row] for part in ("", "_lo", "_hi"))
    reason = night[f"plmsi_per_h{ending}_reason"][row]
    name = "PLMS index of a piezo sensor (relative to its own baseline, no EMG index)" if is_piezo else "PLMS index"
    value = "unknown" if index is None else f"{index:.1f}/h"
    bounds = "" if low is None else f" [{low:.1f}, {high:.1f}]"
    why = f" ({contracts.codes('index_reason').get(reason).label})" if reason else ""
    evidence = contracts.codes("evidence_class").get(night[f"evidence_class{ending}"][row])
    rests_on = f"Rules {night['rule_set'][row]}; evidence {evidence.value.replace('_', ' ')}: {evidence.label}"
    return f"{name} {value}{bounds}{why}", rests_on


def _write_heading(figure: Any, picture: NightPicture, total_in: float) -> None:
    figure.text(0.085, 1 - 0.08 / total_in, picture.title, fontweight="bold", fontsize=10, va="top")
    for at_in, line in zip((0.32, 0.5), index_text(picture.tables["night"]), strict=True):
        figure.text(0.085, 1 - at_in / total_in, line, va="top")
    if picture.is_simulated:
        figure.text(0.985, 1 - 0.08 / total_in, "simulated recording", color=_REST, fontsize=10, va="top", ha="right")


def _draw_hypnogram(panel: Any, hypnogram: Mapping[str, Any]) -> None:
    rows = sorted(zip(hypnogram["onset_s"], hypnogram["offset_s"], hypnogram["stage"], strict=True))
    rows = [row for row in rows if row[2] in _STAGE_LEVEL]
    hours, levels = [], []
    for at, (onset, offset, stage) in enumerate(rows):
        if at and onset > rows[at - 1][1]:
            # Unstaged time is a hole in the line.
            hours.append(rows[at - 1][1] / _HOUR_S)
            levels.append(np.nan)
        hours += [onset / _HOUR_S, offset / _HOUR_S]
        levels += [_STAGE_LEVEL[stage]] * 2
        if stage == "R":
            panel.plot([onset / _HOUR_S, offset / _HOUR_S], [4, 4], color="black", lw=3.0, solid_capstyle="butt")
    panel.plot(hours, levels, color="black", lw=0.7)
    is_coarse = {"S"} & {stage for _, _, stage in rows} and not {"N1", "N2", "N3", "R"} & {row[2] for row in rows}
    ticks = ([2, 5], ["sleep", "W"]) if is_coarse else ([1, 2, 3, 4, 5], ["N3", "N2", "N1", "R", "W"])
    panel.set_yticks(*ticks)
    panel.set_ylim(0.5, 5.5)
    panel.set_ylabel("stage")


def _shade_window(panel: Any, picture: NightPicture) -> None:
    """Lights off and on, where known."""
    night = picture.tables["night"]
    if night["window_basis"][0] == "recording":
        return
    for at_s in (night["window_onset_s"][0], night["window_offset_s"][0]):
        panel.axvline(at_s / _HOUR_S, color="black", lw=0.6, ls=(0, (4, 3)))


class _Movement(NamedTuple):
    hour: float
    end_h: float
    rest: float
    peak: float
    kind: str


def _draw_leg(panel: Any, leg: str, picture: NightPicture) -> tuple[float, float]:
    """Draw a leg; returns the lowest and highest amplitude that must be seen."""
    is_piezo = picture.tables["night"]["index_family"][0] == "piezo"
    unit = _baseline(leg, picture) if is_piezo else 1.0
    onset_s, low, high = picture.amplitude[leg]
    spans = _unusable_spans(leg, picture)
    is_lost = np.zeros(onset_s.size, dtype=bool)
    for first, last, _ in spans:
        is_lost |= (onset_s >= first) & (onset_s < last)
    low, high = np.where(is_lost, np.nan, low), np.where(is_lost, np.nan, high)
    panel.fill_between(onset_s / _HOUR_S, low / unit, high / unit, step="post", color=_SIGNAL, lw=0, label="signal")
    _draw_unusable(panel, spans, picture.duration_s)
    if not is_piezo:
        _draw_rest(panel, leg, picture)
    is_used = leg in _legs_used(picture)
    found = _movements(leg, picture, is_piezo)
    width = _THIN if len(found) > _MANY else _LINE_WIDTH
    kinds = (
        ("rejected", _REJECTED, "rejected"),
        ("other", _OTHER, "other leg movement" if is_used else "leg movement, leg not scored"),
        ("plm", _PLM, "periodic (PLM)"),
    )
    for kind, colour, label in kinds if is_used else kinds[:2]:
        chosen = [one for one in found if one.kind == kind]
        heights = [one.rest for one in chosen], [one.peak for one in chosen]
        panel.vlines([one.hour for one in chosen], *heights, color=colour, lw=width, label=f"{label}: {len(chosen)}")
    panel.set_ylabel(f"{_LEG_NAMES[leg]}\n{'× baseline' if is_piezo else 'µV RMS'}")
    panel.legend(
        loc="upper right",
        ncols=6,
        framealpha=0.85,
        edgecolor="none",
        fontsize=7,
        borderpad=0.1,
        handlelength=1.2,
        columnspacing=1.2,
        borderaxespad=0.1,
    )
    alive = low[np.isfinite(low) & (low > 0.0)] / unit
    bottom = float(np.median(alive)) / _ROOM_BELOW if alive.size else 0.1
    return bottom, max([one.peak for one in found] + [float(np.nanmax(high / unit, initial=10.0))])


def _set_amplitude_axis(panel: Any, low: float, high: float) -> None:
    """The same logarithmic axis for all legs."""
    top = high * _ROOM_FOR_LEGEND
    panel.set_yscale("log")
    panel.set_ylim(low, top)
    decades = [10.0**power for power in range(-6, 9) if low <= 10.0**power <= top]
    panel.set_yticks(decades, [f"{value:g}" for value in decades])
    panel.minorticks_off()


def _draw_rest(panel: Any, leg: str, picture: NightPicture) -> None:
    epochs = picture.tables["signal_quality_epoch"]
    at = [row for row, name in enumerate(epochs["leg"]) if name == leg]
    rest = np.array([np.nan if epochs["rest_uv"][row] is None else epochs["rest_uv"][row] for row in at], dtype=float)
    if np.isfinite(rest).any():
        middle = [(epochs["epoch_index"][row] + 0.5) * picture.epoch_s / _HOUR_S for row in at]
        panel.plot(middle, rest, color=_REST, lw=0.9, label="resting level")


def _legs_used(picture: NightPicture) -> tuple[str, ...]:
    night = picture.tables["night"]
    ending = "_piezo" if night["index_family"][0] == "piezo" else ""
    used = night[f"legs_used{ending}"][0]
    return {"both": ("L", "R"), "left": ("L",), "right": ("R",), "combined": ("C",)}.get(used, ())


def _baseline(leg: str, picture: NightPicture) -> float:
    """Median baseline of a piezo leg: its unit means nothing, so the picture shows multiples of it."""
    quality = picture.tables["signal_quality"]
    values = [v for name, v in zip(quality["leg"], quality["rest_p50_piezo"], strict=True) if name == leg]
    return float(values[0]) if values and values[0] else 1.0


def _unusable_spans(leg: str, picture: NightPicture) -> list[tuple[float, float, str]]:
    rows = picture.tables["unusable_span"]
    columns = (rows[name] for name in ("leg", "onset_s", "offset_s", "reason"))
    return [(onset, offset, why) for name, onset, offset, why in zip(*columns, strict=True) if name == leg]


def _draw_unusable(panel: Any, spans: Sequence[tuple[float, float, str]], duration_s: float) -> None:
    for at, (onset, offset, why) in enumerate(spans):
        panel.axvspan(
            onset / _HOUR_S,
            offset / _HOUR_S,
            facecolor=_UNUSABLE,
            edgecolor=_REJECTED,
            hatch="////",
            lw=0,
            label=None if at else "not scorable",
        )
        if offset - onset > _LEAST_FOR_TEXT * duration_s:
            middle = (0.5 * (onset + offset) / _HOUR_S, 0.3)
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            text = why.replace("_", " ")
            panel.text(*middle, text, transform=panel.get_xaxis_transform(), ha="center", fontsize=7, bbox=box)


def _movements(leg: str, picture: NightPicture, is_piezo: bool) -> list[_Movement]:
    """Movements of a leg with their height, told apart by what became of them in the first rule set."""
    periodic = _periodic_spans(leg, picture)
    rows = picture.tables["leg_movement"]
    found = []
    for at, name in enumerate(rows["leg"]):
        if name != leg:
            continue
        onset, offset, kept = float(rows["onset_s"][at]), float(rows["offset_s"][at]), bool(rows["is_kept"][at])
        inside = np.searchsorted(periodic[:, 0], onset + 1e-9, side="right") - 1
        is_periodic = kept and inside >= 0 and onset < periodic[inside, 1]
        kind = "rejected" if not kept else "plm" if is_periodic else "other"
        if is_piezo:
            rest, peak = 1.0, float(rows["peak_over_rest_piezo"][at])
        else:
            rest, peak = float(rows["resting_uv"][at]), float(rows["peak_uv"][at])
        found.append(_Movement(onset / _HOUR_S, offset / _HOUR_S, rest, peak, kind))
    return found


def _periodic_spans(leg: str, picture: NightPicture) -> np.ndarray:
    """Onset and offset (s) of the periodic movements that this leg takes part in, sorted; shape (n, 2)."""
    scored = picture.tables["scored_movement"]
    first = picture.tables["night"]["rule_set"][0]
    columns = ("rule_set", "is_plm", "side", "onset_s", "offset_s")
    spans = [
        (onset, offset)
        for rule_set, is_plm, side, onset, offset in zip(*(scored[name] for name in columns), strict=True)
        if rule_set == first and is_plm and side in _SIDES[leg]
    ]
    return np.array(sorted(spans), dtype=np.float64).reshape(-1, 2)


def _draw_intervals(panel: Any, picture: NightPicture) -> None:
    """Interval to the movement before, over the night: periodic movements lie in a band."""
    scored = picture.tables["scored_movement"]
    first = picture.tables["night"]["rule_set"][0]
    rows = [
        (onset, imi, bool(is_plm))
        for rule_set, onset, imi, is_plm in zip(
            *(scored[name] for name in ("rule_set", "onset_s", "imi_s", "is_plm")), strict=True
        )
        if rule_set == first and imi is not None and _INTERVAL_AXIS_S[0] <= imi <= _INTERVAL_AXIS_S[1]
    ]
    panel.axhspan(*picture.imi_s, color="#EEEEEE", lw=0)
    for is_plm, colour in ((False, _OTHER), (True, _PLM)):
        chosen = [row for row in rows if row[2] is is_plm]
        panel.plot([row[0] / _HOUR_S for row in chosen], [row[1] for row in chosen], ".", color=colour, ms=3.5, mew=0)
    panel.set_yscale("log")
    panel.set_ylim(*_INTERVAL_AXIS_S)
    low, high = (round(value) for value in picture.imi_s)
    panel.set_yticks([low, 30, high], [str(low), "30", str(high)])
    panel.minorticks_off()
    panel.set_ylabel("interval to the\ncandidate before, s")
    if not rows:
        panel.text(0.5, 0.5, "no interval between candidate leg movements", transform=panel.transAxes, ha="center")
