"""What the report shows: each function reads the release with DuckDB and returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from markupsafe import Markup

from plms_pipeline.quality.report import drawing
from plms_pipeline.quality.report.model import Figure, Head, Listing, Reason, Step, number, percent, wilson

_LEAST_BINS = 9
Z_95 = NormalDist().inv_cdf(0.975)


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return connection.execute(query).fetchall()


def labels(connection: Any, code_list: str) -> dict[str, str]:
    """Value → label of a code list, from the release's own table ``domain``."""
    found = connection.execute("SELECT value, label FROM domain WHERE code_list = ?", [code_list]).fetchall()
    return dict(found)


# ---- flow ------------------------------------------------------------------------------------------------------


def flow(connection: Any) -> Figure:
    """In = analysed + excluded + failed, with the reasons."""
    outcomes = dict(rows(connection, "SELECT outcome, count(*) FROM ledger GROUP BY 1"))
    reason_labels = labels(connection, "outcome_reason")
    reasons: dict[str, list[Reason]] = {}
    for outcome, reason, n in rows(
        connection,
        "SELECT outcome, reason, count(*) AS n FROM ledger WHERE outcome <> 'analysed' GROUP BY 1, 2 ORDER BY n DESC, 2",
    ):
        label = reason_labels.get(reason, reason or "no reason given")
        reasons.setdefault(outcome, []).append(Reason(label, n))
    n_in = sum(outcomes.values())
    analysed = outcomes.get("analysed", 0)
    failed = [*reasons.get("failed_input", []), *reasons.get("failed_system", [])]
    n_failed = outcomes.get("failed_input", 0) + outcomes.get("failed_system", 0)
    excluded = outcomes.get("excluded", 0)
    index = rows(
        connection,
        "SELECT count(*) FILTER (WHERE is_index_night), "
        "count(*) FILTER (WHERE is_index_night AND evidence_class = 'full') FROM analysis "
        "WHERE outcome = 'analysed'",
    )[0]
    steps = [
        Step("Recordings in the sheet", n_in, "Failed: files cannot be used", n_failed, failed),
        Step("Readable recordings", n_in - n_failed, "Excluded: not scorable by these rules", excluded,
             reasons.get("excluded", [])),
        Step("Analysed nights", analysed, "Not the index night of their person", analysed - index[0]),
        Step("Index nights, one per person", index[0], "Evidence less than full", index[0] - index[1]),
        Step("Index nights with full evidence", index[1]),
    ]  # fmt: skip
    steps = [step._replace(leaving=step.leaving or ([Reason("one night per person is used", step.n_leaving)]
             if step.text == "Analysed nights" and step.n_leaving else
             [Reason("one leg, partial staging or too little scorable sleep", step.n_leaving)]
             if step.text.startswith("Index nights, one") and step.n_leaving else ()))
             for step in steps]  # fmt: skip
    adds_up = n_in == analysed + excluded + n_failed
    return Figure(
        "flow",
        "Flow of recordings",
        f"{number(n_in)} in = {number(analysed)} analysed + {number(excluded)} excluded + {number(n_failed)} failed"
        + ("." if adds_up else ": THIS DOES NOT ADD UP."),
        "whether exclusions depend on who the person is (site, visit, severity): they bias a prevalence, "
        "failures at random do not. A failed recording keeps its rows in phenotype and analysis, as unknown.",
        flow=steps,
    )


def defects(connection: Any) -> Figure:
    """Ledger of recordings that were not analysed."""
    reason_labels = labels(connection, "outcome_reason")
    found = rows(
        connection,
        "SELECT recording_id, outcome, stage, reason, text FROM ledger WHERE outcome <> 'analysed' ORDER BY ALL",
    )
    listed = [(r, o.replace("_", " "), s or "–", reason_labels.get(c, c or "–"), t or "–") for r, o, s, c, t in found]
    return Figure(
        "defects",
        "Recordings that were not analysed",
        "One line per recording: what is wrong and what can be done about it."
        if found
        else "Every recording was analysed.",
        "a reason that repeats: it points to an export, a site or a montage, and one correction may bring all of "
        "them back."
        if found
        else "",
        table=Listing([Head("recording"), Head("outcome"), Head("stage"), Head("reason"), Head("what to do")], listed)
        if found
        else None,
    )


