"""The console around the game: the lobby, who is offline or lost, and that everybody can use it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Playwright, expect

from tests.support.browser import CHROMIUM, Visitor, browsing, visitor_of
from tests.support.looking import TOO_WIDE, look
from tests.support.stage import MortalStage, Stage, Visit

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
WIDTHS = (320, 360, 390, 719, 720, 999, 1000, 1099, 1279, 1280, 1440)
TABS = ("", "bets", "match", "table", "chat")
PAGES = ("", "sign-in", "sign-up", "nowhere", *(f"game/GAME/{tab}" for tab in TABS))


def settled(visitor: Visitor) -> None:
    """Wait until what was loading is there."""
    visitor.see("main")
    visitor.until("document.querySelector('[aria-busy]') === null")


def test_no_page_is_wider_than_its_window(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    nadia = stage.enter(visit, "nadia")
    for page in PAGES:
        nadia.go(page.replace("GAME", stage.game))
        settled(nadia)
        for width in WIDTHS:
            nadia.page.set_viewport_size({"width": width, "height": 800})
            assert nadia.run(TOO_WIDE) == [], (page, width)


def test_at_a_zoom_of_400_percent_no_page_is_wider_than_its_window_and_a_bet_can_be_placed(
    stage: Stage, visit: Visit
) -> None:
    stage.open_pool()
    nadia = stage.enter(visit, "nadia", viewport={"width": 320, "height": 256})
    for page in (*PAGES, "account"):
        nadia.go(page.replace("GAME", stage.game))
        settled(nadia)
        assert nadia.run(TOO_WIDE) == [], page
    nadia.go(f"game/{stage.game}")
    nadia.see('button[data-target="argentina"]').click()
    nadia.see(".slip .btn--you").click()
    nadia.see_text("you 50", ".targets")


def test_who_wants_more_contrast_gets_it(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    nadia = stage.play(visit, "nadia", contrast="more", reduced_motion="reduce")
    look(nadia, "more-contrast", ".pool--hot")
    line = "() => getComputedStyle(document.documentElement).getPropertyValue('--line')"
    more = nadia.run(line)
    nadia.page.emulate_media(contrast="no-preference")
    assert nadia.run(line) != more


def test_every_button_on_a_phone_is_large_enough_for_a_finger(stage: Stage, visit: Visit) -> None:
    stage.enliven()
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
    stage.enliven()
    nadia = stage.play(visit, "nadia", reduced_motion="reduce")
    nadia.see(".pool--hot")
    assert nadia.run("() => document.getAnimations().length") == 0


def test_colours_that_are_forced_leave_shares_and_choices_to_be_seen(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    nadia = stage.play(visit, "nadia", forced_colors="active")
    nadia.see('button[data-target="yes"]').click()
    nadia.see(".trow[aria-checked=true]")
    seen = "() => getComputedStyle(document.querySelector('.trow'), '::before').borderBottomColor"
    assert nadia.run(seen) != nadia.run("() => getComputedStyle(document.querySelector('.trow')).backgroundColor")
    chosen = "() => getComputedStyle(document.querySelector('.trow[aria-checked=true]')).borderColor"
    other = "() => getComputedStyle(document.querySelector('.trow[aria-checked=false]')).borderColor"
    assert nadia.run(chosen) != nadia.run(other)


def test_the_lobby_shows_what_is_on_and_what_is_mine(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    stage.ask(3701, source_id=stage.source, game_name="Spain - Peru", type="x", live_start_at=stage.now() + 3_600_000)
    nadia = stage.enter(visit, "nadia")
    nadia.see_text("Does Neymar score the penalty?", ".front")
    nadia.see_text("Argentina", ".front")
    nadia.see_text("Spain - Peru", ".up")
    nadia.see_text("World Cup", ".lobby__rail")
    nadia.see(".front").click()
    nadia.see(".game .board")


def test_a_game_of_many_sides_is_named_on_the_front_on_a_phone(stage: Stage, visit: Visit) -> None:
    stage.ask(376, game_id=stage.game)
    quiz = {"game_name": "Pub quiz", "type": "quiz", "actions": ["Round"], "targets": ["Raiders", "Owls", "Foxes"]}
    stage.ask(370, source_id=stage.source, **quiz)
    stage.enter(visit, "nadia", **PHONE).see_text("Pub quiz", ".front .score")


def test_an_operator_finds_the_desk_on_a_phone_and_from_the_game(stage: Stage, olga: Callable[..., Visitor]) -> None:
    phone = olga("", **PHONE)
    phone.see_text("Desk", ".wallet").tap()
    phone.see_text("Argentina - Brazil", ".deskhome").tap()
    phone.see(".topbar .btn--back").tap()
    phone.see(".deskhome")
    olga(f"game/{stage.game}").see(".topbar").get_by_text("Desk").click()


def test_a_game_that_opens_appears_in_the_lobby_by_itself(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia")
    nadia.see_text("Argentina", ".front")
    nadia.until("document.querySelector('.dot--ok') !== null")
    stage.ask(370, source_id=stage.source, game_name="Spain - Peru", type="x")
    nadia.see_text("Spain - Peru")


def test_who_has_not_signed_in_sees_the_lobby_and_what_is_on(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    stranger = visit(stage.origin)
    stranger.go("")
    stranger.see_text("Does Neymar score the penalty?", ".front")
    stranger.see_text("Messi 1", ".front .score__scorers")
    stranger.see('.front .mline__ev[data-kind="goal"]')
    stranger.see_text("Play as guest", ".join")
    stranger.see_text("Sign in", ".topbar").click()
    stranger.see("#password")


def test_the_page_waits_for_a_server_that_is_away(mortal: MortalStage, visit: Visit) -> None:
    stage, server = mortal
    nadia = stage.play(visit, "nadia")
    nadia.forgive("ERR_CONNECTION_REFUSED")
    nadia.forgive("WebSocket connection to")
    server.kill()
    nadia.see_text("Connection lost.", ".banner")
    nadia.run("() => location.assign('#/')")
    nadia.see(".lobby [aria-busy]")
    with mortal.again() as again:
        nadia.run("() => dispatchEvent(new Event('online'))")
        nadia.see_text("Argentina", ".front")
        again.stop()


def test_the_console_can_be_installed(stage: Stage, playwright: Playwright) -> None:
    with browsing(playwright, CHROMIUM) as browser:
        nadia = stage.sign_in(visitor_of(browser, stage.origin), "nadia")
        nadia.see("main")
        session = nadia.context.new_cdp_session(nadia.page)
        assert session.send("Page.getAppManifest")["errors"] == []
        errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert [error["errorId"] for error in errors] in ([], ["in-incognito"])
        nadia.check()


def test_skipping_leads_to_the_content_and_keeps_the_page(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    nadia.page.keyboard.press("Tab")
    nadia.page.keyboard.press("Enter")
    expect(nadia.page.locator("#main")).to_be_focused()
    assert nadia.page.url.endswith(f"#/game/{stage.game}")
