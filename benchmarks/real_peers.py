"""A real supervisor, a real HAProxy and small HTTP servers on loopback, and requests to them: for tests and programs.

Everything listens on 127.0.0.1 or on sockets in a scratch directory, and ends with its block.
"""

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HAPROXY_REMEDY = "no HAProxy on this machine; install it, on Debian: apt-get install haproxy"
BACKEND = """
import asyncio, os, sys

async def answer(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            await asyncio.sleep(float(sys.argv[2]))
            body = f"{sys.argv[3]} {os.getpid()}".encode()
            writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""
"""A server that answers after a while and dies of SIGTERM at once, as most do."""


def find_haproxy():
    """Path of a HAProxy, or None."""
    return shutil.which("haproxy") or next((p for p in ("/usr/sbin/haproxy",) if Path(p).exists()), None)


def free_ports(count):
    """So many ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def scratch():
    """A directory with a short name: paths of sockets have at most 107 bytes."""
    directory = tempfile.mkdtemp(prefix="fl-")
    try:
        yield Path(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wait_until(condition, seconds=10.0):
    """Look again and again; TimeoutError if it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not come true in time")
        time.sleep(0.02)


@contextmanager
def ended(process, seconds=15.0):
    """A process that is ended with the block."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def program(name, command, **more):
    """One section of supervisor's configuration."""
    values = {"command": command, "startsecs": 1, "stopwaitsecs": 2, "autorestart": "false"} | more
    return f"[program:{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


@contextmanager
def supervisor(directory, programs, *, password=""):
    """A supervisor on a unix socket, and on a port if it has a password; gives both addresses."""
    path, log = directory / "supervisor.sock", directory / "supervisor.log"
    (port,) = free_ports(1)
    http = f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=faultline\npassword={password}\n" if password else ""
    configuration = (
        f"[supervisord]\nlogfile={log}\npidfile={directory}/supervisor.pid\nchildlogdir={directory}\nuser=root\n"
        f"[unix_http_server]\nfile={path}\nchmod=0700\n{http}"
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        + "\n".join(programs)
    )
    (directory / "supervisor.conf").write_text(configuration)
    argv = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(directory / "supervisor.conf")]
    with ended(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_until(path.exists)
        yield f"unix://{path}", f"http://127.0.0.1:{port}"


@contextmanager
def haproxy(directory, servers, *, more=""):
    """A HAProxy before servers (lines of a backend named web); gives its socket's address and its port."""
    path = directory / "haproxy.sock"
    (port,) = free_ports(1)
    lines = "".join(f"  server {line}\n" for line in servers)
    (directory / "haproxy.conf").write_text(
        f"global\n  stats socket {path} mode 600 level admin\n  maxconn 256\n  nbthread 1\n"
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 20s\n  timeout server 20s\n  retries 3\n"
        "  option redispatch\n"
        f"frontend front\n  bind 127.0.0.1:{port}\n  default_backend web\n"
        "backend web\n  balance roundrobin\n  default-server check inter 100ms fall 2 rise 2 weight 100\n"
        f"{lines}{more}"
    )
    argv = [find_haproxy(), "-db", "-f", str(directory / "haproxy.conf")]
    with ended(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_until(path.exists)
        yield f"unix://{path}", port


@dataclass(frozen=True, slots=True, kw_only=True)
class Balanced:
    """Two servers under supervisor, behind HAProxy, and where to reach the three."""

    directory: Path
    supervisor_url: str
    haproxy_url: str
    port: int


@contextmanager
def balanced(*, answer_s=0.02):
    """Web-1 and web-2 under supervisor and behind HAProxy, all up."""
    with scratch() as directory, ExitStack() as held:
        script = directory / "backend.py"
        script.write_text(BACKEND)
        ports = dict(zip(("web-1", "web-2"), free_ports(2), strict=True))
        argv = f"{sys.executable} -S -E {script}"
        programs = [program(name, f"{argv} {port} {answer_s} {name}") for name, port in ports.items()]
        urls = held.enter_context(supervisor(directory, programs))
        servers = [f"{name} 127.0.0.1:{port}" for name, port in ports.items()]
        url, port = held.enter_context(haproxy(directory, servers))
        wait_until(lambda: all(can_connect(one) for one in ports.values()))
        wait_until(lambda: get(port).startswith("web-"))
        time.sleep(1.2)  # until supervisor says RUNNING and HAProxy has seen both
        yield Balanced(directory=directory, supervisor_url=urls[0], haproxy_url=url, port=port)


def can_connect(port):
    """Whether somebody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def get(port):
    """The text behind a port; empty if the answer is not 200."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        text = answer.read().decode()
    except OSError:
        return ""
    else:
        return text if answer.status == 200 else ""
    finally:
        connection.close()


class Load:
    """Clients that ask one after the other, on connections that stay open, until the block ends or enough was asked.

    ``outcomes`` counts statuses, and "broken" for a connection that ended instead of an answer.
    """

    def __init__(self, port, *, clients=8, at_most=20_000):
        self.outcomes = Counter()
        self._port, self._clients, self._at_most = port, clients, at_most
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    @property
    def total(self):
        """Requests with an outcome."""
        return sum(self.outcomes.values())

    @property
    def failed(self):
        """Requests that got no 200."""
        return self.total - self.outcomes["200"]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join(30)

    async def _run(self):
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self):
        streams = None
        while not self._is_over.is_set() and self.total < self._at_most:
            try:
                streams = streams or await asyncio.open_connection("127.0.0.1", self._port)
                status, is_open = await asyncio.wait_for(self._ask(*streams), 20)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                status, is_open = "broken", False
            self.outcomes[status] += 1
            if not is_open and streams:
                streams[1].close()
                streams = None
        if streams:
            streams[1].close()
            await streams[1].wait_closed()

    async def _ask(self, reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: web\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(headers.get("content-length", 0)))
        return head.split()[1], headers.get("connection") != "close" and "content-length" in headers
