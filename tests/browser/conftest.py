"""A real browser. Whatever the browser complains of fails the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright: pip install -e '.[dev]'")

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.support.browser import CHROMIUM, HEADLESS, Visitor, browsing, visitor_of
from tests.support.databases import run_on_each
from tests.support.process import UNLIMITED, add_user, run, serving
from tests.support.stage import MortalStage, Stage, Visit, staged
from tests.support.threaded import serving_here

# What these show depends on what the database is asked, or on how long that takes.
FLOWS = {f"test_{topic}" for topic in ("account", "admin", "client", "coming_in", "desk", "game", "together")}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what people do with each engine, but not how it looks."""
    if "engine" in metafunc.fixturenames and metafunc.module.__name__.split(".")[-1] in FLOWS:
        run_on_each(metafunc)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What starts browsers."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The one that each visitor has a context of."""
    with browsing(playwright, HEADLESS or CHROMIUM) as browser:
        yield browser


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
def stage(location: str) -> Iterator[Stage]:
    """A server with a game, which visitors enter; asked for before ``visit``, so that it outlives them."""
    add_user(location, "dev", provider=True)
    with serving_here(location) as url, staged(location, url) as stage:
        yield stage


@pytest.fixture
def mortal(location: str, tmp_path: Path) -> Iterator[MortalStage]:
    """A stage whose server can be killed."""
    add_user(location, "dev", provider=True)
    with serving(location, *UNLIMITED, folder=tmp_path) as server, staged(location, server.url) as stage:
        yield MortalStage(stage, server)


@pytest.fixture
def olga(stage: Stage, visit: Visit) -> Callable[..., Visitor]:
    """Opens the desk of the game, or another place, as an operator who runs its source."""
    add_user(stage.database, "olga", provider=True)
    stage.ask(367, source_id=stage.source, username="olga")
    stage.ask(617, game_id=stage.game, username="olga")

    def open_desk(place: str | None = None, **options: Any) -> Visitor:
        return stage.enter(visit, "olga", f"desk/{stage.game}" if place is None else place, **options)

    return open_desk


@pytest.fixture
def adam(stage: Stage, visit: Visit) -> Callable[..., Visitor]:
    """Opens a tab of the administration as an admin of the server."""
    assert run("user", "add", "adam", "--admin", "--json", "--db", stage.database).code == 0

    def open_tab(tab: str, **options: Any) -> Visitor:
        return stage.enter(visit, "adam", f"admin/{tab}", **options)

    return open_tab
