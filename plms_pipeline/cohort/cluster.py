"""The Dask executor: a cluster of worker processes, a watchdog against hangs, the crash lane for suspects."""

import contextlib
import importlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
import dask.config
from dask.utils import parse_bytes
from distributed import Client, Future, LocalCluster, as_completed
from distributed.scheduler import KilledWorker
from distributed.security import Security

from plms_pipeline.cohort.lane import run_alone
from plms_pipeline.cohort.logs import cluster_level
from plms_pipeline.cohort.settings import CohortSettings
from plms_pipeline.cohort.warming import KernelWarming
from plms_pipeline.cohort.work import (
    FAILED_SYSTEM,
    RecordingResult,
    RecordingTask,
    Work,
    attempt,
    describe,
    failed,
)
from plms_pipeline.errors import InputError, SystemFailure

# A recording that only waited on workers that died is given back to the cluster this often.
MAX_RESUBMITS = 5


class DaskExecutor:
    """Runs recordings on a Dask cluster; use as a context manager.

    One exception fails one recording (`attempt`). A worker that dies gives KilledWorker for every recording it
    held: the one whose marker file still exists was running and goes alone into the crash lane, the others back
    to the cluster. A watchdog kills the worker of a recording that runs longer than ``time_limit_s``.

    Parameters
    ----------
    work
        Recording function and what stores a crash as data.
    settings
        Settings of the run (resources).
    scratch
        Private folder every worker can write (under the work store): markers, spill, crash lane.
    warming
        Waited for before the first recording is sent.
    """

    def __init__(
        self, work: Work, settings: CohortSettings, scratch: Path, warming: KernelWarming | None = None
    ) -> None:
        self._warming = warming
        self._work = work
        self._settings = settings
        self._scratch = scratch
        self._running = scratch / "running" / uuid.uuid4().hex
        self._memory_limit = 0 if settings.memory_limit in ("0", "") else parse_bytes(settings.memory_limit)
        self._stack = contextlib.ExitStack()
        self._alone = threading.Lock()
        self._stop = threading.Event()
        self._deserted = threading.Event()
        self._sent: dict[str, Future] = {}
        self._client: Client | None = None
        self.description = ""

    def __enter__(self) -> "DaskExecutor":
        refuse_open_scheduler(self._settings)
        with contextlib.ExitStack() as stack:
            shutil.rmtree(self._scratch / "running", ignore_errors=True)
            self._running.mkdir(parents=True)
            stack.callback(shutil.rmtree, self._running, ignore_errors=True)
            if self._settings.is_local:
                # What ~/.config/dask or DASK_* say must not change a run on this machine.
                dask.config.refresh(paths=[], env={})
                stack.enter_context(
                    dask.config.set(
                        {
                            # A result on a worker that just died is asked for until then; a busy machine still
                            # starts a worker in that time.
                            "distributed.comm.timeouts.connect": "10s",
                            # Without a dashboard the processes still serve HTTP; leave it nothing to serve.
                            "distributed.scheduler.http.routes": [],
                            "distributed.worker.http.routes": [],
                        }
                    )
                )
            stack.enter_context(
                dask.config.set(
                    {
                        "distributed.scheduler.allowed-failures": 0,
                        "distributed.scheduler.worker-saturation": 1.0,
                    }
                )
            )
            logger = logging.getLogger("distributed")
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(cluster_level())
            self._client = stack.enter_context(self._connect(stack))
            limit_s = self._settings.wait_workers_s
            try:
                self._client.wait_for_workers(1, timeout=limit_s)
            except TimeoutError:
                raise SystemFailure(
                    f"no worker of the cluster came within {limit_s:g} s; look at the scheduler's log or "
                    "raise wait_workers_s"
                ) from None
            if self._warming is not None:
                self._warming.wait()
            watchdog = threading.Thread(target=self._watch, name="plms-watchdog", daemon=True)
            watchdog.start()
            stack.callback(watchdog.join)
            stack.callback(self._stop.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def client(self) -> Client:
        """The connected client."""
        if self._client is None:
            raise RuntimeError("the executor is not open")
        return self._client

    def submit(self, tasks: Sequence[RecordingTask]) -> Iterator[RecordingResult]:
        """Run the tasks; results in the order of completion, those of the crash lane last."""
        self._refuse_when_stopped()
        waiting = {self._send(task): (task, 0) for task in tasks}
        suspects: list[RecordingTask] = []
        completed = as_completed(waiting, loop=self.client.loop)
        for future in completed:
            task, sent = waiting.pop(future)
            self._sent.pop(future.key, None)
            self._refuse_when_stopped()
            error = None
            if future.status == "finished":
                try:
                    yield future.result()
                    continue
                except Exception as problem:  # the result was lost between worker and client
                    error = problem
            elif future.status == "error":
                error = future.exception()
            was_running = self._was_running(future)
            if error is not None and not isinstance(error, KilledWorker) and not was_running and sent:
                yield failed(task, FAILED_SYSTEM, "unexpected_error", describe(error, task))
            elif was_running or sent >= MAX_RESUBMITS:
                suspects.append(task)
            else:
                again = self._send(task)
                waiting[again] = (task, sent + 1)
                completed.add(again)
        for task in sorted(suspects, key=lambda one: one.recording_id):
            with self._alone:
                yield run_alone(
                    self._work,
                    task,
                    scratch=self._scratch / "lane",
                    time_limit_s=self._settings.time_limit_s,
                    memory_limit_bytes=self._memory_limit,
                    retries=self._settings.retries,
                    stop=self._stop,
                )

    def _refuse_when_stopped(self) -> None:
        # A closed client does not complain about new work: it waits for ever.
        if self._stop.is_set():
            raise SystemFailure("the cluster was closed before every recording was done; run again to resume")
        if self._deserted.is_set():
            raise SystemFailure(
                f"the cluster has had no worker for {self._settings.wait_workers_s:g} s; look at its log and run again "
                "to resume"
            )

    def _send(self, task: RecordingTask) -> Future:
        key = f"recording-{uuid.uuid4().hex}"
        marker = str(self._running / key)
        future = self.client.submit(
            attempt, self._work.function, task, self._settings.retries, marker, key=key, pure=False
        )
        self._sent[key] = future
        return future

    def _was_running(self, future: Future) -> bool:
        marker = self._running / future.key
        existed = marker.exists()
        marker.unlink(missing_ok=True)
        return existed

    def _connect(self, stack: contextlib.ExitStack) -> Client:
        settings = self._settings
        security = _security(settings)
        if settings.address is not None:
            self.description = "dask: a running scheduler"
            try:
                return Client(settings.address, security=security, timeout=settings.wait_workers_s)
            except OSError:
                raise SystemFailure("the Dask scheduler named by `address` does not answer; is it running?") from None
        arguments = dict(settings.cluster_kwargs)
        cluster_class = _cluster_class(settings.cluster_class)
        if cluster_class is LocalCluster:
            n_workers = settings.n_workers or len(os.sched_getaffinity(0))
            arguments = {
                "n_workers": n_workers,
                "threads_per_worker": 1,
                "processes": True,
                "host": "127.0.0.1",
                "dashboard_address": None,
                "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"},
                "memory_limit": self._memory_limit or None,
                "local_directory": str(self._scratch),
                "silence_logs": cluster_level(),
                "preload": ["plms_pipeline.cohort.worker"],
                **arguments,
            }
            self.description = f"dask: {arguments['n_workers']} local worker processes"
        else:
            self.description = f"dask: {settings.cluster_class}"
            if settings.n_workers and not settings.adapt_kwargs:
                arguments.setdefault("n_workers", settings.n_workers)
        if security is not None:
            arguments.setdefault("security", security)
        cluster = stack.enter_context(cluster_class(**arguments))
        if settings.adapt_kwargs:
            cluster.adapt(**settings.adapt_kwargs)
        return Client(cluster)

    def _watch(self) -> None:
        """Kill the worker of any recording that runs longer than the limit; give up a cluster without workers."""
        limit_s = self._settings.time_limit_s
        seen: dict[str, float] = {}
        had_workers = time.monotonic()
        while not self._stop.wait(min(2.0, max(0.1, limit_s / 10))):
            with contextlib.suppress(OSError):
                names = {entry.name for entry in self._running.iterdir()}
                seen = {name: seen.get(name, time.monotonic()) for name in names}
            for name, since in seen.items():
                if time.monotonic() - since > limit_s:
                    self._kill_worker_of(name)
                    seen = {**seen, name: time.monotonic()}
            if self._has_workers():
                had_workers = time.monotonic()
            elif time.monotonic() - had_workers > self._settings.wait_workers_s:
                self._deserted.set()
                # Nothing would ever complete: a cancelled future lets whoever waits see that.
                for future in list(self._sent.values()):
                    future.cancel()

    def _has_workers(self) -> bool:
        try:
            return bool(self.client.nthreads())
        except Exception:  # a scheduler that does not answer is told apart by those who wait for it
            return True

    def _kill_worker_of(self, key: str) -> None:
        with contextlib.suppress(Exception):  # the watchdog must outlive a cluster that is going down
            held = self.client.processing()
            addresses = [address for address, keys in held.items() if key in keys]
            if addresses:
                self.client.restart_workers(addresses, timeout=30, raise_for_error=False)


