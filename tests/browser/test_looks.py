"""Every page in every state, looked at as `tests.support.looking` says; CONSOLE_PICTURES=FOLDER has it photographed."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.support.browser import Visitor
from tests.support.looking import DESKTOP, PHONE, STREAM, TABLET, look
from tests.support.process import run
from tests.support.stage import MortalStage, Stage, Visit

pytestmark = pytest.mark.time_limit(180)  # each looks many times

STILL: dict[str, Any] = {"reduced_motion": "reduce"}
MORE = '[aria-label="More about the game"]'
LONG, LONGER = "Wolverhampton Wanderers Football Club of 1877", "Verein für Leibesübungen 1900 Mönchengladbach"
PLAYER = "10 Llanfairpwllgwyngyllgogerychwyrndrobwll"
QUESTION = "Which of the two sides, both of the nineteenth century, scores next, if at all, before the end?"
LONGEST_NAME = "maximilian_von_hohenzollern-sigm"


def close(visitor: Visitor) -> None:
    """Close the sheet."""
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator(".sheet")).to_have_count(0)


def test_the_lobby_and_the_ways_in(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    stage.ask(3701, source_id=stage.source, game_name="Spain - Peru", type="x", live_start_at=stage.now() + 3_600_000)
    stranger = visit(stage.origin, **STILL)
    stranger.forgive("401")
    stranger.forgive("409")
    stranger.go("")
    look(stranger, "lobby-stranger", ".front")
    stranger.go(f"game/{stage.game}")
    look(stranger, "invited", ".join")
    stranger.see("#join-name").fill("nadia")
    stranger.see_text("Play as guest", ".join").click()
    look(stranger, "invited-name-taken", ".join [aria-invalid]")
    stranger.go("sign-in")
    look(stranger, "sign-in", ".gate")
    stranger.see("#username").fill("nadia")
    stranger.see("#password").fill("wrong horse")
    stranger.page.keyboard.press("Enter")
    look(stranger, "sign-in-refused", ".field__error")
    stranger.go("sign-up")
    look(stranger, "sign-up", ".gate")
    stranger.go("key/nonsense")
    look(stranger, "key-refused", ".empty--bad")
    for page in ("desk", "account", "admin/users"):
        stranger.go(page)
        look(stranger, f"{page.partition('/')[0]}-stranger", ".empty")
    nadia = stage.enter(visit, "nadia", **STILL)
    look(nadia, "lobby", ".front")
    nadia.go("nowhere")
    look(nadia, "nowhere", ".empty--bad")
    nadia.go("game/01a20625-6af3-7d50-85cf-4a1f147050c0")
    look(nadia, "game-gone", ".empty--bad")
    nadia.go("admin/users")
    look(nadia, "admin-refused", ".empty")
    nadia.go("desk")
    look(nadia, "desk-nothing", ".empty")
    stage.ask(376, game_id=stage.game)
    stage.ask(366, source_id=stage.source)
    nadia.go("")
    look(nadia, "lobby-empty", ".lobby .empty")


def test_the_game(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    nadia = stage.play(visit, "nadia", **STILL)
    look(nadia, "game", ".pool--hot")
    nadia.see('button[data-target="yes"]').click()
    look(nadia, "game-chosen", ".slip .quote")
    nadia.see(".slip .btn--you").click()
    look(nadia, "game-placed", ".toast")


def test_the_tabs_of_the_game(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    taken_back = stage.goal("brazil:neymar")
    stage.ask(3951, game_id=stage.game, event_id=taken_back, reason="offside")
    nadia, kasia = stage.play(visit, "nadia", **STILL), stage.play(visit, "kasia", "chat", **STILL)
    for text in ("What a start", "He always misses these"):
        kasia.see("#say").fill(text)
        kasia.page.keyboard.press("Enter")
        nadia.see_text(text, ".msgs")
    for tab, until in (("bets", "#bets .bet"), ("match", ".tl"), ("table", "#table .lrow"), ("chat", ".msg")):
        nadia.go(f"game/{stage.game}/{tab}")
        nadia.see(until)
        if tab == "bets":
            nadia.see(".bet summary").click()
            nadia.see(".rcpt table")
        look(nadia, f"game-{tab}", until)
    nadia.page.keyboard.press("?")
    look(nadia, "game-keys", ".sheet")
    close(nadia)
    nadia.see("#table").get_by_text("Friends").first.click()
    look(nadia, "game-friends", "#table .empty")
    stage.ask(376, game_id=stage.game, reason="Abandoned")
    nadia.go(f"game/{stage.game}")
    look(nadia, "game-called-off", ".empty--done")


def test_a_game_in_which_nothing_has_happened_and_one_that_is_over(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia", **STILL)
    look(nadia, "game-empty", "#pools .empty")
    nadia.go(f"game/{stage.game}/bets")
    look(nadia, "game-bets-empty", "#bets .empty")
    stage.open_pool()
    stage.ask(375, game_id=stage.game)
    nadia.go(f"game/{stage.game}")
    look(nadia, "game-over", ".empty--done")


def hold_bets(visitor: Visitor) -> None:
    """Let no bet of a page that is loaded from now on come to the server."""

    def keep(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(lambda text: None if json.loads(text)["op"] == 392 else server.send(text))

    visitor.page.route_web_socket(re.compile("^ws:"), keep)


def test_a_pool_that_runs_in_each_of_its_states(stage: Stage, visit: Visit) -> None:
    soon = stage.open_pool("Is there a corner first?", pool_type=3)
    locked, paused = stage.open_pool("Who is booked?", action_id="yellow-card"), stage.open_pool("Who shoots?")
    later = stage.open_pool("Who scores after the break?", start_at=stage.now() + 300_000)
    mine, moving = stage.open_pool("Who scores next?"), stage.open_pool("Who scores first?", max_stake=100)
    for pool in (locked, paused, mine):
        stage.bet("nadia", pool, "argentina", 40)
        stage.bet("kasia", pool, "brazil", 25)
    stage.bet("kasia", moving, "brazil", 100)
    stage.ask(397, pool_id=paused)
    stage.lock(locked)
    nadia = visit(stage.origin, **STILL)
    hold_bets(nadia)
    nadia = stage.sign_in(nadia, "nadia", f"game/{stage.game}")
    nadia.see_text("Locked", f'[data-pool="{locked}"]')
    nadia.see(f'[data-pool="{later}"]')
    stage.ask(3852, pool_id=soon, stop_accepting_bets_at=stage.now() + 9_000)
    look(nadia, "pools-running", ".timer--soon")
    target = f'[data-pool="{moving}"] button[data-target="argentina"]'
    nadia.see(target).click()
    nadia.see(".slip .input").fill("101")
    look(nadia, "pools-too-much", ".slip .field__error")
    nadia.see(".slip .input").fill("10")
    stage.bet("jonas", moving, "argentina", 10)
    look(nadia, "pools-moved", ".quote--moved")
    nadia.see(".quote--moved")
    nadia.see(".slip .input").fill("12")  # a new quote, which can be taken at once
    nadia.see(".slip > button").click()
    look(nadia, "pools-sending", ".btn__spin")


def test_a_pool_that_has_ended_in_each_way(stage: Stage, visit: Visit) -> None:
    won, lost = stage.open_pool("Who scores first?"), stage.open_pool("Who has the first goal?")
    returned, void = stage.open_pool("Who leads?"), stage.open_pool("Who shoots?", action_id="yellow-card")
    late = stage.open_pool("Whose goal is it?")
    stage.bet("nadia", won, "argentina", 50)
    stage.bet("kasia", won, "brazil", 100)
    stage.bet("nadia", lost, "brazil", 20)
    stage.bet("kasia", lost, "argentina", 10)
    stage.bet("nadia", returned, "brazil", 5)
    stage.bet("nadia", void, "brazil", 7.5)
    happened_at = stage.now()
    nadia = stage.play(visit, "nadia", **STILL)
    stage.bet("nadia", late, "argentina", 15)
    nadia.see_text("you 15", f'[data-pool="{late}"]')
    stage.ask(3952, pool_id=void, reason="Wrong question")
    goal = stage.goal(happened_at=happened_at)
    for pool, text in ((won, "you won"), (lost, "\u2212"), (returned, "Refunded"), (void, "Void"), (late, "back")):
        nadia.see_text(text, f'[data-pool="{pool}"] .stamp')
    look(nadia, "pools-ended", ".stamp--you")
    stage.ask(3951, game_id=stage.game, event_id=goal, reason="VAR: offside")
    look(nadia, "pools-taken-back", ".pool__notice--warn")


def test_many_pools_are_folded(stage: Stage, visit: Visit) -> None:
    for number in range(14):
        stage.open_pool(f"Who scores goal {number + 1}?", targets=["Argentina", "Brazil"])
    nadia = stage.play(visit, "nadia", **STILL)
    look(nadia, "pools-folded", ".pool__foot .linkbtn")


def a_game_of_long_names(stage: Stage) -> None:
    """Let the stage be of a game in which names and sums are as long as can be; olga runs it."""
    parts = {"actions": ["Goal", "Header from outside the box"], "targets": [LONG, LONGER, f"{LONG}:{PLAYER}"]}
    game = stage.ask(370, source_id=stage.source, game_name=f"{LONG} - {LONGER}", type="x", scores={"Goal": 1}, **parts)
    stage.game = game["game_id"]
    stage.ask(616, game_id=stage.game)
    stage.ask(617, game_id=stage.game, username="olga")
    home, away = (target for target in game["targets"] if target != "none")
    for name in (LONGEST_NAME, "kasia"):
        stage.user(name)
        assert run("user", "credit", name, "98765432109.25", "DON", "--db", stage.database).code == 0
    settled, running = (stage.open_pool(QUESTION, targets=[LONG, LONGER]) for _ in range(2))
    hot = stage.open_pool(QUESTION, pool_type=3, targets=[f"Yes, {QUESTION}", f"No, not {QUESTION}"], is_hot=True)
    yes, no = stage.ask(393, pool_id=hot)["distribution"]
    for pool, mine, other in ((settled, home, away), (running, away, home), (hot, yes, no)):
        stage.bet(LONGEST_NAME, pool, mine, 1_234_567_890.25)
        stage.bet("kasia", pool, other, 17)
    stage.ask(397, pool_id=running)
    stage.goal(f"{home}:{PLAYER.lower().replace(' ', '-')}")
    stage.open_pool(QUESTION, targets=[LONG, LONGER])
    stage.ask(374, game_id=stage.game, period="Second half of extra time", elapsed_ms=7_000_000, is_running=True)


def test_long_names_and_large_sums_are_in_their_places(
    stage: Stage, visit: Visit, olga: Callable[..., Visitor]
) -> None:
    a_game_of_long_names(stage)
    player = stage.play(visit, LONGEST_NAME, **STILL)
    look(player, "long-game", ".pool--hot")
    player.see(".pool:not(.pool--hot) button[data-target]").click()
    player.see(".slip .input").fill("1234567.25")
    look(player, "long-slip", ".slip .quote")
    player.go(f"game/{stage.game}/bets")
    look(player, "long-bets", "#bets .bet")
    player.go("")
    look(player, "long-lobby", ".front")
    player.go("account")
    look(player, "long-account", ".hist")
    desk = olga(**STILL)
    look(desk, "long-desk", ".log li", sizes=(PHONE, TABLET, DESKTOP))
    desk.go(f"desk/{stage.game}/pools")
    look(desk, "long-desk-pools", "tr[data-pool]")
    desk.go(f"desk/{stage.game}")
    desk.see(".log .btn--icon").click()
    look(desk, "long-desk-undo", ".sheet .sums")
    close(desk)
    desk.see("button.shirt").click()
    look(desk, "long-desk-register", ".sheet .settle")


def test_out_of_touch_and_back_and_signed_out(mortal: MortalStage, visit: Visit) -> None:
    stage, server = mortal
    stage.enliven()
    nadia = stage.play(visit, "nadia", **STILL)
    for complaint in ("WebSocket connection to", "ERR_CONNECTION_REFUSED", "401"):
        nadia.forgive(complaint)
    server.kill()
    look(nadia, "lost", ".banner")
    stranger = visit(stage.origin)
    stranger.forgive("ERR_CONNECTION_REFUSED")
    with mortal.again() as again:
        nadia.run("() => dispatchEvent(new Event('online'))")
        look(nadia, "caught-up", ".banner--ok")
        run("user", "key", "nadia", "--db", stage.database)
        look(nadia, "signed-out", ".banner--bad")
        again.stop()


def a_match_at_the_desk(stage: Stage) -> None:
    """A settled pool, one on an event and one by hand."""
    pool = stage.open_pool()
    stage.open_pool("Shoot-out?", pool_type=3, targets=["Yes", "No"], is_hot=True)
    stage.bet("kasia", pool, "argentina", 100)
    stage.goal()
    stage.bet("kasia", stage.open_pool(), "argentina", 40)


def test_the_desk(stage: Stage, olga: Callable[..., Visitor]) -> None:
    a_match_at_the_desk(stage)
    stage.ask(374, game_id=stage.game, period="1H", elapsed_ms=20 * 60_000, is_running=True)
    desk = olga(**STILL)
    look(desk, "desk", ".log li")
    desk.go(f"desk/{stage.game}/pools")
    look(desk, "desk-pools", "tr[data-pool]")
    desk.go(f"desk/{stage.game}")
    desk.see(".log .btn").click()
    look(desk, "desk-undo", ".sheet .sums")
    desk.see_text("Correct it", ".sheet .seg").click()
    desk.see("#amend-target").select_option("brazil:neymar")
    look(desk, "desk-correct", "#amend-target")
    close(desk)
    desk.see('button[data-target="argentina:messi"]').click()
    look(desk, "desk-register", ".sheet .settle")


def test_the_sheets_of_the_desk(stage: Stage, olga: Callable[..., Visitor]) -> None:
    a_match_at_the_desk(stage)
    desk = olga(**STILL)
    desk.see('[aria-label^="More for"]').click()
    look(desk, "desk-pool-change", "#pool-question")
    desk.see_text("Void", ".sheet .seg").click()
    look(desk, "desk-pool-void", ".sheet .pill")
    close(desk)
    desk.see(".settledbox summary").click()
    look(desk, "desk-settled", ".settledbox[open]")
    for key, name, until in (("n", "new-pool", "#pool-question"), ("?", "keys", ".keylist")):
        desk.page.keyboard.press(key)
        look(desk, f"desk-{name}", until)
        close(desk)
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("e")
    desk.see(".sheet .pill").click()
    look(desk, "desk-pool-resolve", ".sheet .sums")
    close(desk)


def test_the_sheets_of_the_game_at_the_desk(stage: Stage, olga: Callable[..., Visitor]) -> None:
    a_match_at_the_desk(stage)
    desk = olga(**STILL)
    desk.see(MORE).click()
    look(desk, "desk-settings", ".sheet form")
    desk.see_text("Call the game off", ".sheet").click()
    look(desk, "desk-cancel", ".sheet .sums")
    close(desk)
    for button, name, until in (
        (".strip__clock", "clock", ".sheet"),
        (".strip :text('Invite')", "invite", ".qr"),
        (".strip :text('Close game')", "close", ".sheet .settle"),
    ):
        desk.see(button).click()
        look(desk, f"desk-{name}", until)
        close(desk)
    desk.page.keyboard.press("h")
    look(desk, "desk-held", ":text('Let bets in')")


def test_the_desk_around_a_game(stage: Stage, visit: Visit, olga: Callable[..., Visitor]) -> None:
    desk = olga("desk", **STILL)
    look(desk, "desk-home", ".lrow")
    desk.see_text("Source", ".deskhome .row--wrap .btn").click()
    look(desk, "desk-source", ".sheet .sums")
    close(desk)
    desk.go(f"new-game/{stage.source}")
    look(desk, "new-game", "form")
    desk.see("#game-name").fill("Argentina - France")
    desk.see("#game-lines").fill(
        "Argentina\nArgentina: 10 Messi\nargentina:10  messi\nFrance:: 9 Giroud\nFrance: 10 Mbappé"
    )
    look(desk, "new-game-lines", ".tree__id")
    stage.ask(375, game_id=stage.game)
    desk.go(f"desk/{stage.game}")
    look(desk, "desk-closed", ".empty--done")
    desk.see_text("Open it again", "main").click()
    look(desk, "desk-reopen", ".sheet .settle")
    stage.ask(618, game_id=stage.game, username="olga")
    desk.go(f"desk/{stage.game}")
    look(desk, "desk-take-over", "main .btn")
    nadia = stage.enter(visit, "nadia", f"desk/{stage.game}", **STILL)
    look(nadia, "desk-refused", ".empty")
    stage.user("pat")
    assert run("user", "add", "pete", "--provider", "--json", "--db", stage.database).code == 0
    pete = stage.enter(visit, "pete", "desk", **STILL)
    look(pete, "desk-first", ".first")


def test_the_overlay(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool(is_hot=True, stop_accepting_bets_at=stage.now() + 60_000)
    stage.bet("kasia", pool, "argentina", 75)
    stage.bet("jonas", pool, "brazil", 25)
    screen = visit(stage.origin, **STILL)
    screen.go(f"overlay/{stage.game}/{stage.ask(101)['session_key']}")
    look(screen, "overlay-hot", ".ov", sizes=(STREAM,))
    screen.page.clock.install()
    stage.goal()
    look(screen, "overlay-won", ".win", sizes=(STREAM,))


def test_the_account(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("nadia", pool, "argentina", 50)
    stage.bet("kasia", pool, "brazil", 100)
    stage.goal()
    kasia = stage.enter(visit, "kasia", "account", **STILL)
    kasia.see(".addfriend .input").fill("nadia")
    kasia.see('[aria-label="Add"]').click()
    kasia.see_text("was asked", "aside")
    nadia = stage.enter(visit, "nadia", "account", **STILL)
    look(nadia, "account", ".hist")
    nadia.see_text("Set a password", "aside").click()
    look(nadia, "account-password", ".sheet form")
    close(nadia)
    nadia.see_text("Delete account", "aside").click()
    look(nadia, "account-delete", ".sheet form")
    guest = visit(stage.origin, **STILL)
    guest.go("sign-in")
    guest.see_text("Play as guest").click()
    guest.see(".wallet")
    guest.go("account")
    look(guest, "account-guest", ".keepit")
    guest.see_text("Make it an account", ".keepit").click()
    look(guest, "account-keep", ".sheet form")


def test_the_administration(stage: Stage, adam: Callable[..., Visitor]) -> None:
    stage.user("nadia")
    admin = adam("status", **STILL)
    look(admin, "admin-status", ".money")
    for tab, until in (("users", "tbody tr"), ("sources", "main ul"), ("audit", "main ol")):
        admin.go(f"admin/{tab}")
        look(admin, f"admin-{tab}", until)
    admin.go("admin/users")
    admin.see('[aria-label="Change nadia"]').click()
    look(admin, "admin-user", ".sheet form")
    close(admin)
    admin.see(".admin__find .input").fill("nobody")
    look(admin, "admin-users-none", ".empty")
