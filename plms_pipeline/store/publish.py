"""From a candidate to a release: digests, manifest, one rename, ``LATEST``. Readers see the old or the new one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import plms_pipeline
from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError
from plms_pipeline.store.candidate import CANDIDATE_FACTS, candidate_facts
from plms_pipeline.store.content import describe_tables
from plms_pipeline.store.describe import write_descriptors
from plms_pipeline.store.files import (
    digest_file,
    read_json,
    relative_files,
    remove_tree,
    sync_directory,
    sync_tree,
    to_json,
    write_atomic,
)

MANIFEST, RUN, LATEST = "_manifest.json", "_run.json", "LATEST"
RELEASE_FORMAT = 1
_RELEASE_NAME = re.compile(r"r\d{8}_[0-9a-f]{8}")


class Release(NamedTuple):
    """A published release: folder, manifest, whether it is the latest."""

    path: Path
    manifest: dict[str, Any]
    is_latest: bool


def _manifest(candidate: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    files = {}
    for name in relative_files(candidate):
        if name not in (MANIFEST, RUN, CANDIDATE_FACTS):
            n_bytes, digest = digest_file(candidate / name)
            files[name] = {"bytes": n_bytes, "xxh3_128": digest}
    tables = describe_tables(candidate)
    # Parquet bytes change with the writer's version, so tables count by content and other files by bytes.
    content = {
        "tables": {name: table["content_digest"] for name, table in tables.items()},
        "files": {name: entry["xxh3_128"] for name, entry in files.items() if not name.endswith(".parquet")},
    }
    return {
        "release_format": RELEASE_FORMAT,
        "schema_version": contracts.schema_version(),
        "plms_pipeline": plms_pipeline.__version__,
        "simulated": facts["simulated"],
        "n_in": facts["n_in"],
        "outcomes": facts["outcomes"],
        "release_key": facts["release_key"],
        "content_digest": contracts.digest_of(content),
        "tables": tables,
        "files": files,
    }


def _releases_folder(store_root: Path) -> Path:
    return Path(store_root) / "releases"


def list_releases(store_root: Path) -> list[Release]:
    """Published releases, oldest name first; a folder without manifest is none."""
    folder = _releases_folder(store_root)
    latest = (read_json(folder / LATEST) or {}).get("release")
    found = []
    for path in sorted(folder.glob("r*_*")):
        manifest = read_json(path / MANIFEST) if _RELEASE_NAME.fullmatch(path.name) else None
        if isinstance(manifest, dict):
            found.append(Release(path, manifest, path.name == latest))
    return found


def latest_release(store_root: Path) -> Path | None:
    """Folder of the release that ``LATEST`` names; ``None`` when nothing has been published.

    Raises
    ------
    InputError
        When ``LATEST`` names a release that is not there.
    """
    pointer = _releases_folder(store_root) / LATEST
    if not pointer.exists():
        return None
    for release in list_releases(store_root):
        if release.is_latest:
            return release.path
    raise InputError(f"{pointer}: names a release that is not there; run again to publish")


def verify_release(release: Path, *, content: bool = False) -> list[str]:
    """Compare the files of a release with its manifest.

    Parameters
    ----------
    release
        Folder of the release.
    content
        Also digest the rows of every table again.

    Returns
    -------
    list of str
        One line per difference, empty when there is none: missing, changed or additional files, other rows.

    Raises
    ------
    InputError
        When the folder has no manifest.
    """
    manifest = read_json(release / MANIFEST)
    if not isinstance(manifest, dict):
        raise InputError(f"{release}: no release (it has no readable {MANIFEST}); name a folder below releases/")
    found = set(relative_files(release)) - {MANIFEST, RUN}
    problems = [f"{name}: missing" for name in sorted(manifest["files"].keys() - found)]
    problems += [f"{name}: not in the manifest" for name in sorted(found - manifest["files"].keys())]
    for name in sorted(found & manifest["files"].keys()):
        n_bytes, digest = digest_file(release / name)
        if {"bytes": n_bytes, "xxh3_128": digest} != manifest["files"][name]:
            problems.append(f"{name}: bytes differ from the manifest")
    if content and not problems:
        tables = describe_tables(release)
        changed = [name for name in tables if tables[name] != manifest["tables"].get(name)]
        problems += [f"{name}: rows differ from the manifest" for name in changed]
    return problems


def _is_current(store_root: Path, content_digest: str) -> bool:
    for release in list_releases(store_root):
        if release.is_latest and release.manifest.get("content_digest") == content_digest:
            return not verify_release(release.path)
    return False


def _point_latest(store_root: Path, name: str, content_digest: str) -> None:
    write_atomic(_releases_folder(store_root) / LATEST, to_json({"release": name, "content_digest": content_digest}))


def publish(store_root: Path, candidate: Path, run_info: Mapping[str, Any]) -> Path | None:
    """Publish a candidate that passed its gate.

    Parameters
    ----------
    store_root
        The store; the caller holds its lock.
    candidate
        What ``build_candidate`` returned, with quality results and reports added.
    run_info
        Clocks, run id, host, attempts, durations: goes to ``_run.json`` only. ``created_utc`` (ISO) gives the date
        in the name of the release; without it, now.

    Returns
    -------
    pathlib.Path or None
        Folder of the release; ``None`` when the latest release already holds this content (nothing is changed).

    Notes
    -----
    Everything is verified before anything changes. The folder gets its name by one rename, and is the latest only
    when ``LATEST`` has been replaced. A kill in between leaves a whole release that is not the latest; the next run
    finds it by its content and points to it.
    """
    store_root = Path(store_root)
    facts = candidate_facts(candidate)
    write_descriptors(candidate, facts)
    manifest = _manifest(candidate, facts)
    _check_manifest(manifest)
    digest = manifest["content_digest"]
    if _is_current(store_root, digest):
        remove_tree(candidate)
        return None
    folder = _releases_folder(store_root)
    folder.mkdir(parents=True, exist_ok=True)
    for release in list_releases(store_root):
        if release.manifest.get("content_digest") == digest and not verify_release(release.path):
            _point_latest(store_root, release.path.name, digest)
            remove_tree(candidate)
            return release.path
    created = str(run_info.get("created_utc") or datetime.now(UTC).isoformat(timespec="seconds"))
    name = f"r{datetime.fromisoformat(created):%Y%m%d}_{digest[:8]}"
    (candidate / CANDIDATE_FACTS).unlink()
    (candidate / RUN).write_bytes(to_json({**run_info, "created_utc": created, "release": name}))
    sync_tree(candidate)
    write_atomic(candidate / MANIFEST, to_json(manifest))
    target = folder / name
    if target.exists():
        # Same content by name, but damaged (an intact one was found above): out of the way before the rename.
        damaged = store_root / "work" / f"damaged-{name}"
        remove_tree(damaged)
        target.rename(damaged)
    candidate.rename(target)
    sync_directory(folder)
    _point_latest(store_root, name, digest)
    remove_tree(store_root / "work" / f"damaged-{name}")
    return target


def _check_manifest(manifest: Mapping[str, Any]) -> None:
    """A release that does not account for every recording is not published."""
    if sum(manifest["outcomes"].values()) != manifest["n_in"]:
        raise ContractError("recordings in and recordings accounted for differ; nothing was published")
    if manifest["tables"].get("ledger", {}).get("rows") != manifest["n_in"]:
        raise ContractError("the ledger does not hold one row per recording; nothing was published")
