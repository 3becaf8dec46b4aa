"""Real peers on loopback: a small HTTP server with every bad habit."""

import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Habits(BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self):
        """Answer."""
        handle = getattr(self, f"say_{self.path.strip('/').split('/')[0]}", self.say_missing)
        with suppress(BrokenPipeError, ConnectionResetError):
            handle()

    do_HEAD = do_GET  # noqa: N815  # the name is the library's

    def answer(self, status, body=b"", **headers):
        """Send a whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def say_ok(self):
        """All is well."""
        self.answer(200, b'{"status": "ok"}')

    def say_missing(self):
        """Nothing there."""
        self.answer(404)

    def say_broken(self):
        """An error of the server."""
        self.answer(500, b"trace\x00\x1b[31m" * 100)

    def say_loop(self):
        """Redirect to itself."""
        self.answer(302, Location="/loop")

    def say_moved(self):
        """Redirect once."""
        self.answer(301, Location="/ok")

    def say_huge(self):
        """A body of a gigabyte."""
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        for _ in range(1 << 14):
            self.wfile.write(b"x" * (1 << 16))

    def say_slow(self):
        """An answer after a while."""
        self.server.over.wait(0.3)
        self.answer(200, b"ok")

    def say_hang(self):
        """No answer at all."""
        self.server.over.wait(20)

    def say_drip(self):
        """A body that comes byte by byte."""
        self.send_response(200)
        self.end_headers()
        for _ in range(1000):
            if self.server.over.wait(0.05):
                return
            self.wfile.write(b"x")

    def say_garbage(self):
        """What is no HTTP."""
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    def say_cut(self):
        """Less than was announced."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"short")

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def web_server(tls=None):
    """Serve on a free port of loopback; give the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Habits)
    server.daemon_threads, server.over = True, threading.Event()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def deaf_server():
    """A port that takes connections and never reads them."""
    with socketserver.TCPServer(("127.0.0.1", 0), None, bind_and_activate=True) as server:
        yield server.server_address[1]


def until(condition, seconds=10.0):
    """Wait for something that other threads do."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
