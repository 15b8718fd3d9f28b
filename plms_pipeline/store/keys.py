"""Content keys of the stages: what a part depends on, and nothing else.

A key names a part in the work store. It depends on inputs, settings and the integer revision of the stage, never
on ids, shards, workers, clocks or paths, so that a renamed subject or another worker count recomputes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from plms_pipeline.contracts import digest_of

STAGES = ("detect", "score", "link")

# Raise the number of a stage whenever its output on unchanged input and settings changes: library versions are
# recorded with a release but are no part of a key.
REVISIONS = MappingProxyType({"detect": 2, "score": 2, "link": 2, "release": 1})


def _key(stage: str, **parts: Any) -> str:
    return digest_of({"stage": stage, "revision": REVISIONS[stage], **parts})


def detect_key(*, input_digest: str, channel_decision: Any, detector: Any) -> str:
    """Key of the signal stage.

    Parameters
    ----------
    input_digest
        Digest of the recording's bytes.
    channel_decision, detector
        JSON-able: the channels chosen and every setting of the detector.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return _key("detect", input=input_digest, channels=channel_decision, detector=detector)


def score_key(*, detect_digest: str, annotations: Any, window: Any, rule_sets: Any, evidence: Any) -> str:
    """Key of the scoring stage: detect output, normalised annotations, analysis window, rule sets, evidence."""
    return _key(
        "score",
        detect=detect_digest,
        annotations=annotations,
        window=window,
        rule_sets=rule_sets,
        evidence=evidence,
    )


def link_key(*, score_digest: str | None, facts: Any, covariates: Any, declaration: Any, settings: Any) -> str:
    """Key of the linking stage.

    Parameters
    ----------
    score_digest
        Digest of the score part; ``None`` for a recording that never got there.
    facts
        What is known of the night beyond its rows (recording date, PAP status, outcome and reason).
    covariates
        The normalised covariate rows of this subject and visit only.
    declaration, settings
        What the cohort collected (the mapping) and the clinical settings.
    """
    return _key(
        "link",
        score=score_digest,
        facts=facts,
        covariates=covariates,
        declaration=declaration,
        settings=settings,
    )


def release_key(part_digests: Iterable[str], **parts: Any) -> str:
    """Key of a release: the sorted digests of its parts and whatever else enters it (JSON-able)."""
    return _key("release", parts=sorted(part_digests), **parts)
