"""What the report shows: each function reads the release with DuckDB and returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from plms_pipeline.quality.report import drawing
from plms_pipeline.quality.report.model import Figure, Head, Listing, number, percent

_LEAST_BINS = 9


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return connection.execute(query).fetchall()


def labels(connection: Any, code_list: str) -> dict[str, str]:
    """Value → label of a code list, from the release's own table ``domain``."""
    found = connection.execute("SELECT value, label FROM domain WHERE code_list = ?", [code_list]).fetchall()
    return dict(found)


# ---- ledger -----------------------------------------------------------------------------------------------------


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

NIGHT = (
    "(SELECT n.* FROM night n JOIN ledger USING (recording_id) WHERE ledger.outcome = 'analysed' AND n.is_main "
    "AND n.rule_set = (SELECT coalesce(min(rule_set) FILTER (WHERE rule_set = (SELECT min(phenotype_rule_set) FROM "
    "analysis)), min(rule_set)) FROM night))"
)


def rule_set_shown(connection: Any) -> str:
    """The rule set of :data:`NIGHT`: that of the phenotypes, or the first that was scored where it was not."""
    found = rows(connection, f"SELECT min(rule_set) FROM {NIGHT}")
    return found[0][0] or "no rule set"


def evidence(connection: Any) -> Figure:
    """Evidence classes of the analysed nights."""
    class_labels = labels(connection, "evidence_class")
    found = dict(rows(connection, f"SELECT evidence_class, count(*) FROM {NIGHT} GROUP BY 1"))
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


def families(connection: Any) -> Figure:
    """Index families and sensors of the analysed nights, each with its own index."""
    family_labels, sensor_labels = labels(connection, "index_family"), labels(connection, "sensor")
    found = rows(
        connection,
        "SELECT index_family, sensor, count(*), count(index_per_h), median(index_per_h) FROM (SELECT n.index_family, "
        "r.sensor, CASE n.index_family WHEN 'piezo' THEN n.plmsi_per_h_piezo ELSE n.plmsi_per_h END AS index_per_h "
        f"FROM {NIGHT} n JOIN recording r USING (recording_id)) GROUP BY 1, 2 ORDER BY 1, 2",
    )
    listed = [
        (
            family_labels.get(family, family),
            sensor_labels.get(sensor, sensor or "–"),
            str(n),
            str(n_index),
            "–" if middle is None else f"{middle:.1f}/h",
        )
        for family, sensor, n, n_index, middle in found
    ]
    heads = [
        Head("measured with"),
        Head("sensor"),
        Head("nights", True),
        Head("with an index", True),
        Head("median of that index", True),
    ]
    return Figure(
        "families",
        "What the legs were measured with",
        "Indices of two families are different quantities; every other figure of this report is about EMG.",
        "two families in one cohort: a table or a model takes one of them.",
        table=Listing(heads, listed),
    )


def plmsi_distribution(connection: Any, thresholds: Mapping[str, float], edges: Sequence[float]) -> Figure:
    """Histogram of the PLMS index by evidence class."""
    found = rows(
        connection,
        f"SELECT evidence_class, plmsi_per_h FROM {NIGHT} WHERE plmsi_per_h IS NOT NULL ORDER BY 1, 2",
    )
    n_null = rows(connection, f"SELECT count(*) FROM {NIGHT} WHERE plmsi_per_h IS NULL")[0][0]
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
        f"{len(values)} analysed nights with an index by {rule_set_shown(connection)} ({middle}), {n_null} without."
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
        f"FROM {NIGHT} WHERE {column} IS NOT NULL) GROUP BY 1 ORDER BY 1",
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
        axes.set_xlim(0, max(len(counts) * bin_s, 2 * band_s[1]))
        axes.grid(axis="x", visible=False)

    return Figure(
        "imi",
        "Intermovement intervals in sleep",
        f"{total:,} intervals between successive candidate leg movements by {rule_set_shown(connection)}, all analysed "
        f"nights together; {percent(inside, total)} lie between {band_s[0]:g} and {band_s[1]:g} s.",
        "a single hump between 10 and 40 s, at shorter intervals in older people (24–28 s below 55 years, 14–16 s "
        "above 65; Ferri 2008). A falling curve without a hump means movements without periodicity, or noise.",
        svg=Markup(drawing.svg("imi", draw, label="Histogram of intermovement intervals")),
    )


def time_course(connection: Any, column: str) -> Figure:
    """PLMS per hour of sleep by elapsed hour since sleep onset."""
    found = rows(
        connection,
        f"SELECT position + 1 AS hour, count(rate), quantile_cont(rate, 0.25), median(rate), quantile_cont(rate, 0.75) "
        f"FROM (SELECT unnest({column}) AS rate, unnest(range(len({column}))) AS position FROM {NIGHT} "
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
        "the scorable sleep in that hour; hours with less than 10 minutes of it are left out; n is the number of "
        "nights.",
        "the decline over the night that is typical below about 75 years. Late hours rest on few nights (n).",
        svg=Markup(drawing.svg("time-course", draw, label="PLMS per hour of sleep by hour since sleep onset"))
        if found
        else None,
        problem=None if found else "No night has a time course.",
    )


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
                connection, f'SELECT "{measure["column"]}" FROM {NIGHT} WHERE "{measure["column"]}" IS NOT NULL'
            )
        )
        n_all = rows(connection, f"SELECT count(*) FROM {NIGHT}")[0][0]
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
