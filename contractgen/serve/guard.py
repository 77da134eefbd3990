"""What a process leaves behind when it dies: the connections that it held, for the supervisor to answer.

Each process hands a copy of each connection's socket to the supervisor when it is made, and keeps a byte of shared memory
that says where the connection stands. A model that brings its process down (a segmentation fault in a kernel, memory
that the system takes back) then costs the requests inside an answer with status 503 rather than a reset.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import multiprocessing
import resource
import socket
import struct
from typing import Any, NamedTuple

MOST = 1 << 16
"""Connections of one process that can be guarded: those whose file has a smaller number."""
UNGUARDED = MOST
"""The place of all others."""
CLOSED, RESTING, ASKED, ANSWERING = range(4)
"""Where a connection stands: between two requests; a request is here at least in part, and no byte of its answer has
been written; an answer may have been written in part."""
_CLOSED_BIT = 1 << 31
_MESSAGE = struct.Struct("=I")
_BUFFER = 1 << 20
_MOST_FILES = 253
"""What Linux lets one message carry."""


class Guard:
    """A process's side."""

    def __init__(self, channel: socket.socket, states: Any) -> None:
        channel.setblocking(False)
        self._channel = channel
        self.states = states
        """Where each connection stands, by the number of its file."""

    def opened(self, file: int) -> int:
        """Hand over a copy of a connection; its place in `states`. Where the supervisor is far behind it gets no copy."""
        if file >= MOST:
            return UNGUARDED
        self.states[file] = RESTING
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))]
        with contextlib.suppress(OSError):
            self._channel.sendmsg([_MESSAGE.pack(file)], rights)
        return file

    def closed(self, file: int) -> None:
        """A connection has ended. The copy would keep it open to its client, so its end is said here."""
        self.states[file] = CLOSED
        if file == UNGUARDED:
            return
        ended = socket.socket(fileno=file)
        with contextlib.suppress(OSError):
            ended.shutdown(socket.SHUT_RDWR)
        ended.detach()
        with contextlib.suppress(OSError):
            self._channel.send(_MESSAGE.pack(file | _CLOSED_BIT))


class Orphan(NamedTuple):
    """A connection whose process has died."""

    socket: socket.socket
    state: int


class Guarded:
    """The supervisor's side, for one process."""

    def __init__(self) -> None:
        self.channel, self.other = socket.socketpair()
        """Two ends; the other is the process's."""
        for end in (self.channel, self.other):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        self.channel.setblocking(False)
        self.states = multiprocessing.get_context("spawn").RawArray(ctypes.c_ubyte, MOST + 1)
        self._files: dict[int, socket.socket] = {}

    def read(self) -> bool:
        """Take what the process has said; whether there was anything."""
        try:
            data, files, _, _ = socket.recv_fds(self.channel, 4096, _MOST_FILES)
        except BlockingIOError:
            return False
        except OSError:
            data, files = b"", []
        given = iter(files)
        for (message,) in _MESSAGE.iter_unpack(data):
            old = self._files.pop(message & ~_CLOSED_BIT, None)
            if old is not None:
                old.close()
            if not message & _CLOSED_BIT and (file := next(given, None)) is not None:
                self._files[message] = socket.socket(fileno=file)
        return bool(data)

    def orphans(self) -> list[Orphan]:
        """What the process, which has ended, still had; whoever asks has to close it."""
        while self.read():
            pass
        self.channel.close()
        found = [Orphan(one, self.states[number]) for number, one in self._files.items()]
        self._files.clear()
        return found


def allow_many_files() -> None:
    """Let this process and its children have more files than is usual: the supervisor holds a copy of each connection."""
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if most == resource.RLIM_INFINITY else min(most, MOST)
    if least != resource.RLIM_INFINITY and least < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
