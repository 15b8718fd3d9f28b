"""Render the report of a candidate release or a release: one HTML file without a single outside address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plms_pipeline import contracts
from plms_pipeline.quality.candidate import opened
from plms_pipeline.quality.checks import load_checks
from plms_pipeline.quality.report import checks_view
from plms_pipeline.quality.report.model import Section, guarded, number

_SECTION_TITLES = {
    "software": "Software",
    "library": "Libraries",
    "schema": "Data model",
    "revision": "Revisions of the stages",
    "settings": "Settings",
    "detector": "Detector",
    "rule_set": "Rule sets",
    "clinical": "Clinical settings",
    "input": "Clinical input files",
}


def render_report(candidate: Path, out: Path) -> None:
    """Write the report of a release as one self-contained HTML file.

    Reads the Parquet files of the release and the declarations only; the same release gives the same bytes.
    A table or column that is missing makes its figure say so, so that a defective candidate can be looked at.

    Parameters
    ----------
    candidate
        Folder of a candidate or published release, with ``quality_result`` or (then it says so) without.
    out
        File to write; its folder is made. Written aside and renamed.

    Raises
    ------
    InputError
        When the folder is no release.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    with opened(candidate) as connection:
        page = environment.get_template("report.html.j2").render(**_context(connection))
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.partial")
    aside.write_text(page, encoding="utf-8", newline="\n")
    aside.replace(out)


def _rows(connection: Any, query: str) -> list[dict[str, Any]]:
    """Rows of a query as dicts; none when a table or column it names is not there."""
    import duckdb

    try:
        result = connection.execute(query)
    except duckdb.Error:
        return []
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _context(connection: Any) -> dict[str, Any]:
    texts = contracts.load_yaml("report.yaml")
    results = _rows(connection, "SELECT * FROM quality_result ORDER BY check_id, table_name, column_name")
    cohorts = [row["cohort"] for row in _rows(connection, "SELECT DISTINCT cohort FROM ledger ORDER BY 1")]
    subjects = _rows(connection, "SELECT count(DISTINCT (cohort, subject_id)) AS n FROM ledger")
    rule_sets = [row["rule_set"] for row in _rows(connection, "SELECT DISTINCT rule_set FROM night ORDER BY 1")]
    provenance = _rows(connection, "SELECT section, name, value FROM provenance ORDER BY section, name")
    simulated = _rows(connection, "SELECT bool_or(is_simulated) AS simulated FROM release_part")
    return {
        "simulated": bool(simulated and simulated[0]["simulated"]),
        "cohorts": cohorts,
        "n_subjects": subjects[0]["n"] if subjects else 0,
        "rule_sets": rule_sets,
        "schema_version": contracts.schema_version(),
        "tiles": _tiles(connection),
        "gate": checks_view.gate(results),
        "limits": texts["limits"],
        "sections": _sections(connection, texts),
        "checks": checks_view.view(results, load_checks()),
        "methods": texts["methods"],
        "provenance": [
            {
                "title": title,
                "rows": [
                    {"name": row["name"], "value": "not known" if row["value"] is None else row["value"]}
                    for row in provenance
                    if row["section"] == section
                ],
            }
            for section, title in _SECTION_TITLES.items()
            if any(row["section"] == section for row in provenance)
        ],
    }


def _tiles(connection: Any) -> list[dict[str, str]]:
    tiles = []
    for row in _rows(
        connection,
        "SELECT count(*) AS n_in, count(*) FILTER (WHERE outcome = 'analysed') AS analysed, "
        "count(*) FILTER (WHERE outcome = 'excluded') AS excluded, "
        "count(*) FILTER (WHERE outcome LIKE 'failed%') AS failed FROM ledger",
    ):
        tiles += [
            {"number": number(row["n_in"]), "text": "recordings in"},
            {"number": number(row["analysed"]), "text": "analysed"},
            {"number": number(row["excluded"]), "text": "excluded, with a reason"},
            {"number": number(row["failed"]), "text": "failed, with a reason"},
        ]
    for row in _rows(
        connection,
        "SELECT count(*) AS n, count(*) FILTER (WHERE evidence_class = 'full') AS n_full, "
        "count(*) FILTER (WHERE plms_elevated = 'yes') AS yes, count(*) FILTER (WHERE plms_elevated = 'no') AS no "
        "FROM analysis WHERE is_index_night",
    ):
        n = row["n"]
        tiles.append({"number": f"{row['n_full']} of {n}", "text": "index nights with full evidence"})
        if n:
            low, high = 100 * row["yes"] / n, 100 * (n - row["no"]) / n
            whom = "elevated PLMS index: hard bounds over persons with an index night"
            tiles.append({"number": f"{low:.0f}–{high:.0f} %", "text": whom})
    return tiles


def _sections(connection: Any, texts: dict[str, Any]) -> list[Section]:
    from plms_pipeline.quality.report import agreement, figures, flow, people

    rules = contracts.load_yaml("rules/clinical.yaml")["rules"]
    evidence = contracts.load_yaml("rules/evidence.yaml")["numbers"]
    band_s = (evidence["imi_typical_min_s"]["value"], evidence["imi_typical_max_s"]["value"])
    thresholds = {
        "adult": rules["plms_adult_per_h"]["value"],
        "child": rules["plms_child_per_h"]["value"],
        "adult_age": rules["adult_age_years"]["value"],
    }

    def make(name: str, title: str, function: Any, *arguments: Any) -> Any:
        return guarded(connection, name, title, lambda opened_: function(opened_, *arguments))

    return [
        Section(
            "recordings",
            "Recordings",
            [
                make("flow", "Flow of recordings", flow.flow),
                make("defects", "Recordings that were not analysed", figures.defects),
                make("findings", "What was noticed while reading", figures.findings),
            ],
        ),
        Section(
            "movements",
            "Leg movements",
            [
                make("evidence", "How well each night is known", figures.evidence),
                make("families", "What the legs were measured with", figures.families),
                make("plmsi", "PLMS index", figures.plmsi_distribution, thresholds, texts["plmsi_bin_edges_per_h"]),
                make("imi", "Intermovement intervals", figures.imi_histogram, "imi_all_hist",
                     evidence["imi_bin_s"]["value"], band_s),
                make("time_course", "Time course over the night", figures.time_course, "plms_rate_by_hour_per_h"),
                make("measures", "Main measures", figures.measures, texts["measures"]),
                make("agreement", "Detected movements and human marks", agreement.agreement),
            ],
        ),
        Section(
            "people",
            "People",
            [
                make("elevated", "Elevated PLMS index", people.elevated, thresholds),
                make("age", "PLMS index and age", people.plmsi_by_age, thresholds),
                make("factors", "Factors that may accompany PLMS", people.factors),
            ],
            "One night per person (the index night: the earliest diagnostic night with full evidence, else the "
            "earliest diagnostic one), chosen without looking at the index.",
        ),
    ]  # fmt: skip