def findings(connection: Any) -> Figure:
    """What the reader noticed in recordings that were analysed all the same."""
    finding_labels = labels(connection, "finding")
    found = rows(
        connection,
        "SELECT finding, count(DISTINCT recording_id) AS n, "
        "count(DISTINCT recording_id) FILTER (WHERE outcome = 'analysed') AS n_analysed "
        "FROM (SELECT recording_id, outcome, unnest(findings) AS finding FROM ledger) GROUP BY 1 ORDER BY n DESC, 1",
    )
    listed = [(finding_labels.get(code, code), str(n), str(n_analysed)) for code, n, n_analysed in found]
    return Figure(
        "findings",
        "What was noticed while reading",
        "Findings per recording, also in recordings that were analysed." if found else "The reader noticed nothing.",
        "repairs (truncated file, repaired header) and assumptions (sides, sensor) that many recordings share."
        if found
        else "",
        table=Listing([Head("finding"), Head("recordings", True), Head("of them analysed", True)], listed)
        if found
        else None,
    )


# ---- evidence and main measures --------------------------------------------------------------------------------

_NIGHT = (
    "(SELECT n.* FROM night n JOIN ledger USING (recording_id) WHERE ledger.outcome = 'analysed' "
    "AND n.rule_set = (SELECT min(rule_set) FROM night))"
)


def evidence(connection: Any) -> Figure:
    """Evidence classes of the analysed nights."""
    class_labels = labels(connection, "evidence_class")
    found = dict(rows(connection, f"SELECT evidence_class, count(*) FROM {_NIGHT} GROUP BY 1"))
    total = sum(found.values())
    listed = [
        (
            name.replace("_", " "),
            class_labels.get(name, ""),
            str(found.get(name, 0)),
            percent(found.get(name, 0), total),
        )
        for name in drawing.EVIDENCE_COLOURS
    ]
    return Figure(
        "evidence",
        "How well each night is known",
        "Evidence class of the analysed nights. Only nights with full evidence give a point estimate of prevalence; "
        "the others enter with their interval.",
        "a class that is common in one cohort, site or visit only.",
        table=Listing([Head("class"), Head("meaning"), Head("nights", True), Head("share", True)], listed),
    )


def plmsi_distribution(connection: Any, thresholds: Mapping[str, float], edges: Sequence[float]) -> Figure:
    """Histogram of the PLMS index by evidence class."""
    found = rows(
        connection,
        f"SELECT evidence_class, plmsi_per_h FROM {_NIGHT} WHERE plmsi_per_h IS NOT NULL ORDER BY 1, 2",
    )
    n_null = rows(connection, f"SELECT count(*) FROM {_NIGHT} WHERE plmsi_per_h IS NULL")[0][0]
    highest = max((value for _, value in found), default=0.0)
    edges = [edge for at, edge in enumerate(edges) if at < _LEAST_BINS or edges[at - 1] <= highest]
    groups: dict[str, list[float]] = {}
    for name, value in found:
        groups.setdefault(name, []).append(min(value, edges[-1] - 1e-9))
    values = sorted(value for _, value in found)
    adult = thresholds["adult"]
    n_beyond = sum(value >= edges[-1] for value in values)

    def draw(axes: Any) -> None:
        drawing.stacked_histogram(axes, groups, edges, drawing.EVIDENCE_COLOURS)
        drawing.reference_line(axes, adult, f"{adult:g}/h, adults")
        axes.set_xlabel("PLMS index, movements per hour of scorable sleep")
        axes.set_ylabel("nights")
        axes.set_xlim(edges[0], edges[-1])
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="x", visible=False)

    middle = f"median {number(_quantile(values, 0.5))}/h" if values else "no night with an index"
    return Figure(
        "plmsi",
        "PLMS index",
        f"{len(values)} analysed nights with an index ({middle}), {n_null} without."
        + (f" {n_beyond} of {edges[-1]:g}/h and more stand in the last bar." if n_beyond else ""),
        f"the spread around {adult:g}/h – with many nights close to the threshold, small differences of method move "
        "the prevalence – and whether nights with little evidence pile up at one end.",
        svg=Markup(drawing.svg("plmsi", draw, label="Histogram of the PLMS index by evidence class")),
    )


