"""Commands, by the clauses of "Exec"."""

import asyncio
import contextlib
import errno
import glob
import itertools
import os
import signal
import stat
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from errors import Refused, too_large
from opengeni.agent.v1 import common_pb2 as common
from opengeni.agent.v1 import exec_pb2
from paths import resolve

MARK = b"PYTHON_AGENT_COMMAND"  # is in the environment of a command and of all that it starts
SECRETS = {b"AGENTPROOF_NATS_TOKEN", b"AGENTPROOF_RELAY_TOKEN"}
KILL_ROUNDS = 20
BACKGROUND_GRACE = 0.5  # seconds that output is awaited after the command's own end


class Ended:
    """How a command ended."""

    def __init__(self, exit_code, stdout, stderr, timed_out, seconds):
        self.exit_code, self.stdout, self.stderr = exit_code, stdout, stderr
        self.timed_out, self.milliseconds = timed_out, round(seconds * 1000)


class Commands:
    """Starts commands and knows those that run."""

    def __init__(self, most):
        # One at a time: a process that is being started holds every open file
        # for a moment, and a program that is open for writing cannot be run.
        self.starter = ThreadPoolExecutor(1)
        self.waiters = ThreadPoolExecutor(most)
        self.running = set()  # of processes
        self.mark = uuid.uuid4().hex
        self.numbers = itertools.count(1)

    async def exec(self, request, max_payload):
        if not request.command:
            raise Refused(common.ERROR_CODE_OS, "exec: no command")
        argv = [word.encode() for word in request.command]
        if request.shell:
            argv = [os.environb.get(b"SHELL") or b"/bin/sh", b"-c", b" ".join(argv)]
        env = {name.encode(): value.encode() for name, value in request.env.items()}
        ended = await self.run("exec", argv, request.cwd, env, max_payload, request.stdin, request.timeout_ms / 1000)
        return exec_pb2.ExecResponse(
            exit_code=ended.exit_code, stdout=ended.stdout, stderr=ended.stderr,
            timed_out=ended.timed_out, duration_ms=ended.milliseconds,
        )

    async def run(self, op, argv, cwd, env, max_payload, stdin=b"", timeout=0):
        """Runs a command to its end, or to its timeout in seconds if that is
        not 0, and keeps up to max_payload bytes of its output."""
        loop = asyncio.get_running_loop()
        mark = f"{self.mark}.{next(self.numbers)}"
        merged = {name: value for name, value in os.environb.items() if name not in SECRETS}
        merged |= env | {MARK: mark.encode()}
        started, process = await loop.run_in_executor(self.starter, start, argv, resolve(cwd), merged, bool(stdin))
        with contextlib.ExitStack() as stack:
            self.running.add(process)
            stack.callback(self.running.discard, process)
            room = Room(max_payload)
            out, err = (stack.enter_context(Reader(loop, pipe, room)) for pipe in (process.stdout, process.stderr))
            if stdin:
                stack.enter_context(Writer(loop, process.stdin, stdin))
            exited = loop.run_in_executor(self.waiters, wait, process)
            timed_out = not await self.ends(exited, out, err, timeout or None)
            if timed_out:
                exit_code, at = -1, await self.end(process, mark, exited)
                err.add(b"timed out after %d ms\n" % round(timeout * 1000))
            else:
                exit_code, at = await exited
        if room.total > max_payload:
            raise too_large(op, room.total, max_payload, total_output_bytes=room.total)
        return Ended(exit_code, out.content(), err.content(), timed_out, at - started)

    async def ends(self, exited, out, err, timeout):
        """Reports whether the command exits within the timeout."""
        await asyncio.wait([exited], timeout=timeout)
        if exited.done():
            # What it left in the background may hold the pipes open.
            await asyncio.wait([out.ended, err.ended], timeout=BACKGROUND_GRACE)
        return exited.done()

    async def end(self, process, mark, exited):
        """Kills the command and its descendants and returns when it ended."""
        await asyncio.get_running_loop().run_in_executor(None, kill, [process], f"{mark}\0")
        _, at = await exited
        return at

    def kill_all(self):
        kill(list(self.running), f"{self.mark}.")


def start(argv, cwd, env, has_stdin):
    if not stat.S_ISDIR(os.stat(cwd).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), cwd)
    started = time.monotonic()
    return started, subprocess.Popen(
        argv, cwd=cwd, env=env, bufsize=0, start_new_session=True,
        stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def wait(process):
    """The exit code, -1 for a death by signal, and when."""
    return max(process.wait(), -1), time.monotonic()


def kill(processes, mark):
    """Kills the processes' groups, and on Linux also what left them, as long as
    its environment has the mark."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for _ in range(KILL_ROUNDS):  # what forked meanwhile is found in the next one
        found = False
        for name in glob.glob("/proc/[0-9]*/environ"):
            with contextlib.suppress(OSError), open(name, "rb") as file:
                if MARK + b"=" + mark.encode() in file.read():
                    os.kill(int(name.split("/")[2]), signal.SIGKILL)
                    found = True
        if not found:
            return


class Room:
    """How many bytes of output may be kept, and how many there were."""

    def __init__(self, limit):
        self.limit, self.total = limit, 0

    def take(self, data):
        self.total += len(data)
        return self.total <= self.limit


class Reader:
    """Collects what comes out of a pipe until it ends or the reader is closed."""

    def __init__(self, loop, pipe, room):
        self.loop, self.pipe, self.room = loop, pipe, room
        self.parts, self.ended = [], loop.create_future()
        os.set_blocking(pipe.fileno(), False)
        loop.add_reader(pipe, self.on_ready)

    def on_ready(self):
        try:
            data = os.read(self.pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return
        if data:
            self.add(data)
        else:
            self.loop.remove_reader(self.pipe)
            self.ended.set_result(None)

    def add(self, data):
        if self.room.take(data):
            self.parts.append(data)
        else:
            self.parts.clear()  # the reply is an error, but the pipe is drained

    def content(self):
        return b"".join(self.parts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.remove_reader(self.pipe)
        self.ended.cancel()
        self.pipe.close()


class Writer:
    """Feeds a command's stdin, then closes it. Not to read it is no fault."""

    def __init__(self, loop, pipe, data):
        self.loop, self.pipe, self.rest = loop, pipe, memoryview(data)
        os.set_blocking(pipe.fileno(), False)
        loop.add_writer(pipe, self.on_ready)

    def on_ready(self):
        try:
            self.rest = self.rest[os.write(self.pipe.fileno(), self.rest):]
        except BlockingIOError:
            return
        except OSError:
            self.rest = b""
        if not self.rest:
            self.close()

    def close(self):
        if not self.pipe.closed:
            self.loop.remove_writer(self.pipe)
            self.pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
