"""The page that says what is done about every defect of a recording."""

from __future__ import annotations

from plms_pipeline import contracts

_GROUPS = {
    "file": (
        "The file",
        "An error here ends the recording: outcome `failed_input`, the code as reason. Other recordings go on.",
    ),
    "time_line": (
        "The time line",
        "Record time stamps place the samples; a gap is time without signal and never joined. Stamps within\n"
        "{clock_tolerance_s} s of an even line through them are one run. Its sampling rate is that of the stamps if\n"
        "that differs by at most {clock_drift_ppm} ppm from the header's.",
    ),
    "samples": (
        "Scale and samples of a chosen channel",
        "An error here ends the channel, not the recording: the other leg is scored alone, and the findings say so.",
    ),
}
_DONE = {
    ("file", "error"): "refused",
    ("time_line", "error"): "refused",
    ("samples", "error"): "channel not used",
    "warning": "repaired",
    "info": "noted",
}


def defects_markdown() -> str:
    """Table of the finding codes of recordings as Markdown, from the declarations in ``schemas/``."""
    rules = contracts.load_yaml("rules/reading.yaml")
    codes = contracts.codes("finding")
    out = [
        "# Defects of recordings, and what is done about them",
        "",
        "<!-- generated from schemas/codes/finding.yaml and schemas/rules/reading.yaml by `make docs` -->",
        "",
        "What is read is what was recorded, or there is a finding: in the table `recording` (`findings`,",
        "`finding_texts`), in the reports, and in `plms inspect FILE`. *Repaired* means that the recording is used and",
        "the finding says what was changed, left out or assumed; *noted* that nothing was lost. A cohort that wants",
        "less repaired says so in its COHORT.yaml; a recording with such a finding then fails with the reason",
        "`refused_by_policy`, and only recordings that have it are affected:",
        "",
        "```yaml",
        "defects:",
        "  truncated: refuse",
        "  gap_in_contiguous_file: refuse",
        "```",
        "",
        "Everything that is repaired, noted or costs a channel can be refused; what is refused cannot be repaired.",
        "",
    ]
    for group, (title, text) in _GROUPS.items():
        out += [
            f"## {title}",
            "",
            text.format(**rules),
            "",
            "| finding | what it is | done | what to do |",
            "|---|---|---|---|",
        ]
        for value in rules["defects"][group]:
            code = codes.get(value)
            severity = str(code.extra["severity"])
            done = _DONE.get((group, severity)) or _DONE[severity]
            out.append(f"| `{value}` | {_cell(code.label)} | {done} | {_cell(str(code.extra['action']))} |")
        out.append("")
    out += ["## Read as it is, without a finding", "", *(f"- {shape}" for shape in rules["shapes"]), ""]
    out += [
        "## Bounds",
        "",
        f"A recording lasts at most {int(rules['longest_recording_s']) // 86_400} days; a time stamp further away is",
        "none. What a file declares is never allocated before its length is known to hold it.",
        "",
    ]
    return "\n".join(out)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
