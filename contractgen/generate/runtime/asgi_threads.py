"""The threads in which the ASGI application runs its model."""

from __future__ import annotations

import asyncio
import functools
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from contractgen.generate.runtime.asgi_messages import BUSY, Refused

T = TypeVar("T")
LONG_SECONDS = 0.001
"""What a job costs at least for several threads to be worth while."""


class Pool:
    """Threads that run the model. So many jobs run at once, so many wait, and the next is refused.

    A job whose client went away keeps its place until it ends, since nothing can stop it.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self.threads = threads
        self.most = threads + waiting
        self.pending = 0
        self.jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.started = False
        self.cost = LONG_SECONDS
        self.has_long_jobs = threading.Event()
        self.has_long_jobs.set()

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """The job's result. Raises `Refused` where all places are taken."""
        if self.pending >= self.most:
            raise Refused(503, "the server is busy; try again", BUSY)
        if not self.started:
            self.started = True
            for number in range(self.threads):
                # Daemons, since a model that hangs must not keep the process from ending.
                threading.Thread(target=self.work, args=(number,), name=f"model-{number}", daemon=True).start()
        self.pending += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self.jobs.put(functools.partial(self.step, job, future, loop))
        return future

    def work(self, number: int) -> None:
        """What each thread does. While jobs are short one does it alone: more would only wait for Python's lock."""
        while True:
            if number:
                self.has_long_jobs.wait()
            step = self.jobs.get()
            if step is None:
                return
            step()

    def step(self, job: Callable[[], T], future: asyncio.Future[T], loop: asyncio.AbstractEventLoop) -> None:
        """Run one job and hand its outcome to the loop that waits for it."""
        result: T | None = None
        error: BaseException | None = None
        started, worked = time.perf_counter(), time.thread_time()
        try:
            result = job()
        except BaseException as raised:
            # Not even what would end the process may end the thread, or leave its place taken.
            error = raised if isinstance(raised, Exception) else RuntimeError(f"{type(raised).__name__} in the model")
        if result is not None:
            self.note(time.perf_counter() - started, time.thread_time() - worked)
        if not loop.is_closed():
            loop.call_soon_threadsafe(self.finish, future, result, error)

    def note(self, took: float, worked: float) -> None:
        """Learn how long jobs are: what they compute, or, where they wait for something, a part of the time they took."""
        self.cost += (max(worked, took / 8) - self.cost) / 16
        if self.cost < LONG_SECONDS / 2:
            self.has_long_jobs.clear()
        elif self.cost >= LONG_SECONDS:
            self.has_long_jobs.set()

    def finish(self, future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
        """Free the place, and wake who waits."""
        self.pending -= 1
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def close(self) -> None:
        """Let the threads end after what they have."""
        self.has_long_jobs.set()
        for _ in range(self.threads):
            self.jobs.put(None)


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
