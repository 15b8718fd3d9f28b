"""One violation per check: how to plant it, by name of the check."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from tests.quality.synthetic import Release

Plant = Callable[[Release], None]
FIRST = {"recording_id": "demo_s1_v1"}
SECOND = {"recording_id": "demo_s2_v1"}
ONE_LEG = {"recording_id": "demo_s3_v1"}
EXCLUDED = {"recording_id": "demo_s4_v1"}


def put(table: str, column: str, value: object, /, **where: object) -> Plant:
    """Give one column of one row another value."""
    return lambda release: release.set(table, column, value, **(where or FIRST))


def several(*plants: Plant) -> Plant:
    """Several changes that make one violation."""

    def plant(release: Release) -> None:
        for one in plants:
            one(release)

    return plant


def drop_rows(table: str, /, **where: object) -> Plant:
    """Lose the rows of a table that match."""

    def plant(release: Release) -> None:
        release.rows[table] = [r for r in release.rows[table] if any(r[k] != v for k, v in where.items())]

    return plant


def add_column(table: str, column: str) -> Plant:
    """A column that nobody declared."""

    def plant(release: Release) -> None:
        for one in release.rows[table]:
            one[column] = "x"

    return plant


def add_rows(table: str, *rows: dict[str, object]) -> Plant:
    """More rows of a table."""
    return lambda release: release.rows[table].extend(rows)


def _foreign_recording(release: Release) -> None:
    one = dict(release.one("unusable_span", **FIRST))
    release.rows["unusable_span"].append(one | {"recording_id": "demo_s9_v1"})


def _doubled_key(release: Release) -> None:
    release.rows["condition"].append(dict(release.one("condition", **FIRST)))


def _undeclared_table(release: Release) -> None:
    release.rows["scratch"] = [{"value": "x"}]


def _absent_table(release: Release) -> None:
    release.absent.add("condition")


def _type_changed(release: Release) -> None:
    release.types["laboratory", "offset_d"] = pa.int64()


def _misplaced_part(release: Release) -> None:
    release.metadata["condition"] = {"plms:cohort": "another"}


def _not_simulated(release: Release) -> None:
    release.metadata["condition"] = {"plms:simulated": "false"}


def _two_nights_with_other_rls(release: Release) -> None:
    release.rows["phenotype"].append(
        release.one("phenotype", **FIRST) | {"recording_id": "demo_s1_v1_n2", "rls_irlssg": "yes"}
    )


def _implausible_prevalence(release: Release) -> None:
    one = release.one("analysis", **FIRST)
    release.rows["analysis"] += [
        one | {"recording_id": f"demo_t{at}_v1", "subject_id": f"t{at}", "plms_elevated_point": "yes"}
        for at in range(60)
    ]


def _implausible_ferritin(release: Release) -> None:
    one = release.one("laboratory", analyte="ferritin", **FIRST)
    release.rows["laboratory"] += [
        one | {"recording_id": f"demo_t{at}_v1", "value": 900.0, "lo": 900.0, "hi": 900.0} for at in range(30)
    ]


def _overlapping_stages(release: Release) -> None:
    release.set("sleep_stage", "duration_s", 4000.0, onset_s=0.0, **FIRST)


_ELEVATED_ALONE = several(put("phenotype", "plmd_compatible", "no"), put("phenotype", "plmd_compatible_reason", None))

PLANTS: dict[str, Plant] = {
    "analysis_agrees_with_night": put("analysis", "n_plms", 121),
    "analysis_agrees_with_phenotype": put("analysis", "plms_elevated", "no"),
    "ckd_stage_follows_egfr": several(put("analysis", "egfr", 59.9), put("analysis", "ckd_stage", "G2")),
    "column_is_documented": drop_rows("data_dictionary", table="night", column="tst_h"),
    "column_type_as_declared": _type_changed,
    "counts_are_nested": put("night", "n_lm", 100),
    "declared_columns": add_column("laboratory", "shoe_size"),
    "declared_domain": put("phenotype", "rls_irlssg", "maybe"),
    "declared_key": _doubled_key,
    "declared_never_null": put("ledger", "outcome", None),
    "declared_range": put("analysis", "age_years", 130),
    "declared_reason": put("phenotype", "neuropathy_reason", None),
    "dialysis_has_no_egfr": several(put("analysis", "dialysis", "yes"), put("analysis", "egfr", 88.0)),
    "egfr_follows_equation": several(
        put("analysis", "egfr", 30.0), put("analysis", "egfr_equation", "ckdepi2021_cr"),
        put("analysis", "creatinine_mg_dl", 0.7),
    ),
    "elevated_follows_the_interval": put("phenotype", "plms_elevated_wasm2016_nr", "yes", **ONE_LEG),
    "elevated_is_the_named_one": put("phenotype", "plms_elevated", "no"),
    "event_ends_after_it_starts": put("event", "offset_s", 6990.0),
    "every_recording_has_its_rows": drop_rows("analysis", **EXCLUDED),
    "every_row_is_in_the_ledger": _foreign_recording,
    "exposure_is_before_the_night": put("medication_exposure", "start_offset_d", 2),
    "factors_are_in_one_list": put("phenotype", "factors_absent", ["renal_failure", "medication"]),
    "ferritin_level_is_plausible": _implausible_ferritin,
    "flow_adds_up": drop_rows("night", **FIRST),
    "full_evidence_is_earned": put("night", "legs_used", "left"),
    "guard_compatible_needs_everything": put("phenotype", "plmd_compatible", "yes"),
    "guard_cramp_is_not_rls": several(
        put("phenotype", "leg_cramp_pattern", "yes"), put("phenotype", "rls_irlssg", "yes")
    ),
    "guard_decided_stays_decided": several(
        put("phenotype", "renal_failure", "yes"), put("phenotype", "renal_failure_assessed", "no")
    ),
    "guard_elevated_alone_decides_nothing": _ELEVATED_ALONE,
    "guard_no_diagnosis": add_column("phenotype", "plmd_diagnosis"),
    "guard_not_elevated_not_compatible": put("phenotype", "plmd_compatible", "unknown", **SECOND),
    "guard_rls_from_history_only": _two_nights_with_other_rls,
    "identity_agrees_with_ledger": put("laboratory", "subject_id", "s2"),
    "index_is_count_over_hours": put("night", "plmsi_per_h", 20.5),
    "index_nr_is_count_over_hours": put("night", "n_plms_nr", 90),
    "interval_holds_the_point": put("night", "plmsi_hi_per_h", 19.0),
    "kept_movement_is_not_rejected": put("leg_movement", "reject_reason", "too_short"),
    "laboratory_interval_holds_value": put("laboratory", "hi", 70.0, analyte="ferritin", **FIRST),
    "laboratory_unit_is_canonical": put("laboratory", "unit", "mg/L", analyte="ferritin", **FIRST),
    "laboratory_within_window": put("laboratory", "offset_d", -400, analyte="ferritin", **FIRST),
    "leg_channels_differ": put("signal_quality", "is_duplicate_suspected", True),
    "medication_is_mapped": put(
        "provenance", "value", "3", section="clinical", name="n_medication_records_unmapped"
    ),
    "minutes_add_up": put("signal_quality", "scorable_min", 500.0),
    "movement_ends_after_it_starts": put("leg_movement", "offset_s", 3599.0),
    "movement_within_recording": put("recording", "duration_s", 3605.0),
    "no_duplicate_signal": put("ledger", "input_digest", "digest of demo_s2_v1"),
    "no_identifying_column": add_column("recording", "patient_name"),
    "no_sleep_no_index": put("night", "sleep_scorable_h", 0.0),
    "not_analysed_has_a_reason": put("ledger", "reason", None, **EXCLUDED),
    "numbers_are_finite": put("night", "periodicity_index_ferri", float("inf")),
    "one_index_night_per_person": put("analysis", "is_index_night", True, recording_id="demo_s1_v2"),
    "one_main_source": put("night", "is_main", False),
    "one_leg_bounds_nothing": put("night", "plmsi_lo_per_h", 5.0, **ONE_LEG),
    "pap_night_is_not_compatible": put("analysis", "pap_this_night", "yes"),
    "part_in_its_place": _misplaced_part,
    "pattern_follows_the_index": put("phenotype", "secondary_factor_pattern", "medication", **SECOND),
    "piezo_index_is_of_piezo": put("night", "index_family", "piezo"),
    "prevalence_is_plausible": _implausible_prevalence,
    "recording_agrees_with_ledger": put("recording", "outcome", "excluded"),
    "scorable_sleep_within_sleep": put("night", "tst_h", 5.0),
    "scored_movement_ends_after_it_starts": put("scored_movement", "offset_s", 3600.0),
    "scored_movement_has_a_night": drop_rows("night", **FIRST),
    "scored_movement_within_recording": put("recording", "duration_s", 5000.0),
    "scored_movements_match_counts": put("scored_movement", "is_plm", False),
    "sensor_is_emg": put("recording", "sensor", "piezo"),
    "simulated_says_so": _not_simulated,
    "stages_do_not_overlap": _overlapping_stages,
    "staging_as_long_as_recording": put("recording", "duration_s", 40000.0),
    "table_is_declared": _undeclared_table,
    "table_is_there": _absent_table,
    "unusable_span_ends_after_it_starts": put("unusable_span", "offset_s", 0.0),
}  # fmt: skip
