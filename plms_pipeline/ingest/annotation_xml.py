"""Annotations in XML: NSRR (PSGAnnotation) and Compumedics Profusion (CMPStudyConfig). No meaning yet."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_marks import (
    Bounds,
    Mark,
    Source,
    Start,
    check_count,
    clock_of,
    read_bytes,
    seconds_us,
    shift_between,
    start_of,
)
from plms_pipeline.ingest.findings import Finding, finding

# Elements around one annotation: EventType, EventConcept, Start, Duration, SignalLocation, SpO2Nadir, …
_ELEMENTS_PER_MARK = 9


def read_xml(path: Path, recording_start: str | None, limit: Bounds) -> Source:
    """Read an annotation file in XML.

    Raises
    ------
    InputError
        Not well-formed, with entities or a document type, nested too deeply, or neither of the two formats.
    """
    root = _parse(path, limit)
    if root.tag == "PSGAnnotation":
        return _nsrr(path, root, recording_start, limit)
    if root.tag == "CMPStudyConfig":
        return _profusion(path, root, limit)
    raise InputError(f"{path}: XML with root <{root.tag[:60]}> is neither NSRR nor Profusion; convert it to CSV")


def _parse(path: Path, limit: Bounds) -> Element:
    most = limit.n_marks * _ELEMENTS_PER_MARK
    root: Element | None = None
    depth = n_elements = 0
    try:
        stream = io.BytesIO(read_bytes(path, limit).lstrip())
        for event, element in iterparse(stream, ("start", "end"), forbid_dtd=True):
            if event == "end":
                depth -= 1
                continue
            root = element if root is None else root
            depth, n_elements = depth + 1, n_elements + 1
            if depth > limit.xml_depth or n_elements > most:
                what = f"{limit.xml_depth} levels" if depth > limit.xml_depth else f"{most} elements"
                raise InputError(f"{path}: XML of more than {what} is no annotation file; export it again")
    except ParseError as error:
        raise InputError(f"{path}: not well-formed XML ({error}); export the annotations again") from None
    except DefusedXmlException:
        raise InputError(f"{path}: XML with entities or a document type is refused; export it without") from None
    except (LookupError, ValueError) as error:  # an encoding that does not exist or that expat cannot read
        raise InputError(f"{path}: XML that cannot be decoded ({error}); export it as UTF-8") from None
    if root is None:
        raise InputError(f"{path}: holds no XML element; export the annotations again")
    return root


def _child(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


# -- NSRR ------------------------------------------------------------------------------------------------------------


def _nsrr(path: Path, root: Element, recording_start: str | None, limit: Bounds) -> Source:
    events = list(root.iter("ScoredEvent"))
    check_count(path, len(events), limit)
    findings: list[Finding] = []
    _check_clock(events, start_of(recording_start), limit, findings)
    return Source("nsrr_xml", [_nsrr_mark(event) for event in events], 0, frozenset(), findings)


def _nsrr_mark(event: Element) -> Mark:
    event_type = _child(event, "EventType").split("|")[0].strip().casefold()
    return Mark(
        seconds_us(_child(event, "Start")),
        seconds_us(_child(event, "Duration")),
        _child(event, "EventConcept"),
        _child(event, "SignalLocation"),
        "stage" if event_type == "stages" else "label",
    )


def _check_clock(events: list[Element], recording: Start | None, limit: Bounds, findings: list[Finding]) -> None:
    # Times count from the start of the recording whatever the clock says: a contradiction is only told.
    clocks = (_child(event, "ClockTime") for event in events[:1])
    text = next(clocks, "").rpartition(" ")[2]
    clock = clock_of(text)
    if clock is None or recording is None:
        return
    apart = shift_between(Start(None, clock), Start(None, recording.clock_us), limit.far_us, findings)
    if abs(apart) > 1_000_000:
        findings.append(finding("annotation_clock_differs", f"{apart / 1e6:+.0f} s"))


# -- Profusion -------------------------------------------------------------------------------------------------------


def _profusion(path: Path, root: Element, limit: Bounds) -> Source:
    epoch_us = seconds_us(_child(root, "EpochLength"))
    if epoch_us is None or epoch_us <= 0:
        raise InputError(f"{path}: <EpochLength> is no positive number; export the annotations again")
    marks = [
        Mark(
            seconds_us(_child(event, "Start")),
            seconds_us(_child(event, "Duration")),
            _child(event, "Name"),
            _child(event, "Input"),
            "label",
        )
        for event in root.iter("ScoredEvent")
    ]
    marks.extend(
        Mark(index * epoch_us, epoch_us, (stage.text or "").strip(), "", "stage")
        for index, stage in enumerate(root.iter("SleepStage"))
    )
    check_count(path, len(marks), limit)
    return Source("profusion_xml", marks, 0, frozenset(), [])
