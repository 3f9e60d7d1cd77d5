"""Errors that go over the wire, by the clauses of "Errors" and `envelope.retryable`."""

import errno
import traceback

from opengeni.agent.v1 import common_pb2 as common

RETRYABLE = {common.ERROR_CODE_FENCED, common.ERROR_CODE_TIMEOUT, common.ERROR_CODE_DRAINING}
LONGEST = 8192  # characters of one text in an error, which must always fit into a reply


class Refused(Exception):
    """An operation that the agent refuses by itself, with the error's code."""

    def __init__(self, code, message, **detail):
        super().__init__(message)
        self.code, self.detail = code, detail


def too_large(op, encoded_bytes, max_payload, **detail):
    return Refused(
        common.ERROR_CODE_PAYLOAD_TOO_LARGE,
        f"{op}: the reply would have {encoded_bytes} bytes, the broker takes {max_payload}",
        op=op, encoded_bytes=encoded_bytes, max_payload=max_payload, **detail,
    )


def to_wire(exc, op):
    """The AgentError for what an operation raised. It never quotes what the
    request carried beyond paths and program names."""
    if isinstance(exc, Refused):
        return agent_error(exc.code, str(exc), exc.detail)
    if isinstance(exc, OSError) and exc.errno:
        missing = exc.errno == errno.ENOENT
        code = common.ERROR_CODE_NOT_FOUND if missing else common.ERROR_CODE_OS
        context = f"{op} {text(exc.filename or b'')}".rstrip()
        if exc.filename2:
            context += f" to {text(exc.filename2)}"
        return agent_error(code, f"{context}: {exc.strerror}", {"context": context, "errno": exc.errno})
    if isinstance(exc, ValueError):  # of Python itself: a NUL byte, or a variable's name with = in it
        return agent_error(common.ERROR_CODE_OS, f"{op}: {exc}")
    traceback.print_exception(exc)  # a bug, or something that nobody thought of
    return agent_error(common.ERROR_CODE_OS, f"{op}: {type(exc).__name__}")


def agent_error(code, message, detail=()):
    detail = {key: str(value)[:LONGEST] for key, value in dict(detail).items()}
    return common.AgentError(code=code, message=message[:LONGEST], retryable=code in RETRYABLE, detail=detail)


def text(raw):
    """Bytes of the OS as a string for the wire (`envelope.string-utf8`)."""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
