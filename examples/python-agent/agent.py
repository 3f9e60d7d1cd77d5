"""A machine agent of the core profile: commands, files and git over NATS.

Written from docs/spec/agent.md and docs/spec/wire.md; the names in backquotes
are clauses of the former.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import signal
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from google.protobuf.message import DecodeError

import faults
import files
import gitops
from commands import Commands
from errors import Refused, agent_error, text, to_wire, too_large
from metrics import Metrics
from opengeni.agent.v1 import common_pb2 as common
from opengeni.agent.v1 import control_pb2 as control
from opengeni.agent.v1 import lifecycle_pb2 as lifecycle
from paths import ROOT

VERSION = "python-agent/1"
HEARTBEAT = 5  # seconds
MOST_OPERATIONS = 400  # at once; more are turned away (`envelope.bounded`)
STOP_ATTEMPTS = 6  # to end what runs, half a second each
STARTED = time.monotonic()


class Settings:
    """What the agent is told from outside: by the environment contract of
    agentproof, or by the credentials.json of a deployed agent."""

    def __init__(self, env):
        if "AGENTPROOF_NATS_URL" in env:
            self.urls = env["AGENTPROOF_NATS_URL"].split(",")
            self.token = env["AGENTPROOF_NATS_TOKEN"]
            self.workspace = env["AGENTPROOF_WORKSPACE_ID"]
            self.agent = env["AGENTPROOF_AGENT_ID"]
            self.epoch = int(env.get("AGENTPROOF_EPOCH") or 0)
            self.whole_machine = True  # the contract has no variable for it
            self.screen_control = env.get("AGENTPROOF_SCREEN_CONTROL") == "true"
            self.ca = env.get("AGENTPROOF_CA_FILE")
        else:
            directory = Path(env["OPENGENI_CONFIG_DIR"])
            told = json.loads((directory / "credentials.json").read_text())
            self.urls, self.token = told["nats_urls"], told["nats_bearer"]
            self.workspace, self.agent = told["workspace_id"], told["agent_id"]
            self.epoch = told.get("last_known_epoch", 0)
            self.whole_machine = told.get("consented_whole_machine", False)
            self.screen_control = told.get("consented_screen_control", False)
            self.ca = directory / "ca.pem" if (directory / "ca.pem").exists() else None

    def subject(self, name):
        return f"agent.{self.workspace}.{self.agent}.{name}"


class Agent:
    def __init__(self, settings, serial=False):
        self.settings = settings
        self.serial = serial
        self.turn = asyncio.Lock()  # held by the one operation of a serial agent
        self.nats = load_nats(settings.urls)
        self.commands = Commands(MOST_OPERATIONS)
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        self.operations = set()
        self.leave = None  # says goodbye on the present connection
        self.hello = self.make_hello()

    # Connection: each one is a life of its own, with its Hello and its
    # heartbeats, so nothing of an earlier one is ever sent late.

    async def run(self):
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(MOST_OPERATIONS))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        serving = asyncio.create_task(self.serve())
        await self.stopping.wait()
        await self.stop()
        serving.cancel()

    async def serve(self):
        for url in itertools.cycle(self.settings.urls):
            try:
                await self.serve_connection(url)
            except Exception as e:  # whatever it is, the next attempt may succeed (`lifecycle.reconnect`)
                print(f"{url}: {type(e).__name__}: {e}", file=sys.stderr)
            await asyncio.sleep(0.5)

    async def serve_connection(self, url):
        closed = asyncio.Event()

        async def on_closed():
            closed.set()

        async def on_error(e):
            print(f"{url}: {e}", file=sys.stderr)

        nc = await asyncio.wait_for(self.nats.connect(
            url, token=self.settings.token, tls=self.trust(url), allow_reconnect=False, max_reconnect_attempts=1,
            ping_interval=5, closed_cb=on_closed, error_cb=on_error), 10)
        try:
            requests = await nc.subscribe(self.settings.subject("rpc"), cb=partial(self.receive, nc))
            await nc.flush()  # `lifecycle.hello-after-subscribe`
            await nc.publish(self.settings.subject("hello"), self.hello.SerializeToString())
            beating = asyncio.create_task(self.beat(nc))
            self.leave = partial(self.say_goodbye, nc, requests, beating)
            await closed.wait()
            beating.cancel()
        finally:
            self.leave = None
            await nc.close()

    def trust(self, url):
        """Whom to trust at a URL with TLS: the system's CAs, and the one that
        the agent was told of (`connect.urls`)."""
        if not url.startswith(("tls:", "wss:")):
            return None
        context = ssl.create_default_context()
        if self.settings.ca:
            context.load_verify_locations(self.settings.ca)
        return context

    def make_hello(self):
        return lifecycle.Hello(
            agent_id=self.settings.agent,
            workspace_id=self.settings.workspace,
            agent_version=VERSION,
            os={"Linux": common.OS_LINUX, "Darwin": common.OS_MACOS}.get(platform.system()),
            arch=common.ARCH_AARCH64 if platform.machine() in ("arm64", "aarch64") else common.ARCH_X86_64,
            machine_name=text(os.fsencode(socket.gethostname())) or "unnamed",
            workspace_root=text(ROOT),
            capabilities=common.Capabilities(
                exec=True, filesystem=True, git=True, pty=False, desktop=False,
                consented_whole_machine=self.settings.whole_machine,
                consented_screen_control=self.settings.screen_control,
            ),
        )

    async def beat(self, nc):
        for seq in itertools.count(1):
            await self.tell(nc, heartbeat=lifecycle.Heartbeat(
                seq=seq, uptime_ms=uptime(), active_sessions=len(self.commands.running),
                metrics=self.metrics.sample(),
            ))
            await asyncio.sleep(HEARTBEAT)

    async def tell(self, nc, **event):
        data = lifecycle.AgentEvent(agent_id=self.settings.agent, **event).SerializeToString()
        await nc.publish(self.settings.subject("events"), data)

    async def stop(self):
        """Refuses new work, ends what runs, says goodbye (`lifecycle.stop-order`)."""
        for _ in range(STOP_ATTEMPTS):  # some may only just be starting
            await asyncio.to_thread(self.commands.kill_all)
            if not self.operations:
                break
            await asyncio.wait(self.operations, timeout=0.5)
        if self.leave:
            with contextlib.suppress(Exception):  # the broker may be gone
                await asyncio.wait_for(self.leave(), 3)

    async def say_goodbye(self, nc, requests, beating):
        beating.cancel()
        await requests.drain()
        await self.tell(nc, going_offline=lifecycle.GoingOffline(
            reason=lifecycle.GOING_OFFLINE_REASON_USER_STOP, message="stopped"))
        await nc.flush()
        await nc.close()

    # Requests.

    async def receive(self, nc, msg):
        """Answers a ping right here and gives everything else a task: the next
        message waits for this to return. A serial agent returns when it has
        replied."""
        if not msg.reply:
            return  # nobody waits for an answer (`subject.no-reply-subject`)
        try:
            request = control.ControlRequest.FromString(msg.data)
        except DecodeError:
            error = agent_error(common.ERROR_CODE_PROTOCOL, "the request is no ControlRequest")
            await self.reply(nc, msg, control.ControlResponse(error=error))
            return
        full = len(self.operations) >= MOST_OPERATIONS
        answering = self.answer(nc, msg, request, full)
        if self.serial:
            # A wait that ends with the connection leaves the operation running.
            await asyncio.wait([self.start(self.in_turn(answering))])
        elif full or request.WhichOneof("op") == "ping":
            await answering
        else:
            self.start(answering)

    def start(self, answering):
        task = asyncio.create_task(answering)
        self.operations.add(task)
        task.add_done_callback(self.operations.discard)
        return task

    async def in_turn(self, answering):
        # The subscription alone would not do: after a reconnect there is a new one.
        async with self.turn:
            await answering

    async def answer(self, nc, msg, request, full):
        op = request.WhichOneof("op")
        response = control.ControlResponse(request_id=request.request_id)
        try:
            self.check_fence(request)
            self.check_room(op, full)
            result = await self.perform(nc.max_payload, op, request)
            getattr(response, op).CopyFrom(result)
            if (size := response.ByteSize()) > nc.max_payload:
                raise too_large(op, size, nc.max_payload)
        except Exception as e:
            error = to_wire(e, op or "request")
            response = control.ControlResponse(request_id=request.request_id, error=error)
        await self.reply(nc, msg, response)

    async def reply(self, nc, msg, response):
        try:
            await nc.publish(msg.reply, response.SerializeToString())
        except Exception as e:  # the connection went; who asked has noticed, too
            print(f"reply: {type(e).__name__}: {e}", file=sys.stderr)

    def check_fence(self, request):
        held = self.settings.epoch
        if 0 != request.epoch < held:
            raise Refused(
                common.ERROR_CODE_FENCED, f"the request is of epoch {request.epoch}, the agent holds {held}",
                op_epoch=request.epoch, held_epoch=held)

    def check_room(self, op, full):
        if op == "ping":
            return
        if self.stopping.is_set():
            raise Refused(common.ERROR_CODE_DRAINING, "the agent is stopping")
        if full:
            raise Refused(
                common.ERROR_CODE_DRAINING, f"{MOST_OPERATIONS} operations are running",
                backpressure=MOST_OPERATIONS)

    async def perform(self, max_payload, op, request):
        args = op and getattr(request, op)
        match op:
            case "ping":
                return lifecycle.PingResponse(nonce=args.nonce, agent_monotonic_ms=uptime())
            case "exec":
                return await self.commands.exec(args, max_payload)
            case "git":
                return await gitops.run(self.commands, args, max_payload)
            case "fs_read":
                return await asyncio.to_thread(files.read, args, max_payload)
            case "fs_write":
                return await asyncio.to_thread(files.write, args)
            case "fs_list":
                return await asyncio.to_thread(files.list_, args)
            case "fs_mkdir":
                return await asyncio.to_thread(files.mkdir, args)
            case "fs_move":
                return await asyncio.to_thread(files.move, args)
            case "fs_stat":
                return await asyncio.to_thread(files.stat_, args)
            case "fs_remove":
                return await asyncio.to_thread(files.remove, args)
            case "metrics":
                return self.metrics.sample()
            case "desktop_input" if not self.settings.screen_control:
                raise Refused(common.ERROR_CODE_CONSENT_REQUIRED, "the owner did not consent to screen control")
            case "hello" | "resume" | "update_may_proceed":
                raise Refused(common.ERROR_CODE_PROTOCOL, f"{op} is the agent's to say")
            case None:
                raise Refused(common.ERROR_CODE_PROTOCOL, "the request has no operation that is known")
            case _:
                raise Refused(common.ERROR_CODE_UNSUPPORTED, f"this agent has no {op}")


def load_nats(urls):
    """nats-py, and aiohttp with it only where a URL is a websocket's: loading
    that takes longer than everything else."""
    if not any(url.startswith("ws") for url in urls):
        sys.modules["aiohttp"] = None  # not to be found, which nats-py is ready for
    import nats

    return nats


def uptime():
    return int((time.monotonic() - STARTED) * 1000)


def parse_args():
    parser = argparse.ArgumentParser(description="A machine agent of the core profile.", allow_abbrev=False)
    parser.add_argument("--serial", action="store_true", help="serve one request at a time, pings included")
    parser.add_argument("--fault", action="append", default=[], choices=sorted(faults.FAULTS), metavar="NAME",
                        help="have a fault (repeatable): " + ", ".join(sorted(faults.FAULTS)))
    return parser.parse_args()


async def main(args):
    agent = Agent(Settings(os.environ), args.serial)
    for name in args.fault:
        faults.FAULTS[name](agent)
    await agent.run()
    # asyncio.run would wait for a thread that hangs in the file system.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(parse_args()))