def imi_histogram(connection: Any, column: str, bin_s: float, band_s: tuple[float, float]) -> Figure:
    """Intermovement intervals of all analysed nights."""
    found = rows(
        connection,
        f"SELECT position, sum(n) FROM (SELECT unnest({column}) AS n, unnest(range(len({column}))) AS position "
        f"FROM {_NIGHT} WHERE {column} IS NOT NULL) GROUP BY 1 ORDER BY 1",
    )
    counts = [int(n or 0) for _, n in found]
    total = sum(counts)
    inside = sum(n for at, n in enumerate(counts) if band_s[0] <= at * bin_s and (at + 1) * bin_s <= band_s[1])

    def draw(axes: Any) -> None:
        axes.axvspan(*band_s, color="#f2ead3", zorder=0)
        axes.bar([(at + 0.5) * bin_s for at in range(len(counts))], counts, width=bin_s * 0.9,
                 color=drawing.EVIDENCE_COLOURS["full"])  # fmt: skip
        axes.annotate(f"{band_s[0]:g}–{band_s[1]:g} s", (sum(band_s) / 2, 1.0), xycoords=("data", "axes fraction"),
                      xytext=(0, -3), textcoords="offset points", ha="center", va="top", fontsize=9)  # fmt: skip
        axes.set_xlabel("intermovement interval, onset to onset, s")
        axes.set_ylabel("intervals")
        axes.set_xlim(0, max(len(counts), 1) * bin_s)
        axes.grid(axis="x", visible=False)

    return Figure(
        "imi",
        "Intermovement intervals in sleep",
        f"{total:,} intervals between successive candidate leg movements, all analysed nights together; "
        f"{percent(inside, total)} lie between {band_s[0]:g} and {band_s[1]:g} s.",
        "a single hump between 10 and 40 s, at shorter intervals in older people (24–28 s below 55 years, 14–16 s "
        "above 65; Ferri 2008). A falling curve without a hump means movements without periodicity, or noise.",
        svg=Markup(drawing.svg("imi", draw, label="Histogram of intermovement intervals")),
    )


def time_course(connection: Any, column: str) -> Figure:
    """PLMS per hour of sleep by elapsed hour since sleep onset."""
    found = rows(
        connection,
        f"SELECT position + 1 AS hour, count(rate), quantile_cont(rate, 0.25), median(rate), quantile_cont(rate, 0.75) "
        f"FROM (SELECT unnest({column}) AS rate, unnest(range(len({column}))) AS position FROM {_NIGHT} "
        f"WHERE {column} IS NOT NULL) GROUP BY 1 HAVING count(rate) > 0 ORDER BY 1",
    )

    def draw(axes: Any) -> None:
        hours = [hour for hour, *_ in found]
        axes.fill_between(hours, [q1 for _, _, q1, _, _ in found], [q3 for *_, q3 in found],
                          color=drawing.EVIDENCE_COLOURS["partial"], alpha=0.45, linewidth=0)  # fmt: skip
        axes.plot(hours, [middle for _, _, _, middle, _ in found], marker="o", markersize=5,
                  color=drawing.EVIDENCE_COLOURS["full"])  # fmt: skip
        axes.set_xticks(hours, [f"{hour}\nn = {n}" for hour, n, *_ in found])
        axes.set_ylim(bottom=0)
        axes.margins(y=0.15)
        axes.set_xlabel("hour since sleep onset")
        axes.set_ylabel("PLMS per hour of sleep")

    return Figure(
        "time_course",
        "Time course over the night",
        "Median and quartiles over nights of the PLMS rate in each elapsed hour since sleep onset. The rate divides by "
        "the scorable sleep in that hour; hours with less than 10 minutes of it are left out; n is the number of nights.",
        "the decline over the night that is typical below about 75 years. Late hours rest on few nights (n).",
        svg=Markup(drawing.svg("time-course", draw, label="PLMS per hour of sleep by hour since sleep onset"))
        if found
        else None,
        problem=None if found else "No night has a time course.",
    )


