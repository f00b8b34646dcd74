"""The console around the game: the lobby, who is offline or lost, and that everybody can use it."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.process import serving
from tests.support.stage import Stage, Visit, port_of

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
WIDTHS = (320, 360, 390, 719, 720, 999, 1000, 1099, 1279, 1280, 1440)
TABS = ("", "bets", "match", "table", "chat")
PAGES = ("", "sign-in", "sign-up", "nowhere", *(f"game/GAME/{tab}" for tab in TABS))
TOO_WIDE = """
() => document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? [...document.querySelectorAll("body *")].filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
    .map((part) => part.tagName + "." + part.className).slice(0, 5)
  : []
"""


def a_lively_game(stage: Stage) -> None:
    """Pools in several states, events, bets, settlements."""
    settled = stage.open_pool("Who scores first?")
    for name, target in (("kasia", "argentina"), ("nadia", "brazil"), ("nadia", "argentina")):
        stage.bet(name, settled, target, 20)
    stage.goal()
    stage.ask(395, game_id=stage.game, action_id="yellow-card", target_id="brazil:neymar")
    stage.ask(374, game_id=stage.game, period="1H", elapsed_ms=20 * 60_000, is_running=True)
    hot = stage.open_pool("Does Neymar score the penalty?", pool_type=3, is_hot=True)
    stage.ask(3852, pool_id=hot, stop_accepting_bets_at=stage.now() + 600_000)
    running = stage.open_pool("Who scores next?")
    paused = stage.open_pool("Who is booked next?", action_id="yellow-card", targets=["Argentina", "Brazil"])
    for pool in (running, paused):
        stage.bet("nadia", pool, "brazil", 12.5)
        stage.bet("kasia", pool, "argentina", 40)
    stage.ask(397, pool_id=paused)


def settled(visitor: Visitor) -> None:
    """Wait until what was loading is there."""
    visitor.see("main")
    visitor.until("document.querySelector('[aria-busy]') === null")


@pytest.mark.parametrize("options", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(stage: Stage, visit: Visit, options: dict[str, Any], scheme: str) -> None:
    a_lively_game(stage)
    nadia = stage.enter(visit, "nadia", color_scheme=scheme, reduced_motion="reduce", **options)
    for page in PAGES:
        nadia.go(page.replace("GAME", stage.game))
        settled(nadia)
        if page.endswith("GAME/"):
            nadia.see('button[data-target="yes"]').click()
            nadia.see(".quote")
        nadia.photograph(f"{scheme}-{options['viewport']['width']}-{page.replace('/', '-') or 'lobby'}")
        found = Axe().run(nadia.page).response["violations"]
        told = [(page, item["id"], [node["html"][:160] for node in item["nodes"][:3]]) for item in found]
        assert told == [], json.dumps(told, indent=1)


def test_no_page_is_wider_than_its_window(stage: Stage, visit: Visit) -> None:
    a_lively_game(stage)
    nadia = stage.enter(visit, "nadia")
    for page in PAGES:
        nadia.go(page.replace("GAME", stage.game))
        settled(nadia)
        for width in WIDTHS:
            nadia.page.set_viewport_size({"width": width, "height": 800})
            assert nadia.run(TOO_WIDE) == [], (page, width)


def test_every_button_on_a_phone_is_large_enough_for_a_finger(stage: Stage, visit: Visit) -> None:
    a_lively_game(stage)
    nadia = stage.play(visit, "nadia", **PHONE)
    nadia.see('button[data-target="yes"]').click()
    nadia.see(".quote")
    small = """
    () => [...document.querySelectorAll("button, a[href], input, summary")]
      .filter((part) => part.checkVisibility() && !part.classList.contains("skip"))
      .map((part) => [part.outerHTML.slice(0, 90), part.getBoundingClientRect()])
      .filter(([, { width, height }]) => width > 1 && (height < 44 || width < 32))
      .map(([text, { width, height }]) => [text, width, height])
    """
    assert nadia.run(small) == []


def test_who_wants_no_motion_sees_none(stage: Stage, visit: Visit) -> None:
    a_lively_game(stage)
    nadia = stage.play(visit, "nadia", reduced_motion="reduce")
    nadia.see(".pool--hot")
    assert nadia.run("() => document.getAnimations().length") == 0


def test_colours_that_are_forced_leave_shares_and_choices_to_be_seen(stage: Stage, visit: Visit) -> None:
    a_lively_game(stage)
    nadia = stage.play(visit, "nadia", forced_colors="active")
    nadia.see('button[data-target="yes"]').click()
    nadia.see(".trow[aria-checked=true]")
    seen = "() => getComputedStyle(document.querySelector('.trow'), '::after').backgroundColor"
    assert nadia.run(seen) != nadia.run("() => getComputedStyle(document.querySelector('.trow')).backgroundColor")
    chosen = "() => getComputedStyle(document.querySelector('.trow[aria-checked=true]')).borderColor"
    other = "() => getComputedStyle(document.querySelector('.trow[aria-checked=false]')).borderColor"
    assert nadia.run(chosen) != nadia.run(other)


def test_the_lobby_shows_what_is_on_and_what_is_mine(stage: Stage, visit: Visit) -> None:
    a_lively_game(stage)
    stage.ask(3701, source_id=stage.source, game_name="Spain - Peru", type="x", live_start_at=stage.now() + 3_600_000)
    nadia = stage.enter(visit, "nadia")
    nadia.see_text("Does Neymar score the penalty?", ".front")
    nadia.see_text("Argentina", ".front")
    nadia.see_text("Spain - Peru", ".up")
    nadia.see_text("World Cup", ".lobby__rail")
    nadia.see(".front").click()
    nadia.see(".game .board")


def test_a_game_that_opens_appears_in_the_lobby_by_itself(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia")
    nadia.see_text("Argentina", ".front")
    nadia.until("document.querySelector('.dot--ok') !== null")
    stage.ask(370, source_id=stage.source, game_name="Spain - Peru", type="x")
    nadia.see_text("Spain - Peru")


def test_who_has_not_signed_in_sees_the_lobby_and_what_is_on(stage: Stage, visit: Visit) -> None:
    a_lively_game(stage)
    stranger = visit(stage.origin)
    stranger.go("")
    stranger.see_text("Does Neymar score the penalty?", ".front")
    stranger.see_text("Play as guest", ".join")
    stranger.see_text("Sign in", ".topbar").click()
    stranger.see("#password")


def test_the_page_waits_for_a_server_that_is_away(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    nadia.forgive("ERR_CONNECTION_REFUSED")
    nadia.forgive("WebSocket connection to")
    stage.server.kill()
    nadia.see_text("Connection lost.", ".banner")
    nadia.run("() => location.assign('#/')")
    nadia.see(".lobby [aria-busy]")
    with serving(stage.file, "--port", port_of(stage.server)) as server:
        nadia.see_text("Argentina", ".front")
        server.stop()


def test_the_console_can_be_installed(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia")
    nadia.see("main")
    session = nadia.context.new_cdp_session(nadia.page)
    assert session.send("Page.getAppManifest")["errors"] == []
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors] in ([], ["in-incognito"])


def test_skipping_leads_to_the_content_and_keeps_the_page(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    nadia.page.keyboard.press("Tab")
    nadia.page.keyboard.press("Enter")
    expect(nadia.page.locator("#main")).to_be_focused()
    assert nadia.page.url.endswith(f"#/game/{stage.game}")
