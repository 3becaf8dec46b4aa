"""A server in a thread and a real browser on it, both bounded in time; who calls decides what no Chromium means."""

import shutil
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import uvicorn

from service.api.app import create_app
from service.web.routes import mount

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
REMEDY = "no Chromium on this machine; install it, on Debian: apt-get install chromium"
WAIT_MS = 15_000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def find_chromium():
    """Path of a Chromium, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def chromium():
    """A browser; ends with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS), timeout=30_000)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(backend):
    """The page of a backend on a free loopback port; gives its address."""
    app = create_app(backend)
    mount(app, backend)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            end = time.monotonic() + 10
            while not server.started and time.monotonic() < end:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def opened(browser, url, *, width=1440, scheme="light", motion="reduce"):
    """The page in a window of its own, drawn; what leaves the machine is blocked and noted on ``outside``."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion=motion)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.outside, page.troubles = [], []
    page.on("console", lambda m: page.troubles.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))

    def judge(route):
        if urlsplit(route.request.url).hostname in LOOPBACK:
            route.continue_()
        else:
            page.outside.append(route.request.url)
            route.abort()

    context.route("**/*", judge)
    try:
        page.goto(url, wait_until="load")
        page.locator(".plot:not([data-drawn])").first.wait_for(state="detached")
        yield page
    finally:
        context.close()


def take_picture(browser, url, path, *, width=1440, scheme="light"):
    """Save the whole page of a running server as PNG."""
    with opened(browser, url, width=width, scheme=scheme) as page:
        page.screenshot(path=path, full_page=True, animations="disabled")
