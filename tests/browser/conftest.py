"""A real Chromium. Whatever the browser complains of fails the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright: pip install -e '.[dev]'")

from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import Visitor, visitor_of
from tests.support.stage import Stage, Visit, staged

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("browser tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Makes visitors of an origin, and sees in the end that nothing was wrong with their pages."""
    visitors: list[Visitor] = []

    def make(origin: str, **options: Any) -> Visitor:
        visitors.append(visitor_of(browser, origin, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()
    for visitor in visitors:
        visitor.check()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A server with a game, which visitors enter; asked for before ``visit``, so that it outlives them."""
    with staged(tmp_path / "game.db") as stage:
        yield stage
