"""One night as a picture: hypnogram, movements of each leg with their peak, resting level, unusable stretches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LEG_NAMES = {"L": "left leg", "R": "right leg", "C": "both legs, one channel"}
_STAGE_LEVEL = {"W": 5, "R": 4, "N1": 3, "N2": 2, "N3": 1, "S": 2}
_KEPT, _REJECTED, _REST, _UNUSABLE = "#1b5e8c", "#b9b9b9", "#c2571a", "#e9c9c9"


def write_night_plot(path: Path, title: str, tables: Mapping[str, Mapping[str, Any]], epoch_s: float) -> None:
    """Draw a night as SVG; the same tables give the same bytes.

    Parameters
    ----------
    path
        File to write.
    title
        Heading of the picture.
    tables
        ``leg_movement``, ``unusable_span``, ``signal_quality_epoch`` and, if known, ``hypnogram`` (onset_s, offset_s,
        stage) as columns.
    epoch_s
        Length of an epoch of ``signal_quality_epoch``.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    movements = tables["leg_movement"]
    epochs = tables["signal_quality_epoch"]
    legs = [leg for leg in _LEG_NAMES if leg in set(epochs["leg"])]
    hypnogram = tables.get("hypnogram")
    rows = len(legs) + (hypnogram is not None)
    settings = {"svg.hashsalt": "plms", "svg.fonttype": "path", "font.size": 9, "axes.spines.top": False}
    with matplotlib.rc_context({**settings, "axes.spines.right": False}):
        figure, axes = plt.subplots(rows, 1, figsize=(11, 1.2 + 1.9 * rows), sharex=True, squeeze=False)
        panels = list(axes[:, 0])
        panels[0].set_title(title, loc="left", fontweight="bold")
        if hypnogram is not None:
            _draw_hypnogram(panels.pop(0), hypnogram)
        for leg, panel in zip(legs, panels, strict=True):
            _draw_leg(panel, leg, movements, epochs, tables["unusable_span"], epoch_s)
        panels[-1].set_xlabel("hours from the start of the recording")
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)


def _draw_hypnogram(panel: Any, hypnogram: Mapping[str, Any]) -> None:
    for onset, offset, stage in zip(hypnogram["onset_s"], hypnogram["offset_s"], hypnogram["stage"], strict=True):
        if stage in _STAGE_LEVEL:
            level = _STAGE_LEVEL[stage]
            panel.plot(
                [onset / 3600, offset / 3600], [level, level], color="black", linewidth=2.5, solid_capstyle="butt"
            )
    panel.set_yticks([1, 2, 3, 4, 5], ["N3", "N2", "N1", "R", "W"])
    panel.set_ylim(0.5, 5.5)
    panel.set_ylabel("stage")


def _draw_leg(
    panel: Any,
    leg: str,
    movements: Mapping[str, Any],
    epochs: Mapping[str, Any],
    unusable: Mapping[str, Any],
    epoch_s: float,
) -> None:
    for name, onset, offset in zip(unusable["leg"], unusable["onset_s"], unusable["offset_s"], strict=True):
        if name == leg:
            panel.axvspan(onset / 3600, offset / 3600, color=_UNUSABLE, linewidth=0)
    at = [row for row, name in enumerate(epochs["leg"]) if name == leg]
    panel.plot(
        [(epochs["epoch_index"][row] + 0.5) * epoch_s / 3600 for row in at],
        [epochs["rest_uv"][row] for row in at],
        color=_REST,
        linewidth=1.2,
        label="resting level",
    )
    columns = ("leg", "onset_s", "peak_uv", "resting_uv", "is_kept")
    found = [row for row in zip(*(movements[name] for name in columns), strict=True) if row[0] == leg]
    for kept, colour, label in ((False, _REJECTED, "rejected"), (True, _KEPT, "leg movement")):
        chosen = [row for row in found if bool(row[4]) is kept]
        hours = [row[1] / 3600 for row in chosen]
        tops = [row[2] for row in chosen]
        panel.vlines(
            hours, [row[3] for row in chosen], tops, color=colour, linewidth=0.8, label=f"{label} ({len(chosen)})"
        )
    panel.set_yscale("log")
    panel.set_ylim(0.3, 500)
    panel.set_ylabel(f"{_LEG_NAMES[leg]}\npeak, µV RMS")
    panel.legend(loc="upper right", ncols=3, frameon=False, fontsize=8)
