"""Prefect flows of the PLMS pipeline: thin calls into :mod:`plms_pipeline`."""
