"""Files, by the clauses of "Filesystem". Every function runs in a thread."""

import errno
import os
import shutil
import stat
import threading
import uuid

from errors import Refused, text, too_large
from opengeni.agent.v1 import common_pb2 as common
from opengeni.agent.v1 import fs_pb2 as fs
from paths import ROOT, resolve

CHUNK = 1 << 20
AT_ONCE = os.O_NONBLOCK  # without it, opening a FIFO waits for its other end
appending = threading.Lock()  # so that a failed append can be taken back


def read(request, max_payload):
    path = resolve(request.path)
    with open(path, "rb", buffering=0, opener=lambda p, flags: os.open(p, flags | AT_ONCE)) as file:
        info = os.fstat(file.fileno())
        if stat.S_ISFIFO(info.st_mode):
            raise Refused(common.ERROR_CODE_OS, f"fs_read {request.path}: a FIFO has no range to read")
        if stat.S_ISREG(info.st_mode) and info.st_size > 0:
            return read_range(file, info.st_size, request, max_payload)
        return read_stream(file, request, max_payload)


def read_range(file, size, request, max_payload):
    offset = min(request.offset, size)
    length = min(request.length or size, size - offset)
    if length > max_payload:
        raise too_large("fs_read", length, max_payload)
    file.seek(offset)
    return fs.FsReadResponse(content=read_up_to(file, length), total_size=size)


def read_stream(file, request, max_payload):
    """Files of /proc and devices: they are as long as what reading yields, and
    some never end."""
    end = request.offset + request.length if request.length else max_payload + 1
    if request.offset > max_payload or end > max_payload + 1:
        raise too_large("fs_read", end, max_payload)
    endless = not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    content = read_up_to(file, end if endless else max_payload + 1)
    if len(content) > max_payload:
        raise too_large("fs_read", len(content), max_payload)
    return fs.FsReadResponse(content=content[request.offset:end], total_size=len(content))


def read_up_to(file, length):
    parts = []
    while length > 0 and (part := file.read(min(length, CHUNK))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def write(request):
    path, content = resolve(request.path), request.content
    if request.create_parents:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except FileExistsError:
            pass  # a file is in the way, and opening says so
    how = os.O_WRONLY | os.O_CREAT | AT_ONCE | (os.O_APPEND if request.append else 0)
    fd = os.open(path, how, request.mode or 0o666)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            write_all(fd, content)
        elif request.append:
            append(fd, content, path)
        else:
            replace(fd, content, path)
    finally:
        os.close(fd)
    return fs.FsWriteResponse(bytes_written=len(content))


def append(fd, content, path):
    with appending:
        size = os.fstat(fd).st_size
        try:
            write_all(fd, content)
        except OSError as e:
            os.ftruncate(fd, size)
            raise OSError(e.errno, e.strerror, path) from e


def replace(fd, content, path):
    """In place, which keeps mode, owner and links. Room is made first: on a
    full disk the old content stays."""
    size = os.fstat(fd).st_size
    try:
        if content and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, len(content))
    except OSError as e:
        if e.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            os.ftruncate(fd, size)
            raise OSError(e.errno, e.strerror, path) from e
    write_all(fd, content)
    os.ftruncate(fd, len(content))


def write_all(fd, content):
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest):]


def list_(request):
    top = resolve(request.path)
    entries, waiting = [], [(top, b"")]
    while waiting:
        path, relative = waiting.pop()
        try:
            found = list(os.scandir(path))
        except FileNotFoundError:
            if path is top:
                raise
            continue  # it vanished meanwhile
        for child in found:
            name = os.path.join(relative, child.name)
            try:
                info = child.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            entries.append(entry(child.name, name, info))
            if request.recursive and stat.S_ISDIR(info.st_mode):
                waiting.append((child.path, name))
    return fs.FsListResponse(entries=entries)


def entry(name, path, info):
    kind = fs.FS_ENTRY_KIND_FILE
    if stat.S_ISLNK(info.st_mode):
        kind = fs.FS_ENTRY_KIND_SYMLINK
    elif stat.S_ISDIR(info.st_mode):
        kind = fs.FS_ENTRY_KIND_DIRECTORY
    return fs.FsEntry(
        name=text(name), path=text(path), kind=kind, size=info.st_size,
        modified_ms=info.st_mtime_ns // 1_000_000, mode=info.st_mode,
    )


def mkdir(request):
    path = resolve(request.path)
    if request.parents and os.path.isdir(path):
        return fs.FsMkdirResponse()
    if request.parents:
        os.makedirs(path, exist_ok=True)
    else:
        os.mkdir(path)
    if request.mode:
        os.chmod(path, request.mode & 0o7777)
    return fs.FsMkdirResponse()


def move(request):
    source, to = resolve(getattr(request, "from")), resolve(request.to)
    if not request.overwrite and os.path.lexists(to):
        os.lstat(source)  # a missing source is the better answer
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), source, None, to)
    try:
        os.rename(source, to)
    except OSError as e:
        if e.errno == errno.EXDEV:
            move_across(source, to)
        elif e.errno == errno.EISDIR:  # a file over a directory, which goes if it is empty
            os.rmdir(to)
            os.rename(source, to)
        elif e.errno == errno.ENOTDIR and os.path.isdir(source) and os.path.lexists(to):
            os.unlink(to)  # a directory over a file
            os.rename(source, to)
        else:
            raise
    return fs.FsMoveResponse()


def move_across(source, to):
    """To another device: a copy beside the destination, then a rename there."""
    target = to.rstrip(b"/")
    copy = target + b"." + uuid.uuid4().hex.encode()
    try:
        if os.path.islink(source):
            os.symlink(os.readlink(source), copy)
        elif os.path.isdir(source):
            shutil.copytree(source, copy, symlinks=True)
        else:
            shutil.copy2(source, copy)
        os.rename(copy, target)
    except BaseException:
        delete(copy)
        raise
    delete(source)


def delete(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def stat_(request):
    path = resolve(request.path)
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return fs.FsStatResponse(exists=False)
    found = entry(os.path.basename(os.path.normpath(path)), b"", info)
    found.path = request.path
    return fs.FsStatResponse(exists=True, entry=found)


def remove(request):
    path = resolve(request.path)
    info = os.lstat(path)
    if os.path.samestat(info, os.stat(ROOT)):
        raise Refused(common.ERROR_CODE_OS, "fs_remove: that is the workspace root")
    if not stat.S_ISDIR(info.st_mode):
        os.unlink(path)
    elif not request.recursive or os.path.islink(path.rstrip(b"/")):
        os.rmdir(path)  # which refuses a link with a slash behind it
    else:
        shutil.rmtree(path)
    return fs.FsRemoveResponse()