def plmsi_by_age(connection: Any, thresholds: Mapping[str, float]) -> Figure:
    """PLMS index with its interval against age."""
    found = rows(
        connection,
        f"SELECT a.age_years, n.evidence_class, n.plmsi_per_h, n.plmsi_lo_per_h, n.plmsi_hi_per_h FROM {_NIGHT} n "
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
        axes.set_xlabel("age, completed years (90 = 90 and more)")
        axes.set_ylabel("PLMS index per hour")
        if found:
            axes.legend(title="evidence", fontsize=9, title_fontsize=9, loc="upper left")

    return Figure(
        "age",
        "PLMS index and age",
        f"{len(found)} analysed nights with index and age. The line of a point is the interval that unscorable time, "
        "gaps or a missing leg leave open (cut at the top of the plot); the dashed line is "
        f"{thresholds['adult']:g}/h.",
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
            drawing.svg("factors", lambda axes: _finish_bars(axes, bars, "persons", names), height=0.75 + 0.42 * max(len(bars), 1),
                        label="Factors present, unknown and absent")
        )
        if bars
        else None,
        table=Listing(
            [Head("factor"), Head("meaning"), Head("present", True), Head("unknown", True), Head("absent", True)], listed
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
    listed, bars = [], []
    for label, condition in strata:
        n, yes, no, full, full_yes = rows(
            connection,
            "SELECT count(*), count(*) FILTER (WHERE plms_elevated = 'yes'), count(*) FILTER (WHERE plms_elevated = 'no'), "
            "count(*) FILTER (WHERE evidence_class = 'full' AND plms_elevated_point IN ('yes', 'no')), "
            "count(*) FILTER (WHERE evidence_class = 'full' AND plms_elevated_point = 'yes') "
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
        "Persons by whether the index of their index night is elevated (more than "
        f"{thresholds['adult']:g}/h in adults, more than {thresholds['child']:g}/h under {thresholds['adult_age']:g} years). "
        "The hard bounds count all unknown as no, then as yes. The point estimate uses nights of full evidence, "
        "chosen by evidence and never by result, with Wilson's 95 % interval.",
        "wide hard bounds: then the data cannot fix the prevalence without assumptions. Leaving out the unknown is not "
        "offered, because whether a night can be decided depends on its value.",
        svg=Markup(
            drawing.svg("elevated", lambda axes: _finish_bars(axes, bars, "persons"), height=0.75 + 0.42 * max(len(bars), 1),
                        label="Elevated PLMS index: yes, unknown, no")
        )
        if bars
        else None,
        table=Listing(
            [Head("group"), Head("persons", True), Head("yes", True), Head("no", True), Head("unknown", True),
             Head("hard bounds", True), Head("yes / full evidence", True), Head("point", True), Head("95 % interval", True)],
            listed,
        )
        if listed
        else None,
        problem=None if listed else "This release holds no index night.",
    )  # fmt: skip


def _quantile(values: Sequence[float], q: float) -> float | None:
    """Quantile of sorted values by linear interpolation."""
    if not values:
        return None
    at = q * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def measures(connection: Any, declared: Sequence[Mapping[str, Any]]) -> Figure:
    """Percentiles of the main measures beside published reference values."""
    listed = []
    for measure in declared:
        found = sorted(
            row[0]
            for row in rows(
                connection, f'SELECT "{measure["column"]}" FROM {_NIGHT} WHERE "{measure["column"]}" IS NOT NULL'
            )
        )
        n_all = rows(connection, f"SELECT count(*) FROM {_NIGHT}")[0][0]
        digits = int(measure["digits"])
        listed.append(
            (measure["label"], measure["unit"], str(len(found)), str(n_all - len(found)),
             *(number(_quantile(found, q), digits) for q in (0.05, 0.25, 0.5, 0.75, 0.95)), measure["reference"])
        )  # fmt: skip
    heads = [Head("measure"), Head("unit"), Head("nights", True), Head("unknown", True)]
    heads += [Head(text, True) for text in ("5 %", "25 %", "median", "75 %", "95 %")]
    return Figure(
        "measures",
        "Main measures and what is published",
        "Percentiles over the analysed nights of this release, beside published values of other populations.",
        "percentiles far from the published ones, which may come from the population, the detector or the rules. "
        "The published values are orientation, not limits.",
        table=Listing([*heads, Head("published")], listed),
    )
