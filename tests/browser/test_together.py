"""An operator and three players, each in a browser of its own, from coming in to a game that is called off."""

from typing import Any

from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.process import add_user, run
from tests.support.stage import Stage, Visit

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
HOSTILE = "<img src=x onerror=alert(1)>"


def come_in_as_guest(stage: Stage, visit: Visit, name: str) -> Visitor:
    """A phone that follows the invitation."""
    phone = visit(stage.origin, **PHONE)
    phone.go(f"game/{stage.game}")
    phone.see("#join-name").fill(name)
    phone.see_text("Play as guest", ".join").tap()
    return phone


def sign_up(stage: Stage, visit: Visit, name: str) -> Visitor:
    """A desktop with a new account, in the game."""
    desktop = visit(stage.origin)
    desktop.go("sign-up")
    desktop.see("#username").fill(name)
    desktop.see("#password").fill("correct horse")
    desktop.see_text("Create account", "form button").click()
    desktop.see_text(f"Your account, {name}", ".who")
    desktop.go(f"game/{stage.game}")
    return desktop


def bet(player: Visitor, target: str, amount: str) -> None:
    """Two clicks, with a stake between them."""
    player.see(f'button[data-target="{target}"]').click()
    player.see(".slip .input").fill(amount)
    player.see(".slip .btn--you").click()
    player.see_text(f"you {amount}", ".targets")


def balance(player: Visitor, amount: str) -> None:
    """Wait until the top bar says what there is to stake."""
    player.until(f"document.querySelector('.purse span:not(.vh)')?.textContent === '{amount}'")


def test_a_match_from_coming_in_to_its_end_is_seen_alike_by_all(stage: Stage, visit: Visit) -> None:
    add_user(stage.database, "olga")
    stage.ask(617, game_id=stage.game, username="olga")
    desk = stage.enter(visit, "olga", f"desk/{stage.game}")
    desk.see(".act")
    desk.page.keyboard.press("n")
    desk.see("#pool-question").fill("Who scores next?")
    desk.page.keyboard.press("Enter")
    desk.see_text("Who scores next?", ".ptab")
    ann, bob = come_in_as_guest(stage, visit, "ann"), come_in_as_guest(stage, visit, "bob")
    eve = sign_up(stage, visit, "eve")
    bet(ann, "argentina", "50")
    bet(bob, "brazil", "30")
    bet(eve, "brazil", "20")
    desk.see_text("Argentina 50%, Brazil 50%", ".ptab")

    desk.see('button[data-target="argentina:messi"]').click()
    desk.see_text("1 win at 2.00", ".sheet")
    desk.see(".sheet .btn--big").click()
    balance(ann, "1,050.00")
    balance(bob, "970.00")

    desk.see(".log .btn").click()
    desk.see_text("Correct it", ".sheet .seg").click()
    desk.see("#amend-target").select_option("brazil:neymar")
    desk.see_text("settled anew", ".sheet")
    desk.see(".sheet .btn--ink").click()
    for player, amount in ((ann, "950.00"), (bob, "1,030.00"), (eve, "1,020.00")):
        balance(player, amount)
        player.until("document.querySelector('.score__figures').textContent.includes('Brazil 1')")

    desk.see(".log .btn").click()
    desk.see_text("VAR: offside", ".sheet").click()
    desk.see(".sheet .btn--danger-solid").click()
    for player, amount in ((ann, "950.00"), (bob, "970.00"), (eve, "980.00")):
        balance(player, amount)
        player.see_text(f"you {1000 - float(amount):.0f}", ".targets")

    desk.see('[aria-label="More about the game"]').click()
    desk.see_text("Call the game off", ".sheet").click()
    desk.see_text("Abandoned", ".sheet").click()
    desk.see(".sheet .btn--danger-solid").click()
    desk.see_text("This game was called off", "main")
    for player in (ann, bob, eve):
        balance(player, "1,000.00")


def test_hostile_names_are_text_on_every_page(stage: Stage, visit: Visit) -> None:
    assert run("user", "add", "olga", "--admin", "--json", "--db", stage.database).code == 0
    stage.ask(369, source_id=stage.source, source_name=HOSTILE, description=HOSTILE)
    named = {"game_name": HOSTILE, "targets": [HOSTILE, "b"], "actions": [HOSTILE], "scores": {HOSTILE: 1}}
    game = str(stage.ask(370, source_id=stage.source, type=HOSTILE, hashtag=HOSTILE, **named)["game_id"])
    for op in (616, 617):
        stage.ask(op, game_id=game, **({"username": "olga"} if op == 617 else {}))
    stage.ask(367, source_id=stage.source, username="olga")
    ask = {"game_id": game, "description": HOSTILE, "action_id": HOSTILE, "targets": [HOSTILE, "b"]}
    stage.bet("nadia", str(stage.ask(385, **ask)["pool_id"]), HOSTILE, 10)
    stage.ask(395, game_id=game, action_id=HOSTILE, target_id=HOSTILE)
    stage.ask(385, **ask, is_hot=True)
    olga, nadia = stage.enter(visit, "olga", f"desk/{game}"), stage.enter(visit, "nadia", f"game/{game}/chat")
    nadia.see("#say").fill(HOSTILE)
    nadia.page.keyboard.press("Enter")
    pages = {
        olga: {
            f"desk/{game}": (".act", ".squad", ".log", ".ptab", ".strip"),
            "desk": (".deskhome h2", ".lrow"),
            "admin/sources": ("main ul",),
            "admin/audit": ("main ol",),
        },
        nadia: {
            "": (".front", ".lobby__rail"),
            f"game/{game}": (".crumbs", ".board", ".pool__head", ".targets", ".tl", ".msg__text"),
            f"game/{game}/bets": ("#bets",),
            "account": (".hist",),
            f"overlay/{game}/{stage.ask(101)['session_key']}": (".ov__q", ".ov__row"),
        },
    }
    for visitor, places in pages.items():
        for place, parts in places.items():
            visitor.go(place)
            for part in parts:
                visitor.page.locator(part).filter(has_text=HOSTILE).first.wait_for()
            expect(visitor.page.locator("img[src=x]")).to_have_count(0)
    olga.go(f"desk/{game}")
    olga.see(".log .btn").click()
    olga.see_text("Correct it", ".sheet .seg").click()
    olga.see_text(HOSTILE, ".sheet")
    expect(olga.page.locator("img[src=x]")).to_have_count(0)
