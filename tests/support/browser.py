"""Visitors of the console: pages of a real browser, each in a context of its own."""

import functools
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, WebSocketRoute

import gameserver

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# The same engine without all that is around a page, which is more than half the work; nor can it install a page.
HEADLESS = shutil.which("chromium-headless-shell")
CONSOLE = Path(gameserver.__file__).parent / "web" / "console"
EMPTY = "empty"  # a page without anything, for tests of modules
TIMEOUT_MS = 30_000


class Visitor:
    """A page in a context of its own. ``complaints`` is what the browser found wrong with it."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self.origin = origin
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self._forgiven: list[str] = []
        self.page.set_default_timeout(TIMEOUT_MS)
        self.page.on("console", lambda message: self._complain(message.type in ("error", "warning"), message.text))
        self.page.on("pageerror", lambda error: self._complain(True, str(error)))
        self.page.on("request", lambda request: self._complain(not self._is_own(request.url), request.url))

    def _is_own(self, url: str) -> bool:
        return url.startswith(self.origin)

    def _complain(self, is_complaint: bool, text: str) -> None:
        if is_complaint:
            self.complaints.append(text)

    def forgive(self, part: str) -> None:
        """Let the browser complain of what the test does to it."""
        self._forgiven.append(part)

    def check(self) -> None:
        """Nothing was wrong."""
        found = [text for text in self.complaints if not any(part in text for part in self._forgiven)]
        assert found == [], found

    def go(self, place: str) -> None:
        """Open a place of the console, such as ``game/ID``, in a page that is loaded anew."""
        is_loaded = self.page.url.startswith(self.origin)
        self.page.goto(f"{self.origin}/#/{place}")
        if is_loaded:
            self.page.reload()  # only the part behind "#" is another

    def see(self, selector: str) -> Locator:
        """Wait until something is shown."""
        found = self.page.locator(selector).first
        found.wait_for()
        return found

    def see_text(self, text: str | re.Pattern[str], within: str = "body") -> Locator:
        """Wait until a text is shown within the first of a selector."""
        found = self.page.locator(within).first.get_by_text(text).first
        found.wait_for()
        return found

    def until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true, which is looked at once a frame."""
        self.run(
            f"""async () => {{
              const end = performance.now() + {TIMEOUT_MS};
              while (!({condition})) {{
                if (performance.now() > end) throw new Error("not so in time");
                await new Promise(requestAnimationFrame);
              }}
            }}"""
        )

    def run(self, script: str, argument: Any = None) -> Any:
        """What a function of JavaScript returns, promises awaited."""
        return self.page.evaluate(script, argument)

    def keep_sockets(self) -> list[WebSocketRoute]:
        """Let the page's WebSockets through, those opened from now on, and keep them in a list, for a test to close."""
        kept: list[WebSocketRoute] = []

        def keep(page: WebSocketRoute) -> None:
            server = page.connect_to_server()
            page.on_message(server.send)
            server.on_message(page.send)
            kept.append(page)

        self.page.route_web_socket(re.compile("^ws:"), keep)
        return kept


@contextmanager
def browsing(playwright: Playwright, program: str | None) -> Iterator[Browser]:
    """A browser, until the context exits; the test is skipped where there is none."""
    if program is None:
        pytest.skip("browser tests need Chromium: apt-get install chromium chromium-headless-shell")
    with playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser:
        yield browser


def visitor_of(browser: Browser, origin: str, **options: Any) -> Visitor:
    """A visitor from a new context."""
    return Visitor(browser.new_context(**options), origin)


class _Files(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == f"/{EMPTY}":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b'<!doctype html><link rel="icon" href="icon.svg">')
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


def files_of_console() -> AbstractContextManager[str]:
    """The console's files and an empty page, served by themselves; their origin."""
    return files_of(CONSOLE)


@contextmanager
def files_of(folder: Path) -> Iterator[str]:
    """The files of a folder and an empty page, served by themselves; their origin."""
    handler = functools.partial(_Files, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
