"""The store: finished parts, the lock of its one writer, the ledger, releases. It knows tables, not medicine."""

from plms_pipeline.redact import redact_paths
from plms_pipeline.store.candidate import add_table, build_candidate, candidate_facts, candidate_path
from plms_pipeline.store.entries import ReleaseEntry, ledger, outcome_counts
from plms_pipeline.store.files import digest_file
from plms_pipeline.store.keys import REVISIONS, STAGES, detect_key, link_key, release_key, score_key
from plms_pipeline.store.lock import Holder, StoreFinding, StoreLock
from plms_pipeline.store.memory import FileState, InputDigest, InputMemory, file_state
from plms_pipeline.store.provenance import software_versions
from plms_pipeline.store.publish import Release, latest_release, list_releases, publish, verify_release
from plms_pipeline.store.runs import RunFolder, StoreStatus, status
from plms_pipeline.store.sql import QueryResult, ReleaseSql, open_sql
from plms_pipeline.store.work import Commit, Part, WorkStore, stamp

__all__ = [
    "REVISIONS",
    "STAGES",
    "Commit",
    "FileState",
    "Holder",
    "InputDigest",
    "InputMemory",
    "Part",
    "QueryResult",
    "Release",
    "ReleaseEntry",
    "ReleaseSql",
    "RunFolder",
    "StoreFinding",
    "StoreLock",
    "StoreStatus",
    "WorkStore",
    "add_table",
    "build_candidate",
    "candidate_facts",
    "candidate_path",
    "detect_key",
    "digest_file",
    "file_state",
    "latest_release",
    "ledger",
    "link_key",
    "list_releases",
    "open_sql",
    "outcome_counts",
    "publish",
    "redact_paths",
    "release_key",
    "score_key",
    "software_versions",
    "stamp",
    "status",
    "verify_release",
]