def refuse_open_scheduler(settings: CohortSettings) -> None:
    """Refuse a scheduler that others in the network could reach without TLS.

    Raises
    ------
    InputError
        Unless the site file says ``insecure: true``.
    """
    if settings.insecure:
        return
    tls = settings.group("tls")
    if settings.address is not None:
        parts = urlsplit(settings.address)
        if parts.scheme == "tls" and not all(tls.values()):
            raise InputError("site: a tls:// address needs tls.ca_file, tls.cert_file and tls.key_file; add them")
        where = parts.hostname or ""
        if parts.scheme in ("tls", "inproc") or _is_loopback(where):
            return
    elif settings.cluster_class == "distributed.LocalCluster":
        where = str(settings.cluster_kwargs.get("host", "127.0.0.1"))
        if _is_loopback(where):
            return
    elif all(tls.values()) or settings.cluster_kwargs.get("protocol") == "tls":
        return
    else:
        where = settings.cluster_class
    raise InputError(
        f"site: the Dask scheduler ({where}) would be open to its network without TLS, and anyone who reaches it "
        "can run code as you; use tls:// with tls.ca_file, cert_file and key_file, or say `insecure: true`"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("tcp://").split("%")[0]).is_loopback
    except ValueError:
        return False


def _security(settings: CohortSettings) -> Security | None:
    tls = settings.group("tls")
    if not all(tls.values()):
        return None
    return Security(
        tls_ca_file=str(tls["ca_file"]),
        tls_client_cert=str(tls["cert_file"]),
        tls_client_key=str(tls["key_file"]),
        tls_scheduler_cert=str(tls["cert_file"]),
        tls_scheduler_key=str(tls["key_file"]),
        tls_worker_cert=str(tls["cert_file"]),
        tls_worker_key=str(tls["key_file"]),
        require_encryption=True,
    )


def _cluster_class(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        raise InputError(
            f"site: cluster_class {name} cannot be imported; install its package or correct the name"
        ) from None
