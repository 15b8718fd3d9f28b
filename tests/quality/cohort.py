"""Rows of a small valid release: six recordings of five people, four analysed, one excluded, one unreadable."""

from __future__ import annotations

from typing import Any, NamedTuple

from plms_pipeline import contracts
from tests.quality.synthetic import RULE_SETS, Release, Row, row

DURATION_S = 28800.0
SLEEP_H = 6.0
N_MOVEMENTS = 6
BASES = ("wasm2016", "wasm2016_nr", "aasm3")


class Night(NamedTuple):
    """What makes one recording of the synthetic cohort different from the others."""

    recording_id: str
    subject_id: str
    visit: str
    outcome: str = "analysed"
    reason: str | None = None
    evidence_class: str = "full"
    n_plms: int | None = 120
    age_years: int | None = 60
    sex: str | None = "female"
    is_index_night: bool = True

    @property
    def ids(self) -> dict[str, str]:
        """The four identifying columns."""
        return {"recording_id": self.recording_id, "cohort": "demo", "subject_id": self.subject_id, "visit": self.visit}

    @property
    def index(self) -> float | None:
        """PLMS per hour of scorable sleep."""
        return None if self.n_plms is None else round(self.n_plms / SLEEP_H, 6)

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Lower and upper bound of the index."""
        if self.index is None:
            return None, None
        return (self.index, self.index) if self.evidence_class == "full" else (0.0, 360.0)


NIGHTS = (
    Night("demo_s1_v1", "s1", "v1"),
    Night("demo_s1_v2", "s1", "v2", n_plms=132, age_years=63, is_index_night=False),
    Night("demo_s2_v1", "s2", "v1", n_plms=12, age_years=35, sex="male"),
    Night("demo_s3_v1", "s3", "v1", evidence_class="one_leg", n_plms=60, age_years=71, sex="male"),
    Night("demo_s4_v1", "s4", "v1", outcome="excluded", reason="no_leg_channel", evidence_class="none", n_plms=None,
          is_index_night=False),
    Night("demo_s5_v1", "s5", "v1", outcome="failed_input", reason="not_edf", evidence_class="none", n_plms=None,
          age_years=None, sex=None, is_index_night=False),
)  # fmt: skip


def _recording(night: Night) -> Row:
    known: dict[str, Any] = {}
    if night.outcome == "analysed":
        known = {"duration_s": DURATION_S, "sensor": "emg", "stages_state": "scored", "respiratory_state": "scored",
                 "arousals_state": "scored",
                 "legs_used": "left" if night.evidence_class == "one_leg" else "both"}  # fmt: skip
    digest = None if night.outcome == "failed_input" else f"digest of {night.recording_id}"
    findings = ["one_leg"] if night.evidence_class == "one_leg" else []
    return row("recording", **night.ids, outcome=night.outcome, outcome_reason=night.reason, digest=digest,
               pap_this_night="no", findings=findings, n_findings=len(findings), **known)  # fmt: skip


def _ledger(night: Night) -> Row:
    failed = night.outcome != "analysed"
    return row(
        "ledger",
        **night.ids,
        outcome=night.outcome,
        stage="detect" if failed else None,
        reason=night.reason,
        text="recording: no usable signal; name the channel in the sheet" if failed else None,
        findings=["one_leg"] if night.evidence_class == "one_leg" else [],
        input_digest=None if night.outcome == "failed_input" else f"digest of {night.recording_id}",
        input_digest_kind=None if night.outcome == "failed_input" else "xxh3_128",
    )


def _onsets() -> list[float]:
    return [3600.0 + 25.0 * at for at in range(N_MOVEMENTS)]


def _signal(night: Night) -> dict[str, list[Row]]:
    legs = ["L"] if night.evidence_class == "one_leg" else ["L", "R"]
    return {
        "leg_movement": [
            row("leg_movement", **night.ids, leg=leg, onset_s=onset, offset_s=onset + 3.0, is_kept=True,
                has_morphology=True, source="detector")
            for leg in legs for onset in _onsets()
        ],
        "unusable_span": [
            row("unusable_span", **night.ids, leg="L", onset_s=0.0, offset_s=30.0)
        ],
        "signal_quality": [
            row("signal_quality", **night.ids, leg=leg, recorded_min=480.0, scorable_min=479.5, unscorable_min=0.5,
                is_duplicate_suspected=None if len(legs) == 1 else False,
                is_swap_suspected=None if len(legs) == 1 else False)
            for leg in legs
        ],
        "signal_quality_epoch": [
            row("signal_quality_epoch", **night.ids, leg=leg, epoch_index=at) for leg in legs for at in range(3)
        ],
    }  # fmt: skip


def _scored(night: Night) -> dict[str, list[Row]]:
    lo, hi = night.interval
    stages = [(0.0, 3600.0, "W"), (3600.0, 3600.0 * SLEEP_H, "N2"), (3600.0 * (SLEEP_H + 1), 3600.0, "W")]
    counts = dict.fromkeys(("n_plms", "n_plms_nr", "n_plm", "n_plm_nr", "n_clm", "n_lm"), night.n_plms)
    side = "left" if night.evidence_class == "one_leg" else "bilateral"
    n_periodic = night.n_plms or 0
    return {
        "sleep_stage": [
            row("sleep_stage", **night.ids, onset_s=onset, duration_s=duration, stage=stage, source_label=stage)
            for onset, duration, stage in stages
        ],
        "event": [
            row("event", **night.ids, event_index=0, onset_s=7000.0, offset_s=7020.0, type="hypopnea",
                event_class="respiratory", source_label="Hypopnea"),
            row("event", **night.ids, event_index=1, onset_s=7100.0, offset_s=None, type="arousal",
                event_class="arousal", source_label="Arousal"),
        ],
        "scored_movement": [
            row("scored_movement", **night.ids, rule_set=rule_set, source="detector", movement_id=at + 1,
                onset_s=3600.0 + 25.0 * at, offset_s=3603.0 + 25.0 * at, side=side, n_monolateral=1,
                is_candidate=True, is_plm=True, is_plm_nr=True, stage="N2", is_respiratory_related=False,
                is_arousal_associated=False)
            for rule_set in RULE_SETS
            for at in range(n_periodic)
        ],
        "night": [
            row("night", **night.ids, rule_set=rule_set, source="detector", is_main=True,
                evidence_class=night.evidence_class, legs_used="left" if night.evidence_class == "one_leg" else "both",
                tst_h=SLEEP_H, sleep_scorable_h=SLEEP_H, plmsi_per_h=night.index, plmsi_lo_per_h=lo,
                plmsi_hi_per_h=hi, plmsi_nr_per_h=night.index, plmsi_nr_lo_per_h=lo, plmsi_nr_hi_per_h=hi,
                imi_all_hist=[0] * 10 + [3, 12, 40, 21, 9, 4] + [1] * 29,
                plms_rate_by_hour_per_h=[30.0, 25.0, 18.0, 12.0, 9.0, None], **counts)
            for rule_set in RULE_SETS
        ],
    }  # fmt: skip


def _clinical(night: Night) -> dict[str, list[Row]]:
    analysed = night.outcome == "analysed"
    state = "scored" if analysed else "not_scored"
    lo, hi = night.interval
    elevated = "unknown"
    if lo is not None and hi is not None:
        elevated = "yes" if lo > 15 else "no" if hi <= 15 else "unknown"
    point = "unknown" if night.index is None else ("yes" if night.index > 15 else "no")
    egfr = None if night.sex is None else 88.0
    criteria = {
        **{f"plms_elevated_{name}": elevated for name in BASES},
        **{f"plms_elevated_{name}_point": point for name in BASES},
        "plms_elevated": elevated,
        "plms_elevated_point": point,
        "plmd_compatible": "no" if elevated == "no" else "unknown",
        "plmd_compatible_assessed": "no" if elevated == "no" else "unknown",
        "plmd_compatible_icsd": "no" if elevated == "no" else "unknown",
        "plmd_compatible_icsd_assessed": "no" if elevated == "no" else "unknown",
    }
    three_valued = {
        column.name: "unknown"
        for name in ("phenotype", "analysis")
        for column in contracts.table(name).columns
        if column.codes == "yes_no_unknown"
    }
    three_valued |= criteria | {"pap_this_night": "no"}
    pattern = "not_applicable" if elevated == "no" else "undetermined"

    side_by_side: dict[str, Any] = {}
    for name in BASES if analysed else ():
        side_by_side |= {f"n_plms_{name}": night.n_plms, f"plmsi_{name}_per_h": night.index,
                         f"plmsi_{name}_lo_per_h": lo, f"plmsi_{name}_hi_per_h": hi}  # fmt: skip

    def statuses(table: str) -> dict[str, str]:
        return {name: value for name, value in three_valued.items() if name in contracts.table(table).column_names}

    return {
        "medication_exposure": [
            row("medication_exposure", **night.ids, class_id="ssri", exposed="yes", exposed_sensitivity="yes",
                n_records=1, last_use_offset_d=0, lookback_d=7, lookback_sensitivity_d=14),
            row("medication_exposure", **night.ids, class_id="lithium", exposed="no", exposed_sensitivity="no"),
        ],
        "laboratory": [
            row("laboratory", **night.ids, analyte="ferritin", value=80.0, lo=80.0, hi=80.0, unit="ug/L", offset_d=-3,
                n_draws=1),
            row("laboratory", **night.ids, analyte="creatinine", value=None, unit="mg/dL"),
        ],
        "condition": [row("condition", **night.ids, condition="dialysis", status="no")],
        "phenotype": [
            row("phenotype", **night.ids, **statuses("phenotype"), plms_elevated_basis=RULE_SETS[0],
                plmd_compatible_basis=RULE_SETS[0], secondary_factor_pattern=pattern,
                factors_present=["medication"], factors_unknown=["iron_deficiency", "sdb"],
                factors_absent=["renal_failure"], factors_not_collected=["neuropathy"],
                attribution_universe=["medication", "iron_deficiency", "renal_failure", "sdb"])
        ],
        "analysis": [
            row("analysis", **night.ids, **statuses("analysis"), outcome=night.outcome,
                is_index_night=night.is_index_night, evidence_class=night.evidence_class,
                respiratory_state=state, stages_state=state, arousals_state=state,
                sensor="emg" if analysed else "unknown",
                phenotype_rule_set=RULE_SETS[0],
                age_years=night.age_years, sex=night.sex, tst_h=SLEEP_H if analysed else None,
                sleep_scorable_h=SLEEP_H if analysed else None, n_plms=night.n_plms, plmsi_per_h=night.index,
                plmsi_lo_per_h=lo, plmsi_hi_per_h=hi, **side_by_side,
                secondary_factor_pattern=pattern, ferritin_ug_l=80.0, egfr=egfr)
        ],
    }  # fmt: skip


def valid_release() -> Release:
    """A release that passes every check."""
    rows: dict[str, list[Row]] = {name: [] for name in contracts.tables() if name != "quality_result"}
    for night in NIGHTS:
        rows["recording"].append(_recording(night))
        rows["ledger"].append(_ledger(night))
        tables = _clinical(night)
        if night.outcome == "analysed":
            tables |= _signal(night) | _scored(night)
        for name, some in tables.items():
            rows[name] += some
    counts = {"n_medication_records": "20", "n_medication_records_unmapped": "0"}
    rows["provenance"] = [row("provenance", section="software", name="plms_pipeline", value="0")]
    rows["provenance"] += [row("provenance", section="clinical", name=k, value=v) for k, v in counts.items()]
    for name, columns in (("data_dictionary", contracts.dictionary_columns()), ("domain", contracts.domain_columns())):
        rows[name] = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Release(rows)
