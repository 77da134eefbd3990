"""Processes on one socket: those that die are replaced.

What they held is answered with status 503 by this one, and so is all that comes while there is none.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from prometheus_client.multiprocess import mark_process_dead

from contractgen.errors import ContractgenError, LoadError
from contractgen.serve.fallback import Fallback
from contractgen.serve.guard import Guard, Guarded, allow_many_files
from contractgen.serve.logs import event, log_to_stderr
from contractgen.serve.process import application, leave, serve_on
from contractgen.serve.settings import Prepared

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
"""Seconds between a process that failed before it served and the next try: twice as long each time."""
GRACE = 5.0
"""Seconds beyond the drain's bound after which a process is killed."""

_SPAWN = multiprocessing.get_context("spawn")


def supervise(prepared: Prepared, listening: socket.socket, started: Callable[[], None]) -> int:
    """Serve until a signal; 1 where requests were cut off. Raises LoadError where not even the first process serves."""
    allow_many_files()
    return asyncio.run(Supervisor(prepared, listening, started).run())


class Supervisor:
    """Keeps as many processes as are wanted."""

    def __init__(self, prepared: Prepared, listening: socket.socket, started: Callable[[], None]) -> None:
        self._prepared = prepared
        self._listening = listening
        self._says = started
        self._fallback = Fallback(listening)
        self._processes: set[SpawnProcess] = set()
        self._serving = 0
        self._has_served = False
        self._error: ContractgenError | None = None
        self._cut = False

    async def run(self) -> int:
        """Serve until a signal."""
        self._end = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._end.set)
        self._listening.listen(2048)
        self._fallback.open()
        places = [asyncio.create_task(self._keep()) for _ in range(self._prepared.settings.workers)]
        await self._end.wait()
        self._fallback.close()
        self._listening.close()
        await self._stop(places)
        await self._fallback.end()
        if self._error is not None:
            raise self._error
        return int(self._cut)

    async def _keep(self) -> None:
        """Keep one process, however often it dies."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while not self._end.is_set():
            receiving, sending = _SPAWN.Pipe(duplex=False)
            guarded = Guarded()
            process = _SPAWN.Process(
                target=_work,
                args=(self._prepared, self._listening, sending, guarded.other, guarded.states),
                daemon=True,
            )
            process.start()
            sending.close()
            guarded.other.close()
            loop.add_reader(guarded.channel, guarded.read)
            self._processes.add(process)
            failure = await self._said(receiving)
            receiving.close()
            if failure is None:
                self._is_serving(process)
                pause = FIRST_PAUSE
            await _readable(process.sentinel)
            process.join()
            loop.remove_reader(guarded.channel)
            refused = self._fallback.adopt(guarded.orphans())
            self._processes.discard(process)
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
            # One that never served has cut off nothing, however it ended.
            self._cut |= self._end.is_set() and failure is None and process.exitcode != 0
            if self._end.is_set():
                return
            if failure is None or self._has_served:
                event(
                    "process died",
                    level=logging.ERROR,
                    process=process.pid,
                    exit_code=process.exitcode,
                    refused=refused,
                )
            if failure is None:
                self._serving -= 1
                if not self._serving:
                    self._fallback.open()
            elif not self._has_served:
                self._error = self._error or failure
                self._end.set()
            else:
                await self._pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _said(self, receiving: Pipe) -> ContractgenError | None:
        """Wait until a process serves; the reason where it does not."""
        await _readable(receiving.fileno())
        try:
            said: ContractgenError | None = receiving.recv()
        except EOFError:
            return LoadError("a process died while it opened the model")
        return said

    def _is_serving(self, process: SpawnProcess) -> None:
        self._serving += 1
        event("process serves", process=process.pid)
        self._fallback.close()
        if not self._has_served:
            self._has_served = True
            self._says()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._end.wait(), seconds)
        except asyncio.TimeoutError:
            return

    async def _stop(self, places: list[asyncio.Task[None]]) -> None:
        """End every process: first by asking, in the end by force."""
        for process in self._processes:
            process.terminate()
        bound = self._prepared.settings.drain_seconds + GRACE
        _, waiting = await asyncio.wait(places, timeout=bound)
        for process in self._processes:
            process.kill()
        if waiting:
            await asyncio.wait(waiting)


async def _readable(file: int) -> None:
    """Wait until a file can be read or has ended."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)


def _work(
    prepared: Prepared, listening: socket.socket, sending: Pipe, channel: socket.socket, states: Sequence[int]
) -> None:
    """What each process does."""
    log_to_stderr()
    # Ctrl-C reaches the whole group; the supervisor says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    started = time.monotonic()
    try:
        app = application(prepared)
    except ContractgenError as error:
        sending.send(error)
        return

    def serves() -> None:
        event("opened", seconds=round(time.monotonic() - started, 3))
        sending.send(None)
        sending.close()

    if serve_on(listening, app, prepared.settings, Guard(channel, states), serves):
        leave(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
