"""Faults of deployed agents, which --fault puts into this one.

Each replaces a part of the sound agent and leaves the others alone, so that
they can be combined."""

import asyncio
import contextlib
import os
import tempfile
import time

import commands
import files
import gitops
from opengeni.agent.v1 import fs_pb2 as fs
from paths import resolve


def timeout_kills_nothing(agent):
    async def end(process, mark, exited):
        return time.monotonic()

    agent.commands.end = end


def reply_after_the_pipes_close(agent):
    """As subprocess.communicate does."""

    async def ends(exited, out, err, timeout):
        done, _ = await asyncio.wait([exited, out.ended, err.ended], timeout=timeout)
        return len(done) == 3

    agent.commands.ends = ends


def text_output(agent):
    """As subprocess.run(text=True, errors="replace") does."""
    content = commands.Reader.content

    def as_text(reader):
        decoded = content(reader).decode("utf-8", "replace")
        return decoded.replace("\r\n", "\n").replace("\r", "\n").encode()

    commands.Reader.content = as_text


def tokens_inherited(agent):
    commands.SECRETS.clear()


def cut_paths(agent):
    """As a split at every blank does."""
    unquote = gitops.unquote
    gitops.unquote = lambda path: unquote(path).split(" ")[0]


def rename_into_place(agent):
    """Whole or not at all, but with the mode of a temporary file, and in place
    of a link."""
    write = files.write

    def replace(request):
        path = resolve(request.path)
        if request.append or os.path.exists(path) and not os.path.isfile(path):
            return write(request)
        if request.create_parents:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with open(fd, "wb") as file:
                file.write(request.content)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        return fs.FsWriteResponse(bytes_written=len(request.content))

    files.write = replace


def fifo_waits(agent):
    files.AT_ONCE = 0


def no_fence(agent):
    agent.check_fence = lambda request: None


FAULTS = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        timeout_kills_nothing, reply_after_the_pipes_close, text_output, tokens_inherited,
        cut_paths, rename_into_place, fifo_waits, no_fence,
    )
}
