"""Exposures: medication, laboratory values, kidney, conditions and questionnaires as dated, three-valued statuses."""

from plms_pipeline.exposures.batch import join_cohort
from plms_pipeline.exposures.covariates import Covariates, read_covariates
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.exposures.rules import clinical_rules

__all__ = ["Covariates", "clinical_rules", "join_cohort", "medication_table", "read_covariates"]
