"""Figures about people: elevated index, age, factors; one index night per person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from markupsafe import Markup

from plms_pipeline.quality.report import drawing
from plms_pipeline.quality.report.figures import NIGHT, labels, rows, rule_set_shown
from plms_pipeline.quality.report.model import Figure, Head, Listing, percent, wilson

Z_95 = NormalDist().inv_cdf(0.975)
# Whether the point is known where respiratory events were not looked for depends on the index; the point says it.
_POINT = "evidence_class = 'full' AND plms_elevated_point IN ('yes', 'no')"


def plmsi_by_age(connection: Any, thresholds: Mapping[str, float]) -> Figure:
    """PLMS index with its interval against age."""
    found = rows(
        connection,
        f"SELECT a.age_years, n.evidence_class, n.plmsi_per_h, n.plmsi_lo_per_h, n.plmsi_hi_per_h FROM {NIGHT} n "
        "JOIN analysis a USING (recording_id) WHERE n.plmsi_per_h IS NOT NULL AND a.age_years IS NOT NULL ORDER BY ALL",
    )
    top = max((row[2] for row in found), default=1.0) * 1.25 + 5

    def draw(axes: Any) -> None:
        for name, colour in drawing.EVIDENCE_COLOURS.items():
            chosen = [row for row in found if row[1] == name]
            if not chosen:
                continue
            axes.vlines([row[0] for row in chosen], [row[3] for row in chosen], [min(row[4], top) for row in chosen],
                        color=colour, alpha=0.5, linewidth=1.4)  # fmt: skip
            axes.plot([row[0] for row in chosen], [row[2] for row in chosen], "o", color=colour, markersize=5,
                      label=name.replace("_", " "))  # fmt: skip
        axes.axhline(thresholds["adult"], color=drawing.INK, linestyle=(0, (4, 3)), linewidth=1.0)
        axes.set_ylim(0, top)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("age, completed years (90 = 90 and more)")
        axes.set_ylabel("PLMS index per hour")
        if found:
            axes.legend(title="evidence", fontsize=9, title_fontsize=9, loc="upper left")

    return Figure(
        "age",
        "PLMS index and age",
        f"{len(found)} analysed nights with index (by {rule_set_shown(connection)}) and age. The line of a point is "
        "the interval that unscorable time, gaps or a missing leg leave open (cut at the top of the plot); the dashed "
        f"line is {thresholds['adult']:g}/h.",
        "the rise with age known from population studies, and points whose line crosses the dashed one: for them "
        "elevated is unknown, whatever the point says.",
        svg=Markup(drawing.svg("age", draw, height=3.6, label="PLMS index against age")) if found else None,
        problem=None if found else "No analysed night has both an index and an age.",
    )


def factors(connection: Any) -> Figure:
    """Secondary factors present, unknown and absent."""
    factor_labels = labels(connection, "secondary_factor")
    found = rows(
        connection,
        "SELECT factor, state, count(*) FROM (SELECT unnest(factors_present) AS factor, 'yes' AS state FROM phenotype "
        "JOIN (SELECT recording_id FROM analysis WHERE is_index_night) USING (recording_id) UNION ALL "
        "SELECT unnest(factors_unknown), 'unknown' FROM phenotype "
        "JOIN (SELECT recording_id FROM analysis WHERE is_index_night) USING (recording_id) UNION ALL "
        "SELECT unnest(factors_absent), 'no' FROM phenotype "
        "JOIN (SELECT recording_id FROM analysis WHERE is_index_night) USING (recording_id)) GROUP BY ALL ORDER BY ALL",
    )
    by_factor: dict[str, dict[str, int]] = {}
    for factor, state, n in found:
        by_factor.setdefault(factor, {})[state] = n
    names = ("present", "unknown", "absent")
    bars = [(factor.replace("_", " "), by_factor[factor]) for factor in sorted(by_factor)]
    listed = [
        (factor.replace("_", " "), factor_labels.get(factor, ""), str(by_factor[factor].get("yes", 0)),
         str(by_factor[factor].get("unknown", 0)), str(by_factor[factor].get("no", 0)))
        for factor in sorted(by_factor)
    ]  # fmt: skip
    return Figure(
        "factors",
        "Factors that may accompany PLMS",
        "Persons (index nights) by factor. Unknown is shown as such: it is neither present nor absent.",
        "factors that are mostly unknown – nothing can be said about them here – and remember that a factor beside "
        "PLMS is co-occurrence, not cause.",
        svg=Markup(
            drawing.svg("factors", lambda axes: _finish_bars(axes, bars, "persons", names),
                        height=0.75 + 0.42 * max(len(bars), 1), label="Factors present, unknown and absent")
        )
        if bars
        else None,
        table=Listing(
            [Head("factor"), Head("meaning"), *(Head(name, True) for name in names)], listed
        )
        if bars
        else None,
        problem=None if bars else "No factor was assessed.",
    )  # fmt: skip


def _finish_bars(
    axes: Any, bars: Sequence[tuple[str, Mapping[str, int]]], unit: str, names: Sequence[str] = ("yes", "unknown", "no")
) -> None:
    drawing.answer_bars(axes, bars, names)
    axes.set_xlabel(unit)
    axes.xaxis.get_major_locator().set_params(integer=True)


def elevated(connection: Any, thresholds: Mapping[str, float]) -> Figure:
    """Prevalence of an elevated index: hard bounds and the point among nights of full evidence."""
    strata = (
        ("all", "true"),
        ("women", "sex = 'female'"),
        ("men", "sex = 'male'"),
        ("under 40 years", "age_years < 40"),
        ("40 to 59 years", "age_years >= 40 AND age_years < 60"),
        ("60 years and over", "age_years >= 60"),
    )
    named = rows(connection, "SELECT DISTINCT plms_elevated_basis FROM phenotype ORDER BY 1")
    basis = ", ".join(name for (name,) in named)
    listed, bars = [], []
    for label, condition in strata:
        n, yes, no, full, full_yes = rows(
            connection,
            "SELECT count(*), count(*) FILTER (WHERE plms_elevated = 'yes'), "
            "count(*) FILTER (WHERE plms_elevated = 'no'), "
            f"count(*) FILTER (WHERE {_POINT}), "
            f"count(*) FILTER (WHERE {_POINT} AND plms_elevated_point = 'yes') "
            f"FROM analysis WHERE is_index_night AND ({condition})",
        )[0]
        if not n:
            continue
        unknown = n - yes - no
        low, high = wilson(full_yes, full, Z_95)
        listed.append(
            (label, str(n), str(yes), str(no), str(unknown), f"{percent(yes, n)} to {percent(yes + unknown, n)}",
             f"{full_yes}/{full}", percent(full_yes, full) if full else "–",
             f"{100 * low:.1f} to {100 * high:.1f} %" if full else "–")
        )  # fmt: skip
        bars.append((label, {"yes": yes, "unknown": unknown, "no": no}))
    return Figure(
        "elevated",
        "Elevated PLMS index",
        f"Persons by whether the index of their index night, by {basis or 'no rule set'}, is elevated (more than "
        f"{thresholds['adult']:g}/h in adults, more than {thresholds['child']:g}/h under {thresholds['adult_age']:g} "
        "years). "
        "The hard bounds count all unknown as no, then as yes. The point estimate uses nights of full evidence, "
        "chosen by evidence and never by result, with Wilson's 95 % interval. An index that leaves "
        "respiratory-related movements out has no point value where respiratory events were not scored.",
        "wide hard bounds: then the data cannot fix the prevalence without assumptions. Leaving out the unknown is not "
        "offered, because whether a night can be decided depends on its value.",
        svg=Markup(
            drawing.svg("elevated", lambda axes: _finish_bars(axes, bars, "persons"),
                        height=0.75 + 0.42 * max(len(bars), 1), label="Elevated PLMS index: yes, unknown, no")
        )
        if bars
        else None,
        table=Listing(
            [Head("group"), Head("persons", True), Head("yes", True), Head("no", True), Head("unknown", True),
             Head("hard bounds", True), Head("yes / full evidence", True), Head("point", True),
             Head("95 % interval", True)],
            listed,
        )
        if listed
        else None,
        problem=None if listed else "This release holds no index night.",
    )  # fmt: skip
