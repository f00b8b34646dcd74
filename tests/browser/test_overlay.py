"""The overlay for a stream: by a view key in the part of the address that no server is told."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.process import add_user
from tests.support.stage import Stage, Visit

SCREEN = {"width": 1920, "height": 1080}


def overlay(stage: Stage, visit: Visit, key: str | None = None) -> Visitor:
    """The overlay of the game, by a view key of its admin."""
    screen = visit(stage.origin, viewport=SCREEN)
    screen.go(f"overlay/{stage.game}/{key or stage.ask(101)['session_key']}")
    return screen


def test_the_hot_pool_is_shown_on_nothing_as_bets_come_in(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool(is_hot=True, stop_accepting_bets_at=stage.now() + 60_000)
    screen = overlay(stage, visit)
    screen.see_text("Who scores next?", ".ov")
    screen.see_text("play at 127.0.0.1", ".ov__foot")
    stage.bet("kasia", pool, "argentina", 75)
    stage.bet("jonas", pool, "brazil", 25)
    screen.see_text("75%", ".ov__row")
    expect(screen.see(".ov__row b")).to_have_text("1.32")
    for element in ("document.documentElement", "document.body"):
        assert screen.run(f"() => getComputedStyle({element}).backgroundColor") == "rgba(0, 0, 0, 0)"
    card = screen.see(".ov__card").bounding_box()
    assert card is not None
    assert card["x"] == 96
    assert card["y"] + card["height"] < SCREEN["height"] - 50


def test_a_result_is_wiped_in_and_gives_way_to_the_next_hot_pool(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool(is_hot=True)
    stage.bet("kasia", pool, "argentina", 75)
    stage.bet("jonas", pool, "brazil", 25)
    screen = overlay(stage, visit)
    screen.see_text("Who scores next?", ".ov__q")
    screen.page.clock.install()
    stage.goal()
    screen.see_text("Argentina", ".win")
    expect(screen.see(".win__price b")).to_have_text("1.33")
    assert "kasia +25.00" in screen.see(".toplist").inner_text()
    stage.open_pool("And after that?", is_hot=True)
    screen.page.clock.run_for(8_100)
    screen.see_text("And after that?", ".ov__q")


@pytest.mark.parametrize("is_closed_first", [False, True])
def test_it_goes_on_with_a_game_that_is_opened_again(stage: Stage, visit: Visit, is_closed_first: bool) -> None:
    stage.open_pool("Is it over?", is_hot=True)
    if is_closed_first:
        stage.ask(375, game_id=stage.game)
    screen = visit(stage.origin, viewport=SCREEN)
    with screen.page.expect_websocket(lambda socket: "source=" in socket.url):
        screen.go(f"overlay/{stage.game}/{stage.ask(101)['session_key']}")
    if not is_closed_first:
        screen.see_text("Is it over?", ".ov__q")
        stage.ask(375, game_id=stage.game)
        screen.until("document.querySelector('.ov__q') === null")
    stage.ask(378, game_id=stage.game)
    stage.open_pool("Is it over yet?", is_hot=True)
    screen.see_text("Is it over yet?", ".ov__q")


def test_nothing_is_shown_while_nothing_is_hot(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    screen = overlay(stage, visit)
    screen.page.locator("main").wait_for(state="attached")
    stage.ask(396, pool_id=pool)
    screen.see(".ov")
    stage.ask(397, pool_id=pool)
    screen.until("document.querySelector('.ov') === null")


def test_the_key_is_in_no_address_that_is_asked_for(stage: Stage, visit: Visit) -> None:
    stage.open_pool(is_hot=True)
    key = stage.ask(101)["session_key"]
    screen = overlay(stage, visit, key)
    screen.see(".ov")
    asked = screen.run("() => performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert asked
    assert all(key not in address for address in asked)


def test_a_key_that_has_ended_leaves_the_picture_empty(stage: Stage, visit: Visit) -> None:
    stage.open_pool(is_hot=True)
    screen = overlay(stage, visit, "nonsense")
    screen.page.locator("main").wait_for(state="attached")
    screen.until("performance.now() > 1000")
    expect(screen.page.locator("main")).to_have_text("")


def test_it_is_shown_in_the_browser_of_who_has_signed_in_too(stage: Stage, visit: Visit) -> None:
    stage.open_pool(is_hot=True)
    nadia = stage.enter(visit, "nadia", f"overlay/{stage.game}/{stage.ask(101)['session_key']}")
    nadia.see_text("Who scores next?", ".ov")


def test_an_operator_makes_its_address_on_the_desk(stage: Stage, visit: Visit) -> None:
    add_user(stage.database, "olga")
    stage.ask(617, game_id=stage.game, username="olga")
    stage.open_pool(is_hot=True)
    desk = stage.enter(visit, "olga", f"desk/{stage.game}")
    desk.see('[aria-label="More about the game"]').click()
    desk.see_text("Make an address", ".sheet").click()
    address = desk.see("#overlay-address").input_value()
    screen = visit(stage.origin, viewport=SCREEN)
    screen.page.goto(address)
    screen.see_text("Who scores next?", ".ov")
