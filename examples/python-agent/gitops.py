"""Git, by the clauses of "Git"."""

import re

from errors import text
from opengeni.agent.v1 import git_pb2 as git

SUBCOMMANDS = {
    git.GIT_OP_STATUS: ["status", "--porcelain=v2", "--branch"],
    git.GIT_OP_DIFF: ["diff"],
    git.GIT_OP_LOG: ["log"],
    git.GIT_OP_ADD: ["add"],
    git.GIT_OP_COMMIT: ["commit"],
    git.GIT_OP_BRANCH: ["branch"],
    git.GIT_OP_CHECKOUT: ["checkout"],
    git.GIT_OP_PULL: ["pull"],
    git.GIT_OP_PUSH: ["push"],
}

# Nobody is there to answer: an editor and a prompt fail at once.
NO_PROMPTS = {
    b"GIT_TERMINAL_PROMPT": b"0",
    b"GIT_EDITOR": b"false",
    b"GIT_SEQUENCE_EDITOR": b"false",
    b"GIT_ASKPASS": b"false",
    b"SSH_ASKPASS": b"false",
    b"SSH_ASKPASS_REQUIRE": b"never",
    b"GIT_SSH_COMMAND": b"ssh -oBatchMode=yes",
    b"GIT_PAGER": b"cat",
}


async def run(commands, request, max_payload):
    args = SUBCOMMANDS.get(request.op, []) + list(request.args)
    argv = [b"git"] + [word.encode() for word in args]
    ended = await commands.run("git", argv, request.cwd, NO_PROMPTS, max_payload)
    status = None
    if request.op == git.GIT_OP_STATUS and ended.exit_code == 0:
        status = parse_status(ended.stdout)
    return git.GitResponse(exit_code=ended.exit_code, stdout=ended.stdout, stderr=ended.stderr, status=status)


def parse_status(output):
    """The status in what --porcelain=v2 --branch printed; None where the
    request's args made it print something else."""
    status = git.GitStatus()
    for line in output.removesuffix(b"\n").split(b"\n"):
        kind, _, rest = line.partition(b" ")
        if kind == b"#":
            key, _, value = rest.partition(b" ")
            if key == b"branch.head":
                status.branch = text(value)
            elif key == b"branch.upstream":
                status.upstream = text(value)
            elif key == b"branch.ab":
                ahead, behind = value.split()
                status.ahead, status.behind = int(ahead), -int(behind)
        elif kind == b"?":
            status.files.add(path=unquote(rest), code="??")
        elif kind in (b"1", b"2", b"u"):
            # Fields before the path: an ordinary change has 7, a rename 8, a conflict 9.
            fields = rest.split(b" ", {b"1": 7, b"2": 8, b"u": 9}[kind])
            path, _, _ = fields[-1].partition(b"\t")  # a rename's old path follows
            code = text(fields[0])
            status.files.add(path=unquote(path), code=code, staged=kind != b"u" and code[0] != ".")
        elif kind != b"!":
            return None
    if not status.branch or b"\0" in output:
        return None
    status.clean = not status.files
    return status


ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def unquote(path):
    """A path as git prints it: in quotes and with escapes as C has them if there is anything odd in it."""
    if not path.startswith(b'"'):
        return text(path)

    def plain(match):
        escape = match[1]
        return bytes([int(escape, 8)]) if escape.isdigit() else ESCAPES.get(escape, escape)

    return text(re.sub(rb"\\([0-7]{3}|.)", plain, path[1:-1]))
