"""One's account in a browser: from guest to account, friends, sessions, history, and leaving."""

from typing import Any

from playwright.sync_api import expect

from tests.support.stage import Stage, Visit, key_of

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PASSWORD = "correct horse"


def test_a_guest_becomes_an_account_and_keeps_its_bets(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    phone = visit(stage.origin, **PHONE)
    phone.go(f"game/{stage.game}")
    phone.see_text("Play as guest", ".join").tap()
    phone.see('button[data-target="argentina"]').tap()
    phone.see(".slip .btn--you").tap()
    phone.see_text("you 50", ".targets")
    phone.go("account")
    phone.see_text("Make it an account", ".keepit").tap()
    phone.see("#account-name").fill("nadia")
    phone.see("#account-new").fill(PASSWORD)
    phone.see(".sheet .btn--big").tap()
    phone.see_text("nadia", "h1")
    expect(phone.page.locator(".keepit")).to_have_count(0)
    phone.see_text("50.00", ".stats")
    elsewhere = visit(stage.origin)
    elsewhere.go("sign-in")
    elsewhere.see("#username").fill("nadia")
    elsewhere.see("#password").fill(PASSWORD)
    elsewhere.see_text("Sign in", "form button").click()
    elsewhere.see_text("Your account, nadia", ".who")


def test_points_and_history_show_what_became_of_my_bets(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("nadia", pool, "argentina", 50)
    stage.bet("kasia", pool, "brazil", 100)
    stage.goal()
    stage.ask(375, game_id=stage.game)
    nadia = stage.enter(visit, "nadia", "account")
    nadia.see_text("+100.00", ".hist")
    nadia.see_text("1 of 2", ".hist")
    assert nadia.see(".stats").inner_text().split("\n")[:2] == ["To stake", "1,100.00 DON"]
    assert "+100.00 now" in str(nadia.see(".money").get_attribute("aria-label"))


def test_friends_are_asked_accepted_and_seen(stage: Stage, visit: Visit) -> None:
    kasia = stage.enter(visit, "kasia", "account")
    kasia.see(".addfriend")
    nadia = stage.enter(visit, "nadia", "account")
    nadia.see(".addfriend .input").fill("kasia")
    nadia.see('[aria-label="Add"]').click()
    nadia.see_text("was asked", "aside")
    kasia.see_text("wants to be friends", "aside")
    kasia.see_text("Accept", "aside").click()
    nadia.see_text("here", ".lrow .push")
    nadia.see('[aria-label="No longer friends with kasia"]').click()
    expect(nadia.page.locator('[aria-label="No longer friends with kasia"]')).to_have_count(0)


def test_a_friend_whom_nobody_knows_is_said(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", "account")
    nadia.see(".addfriend .input").fill("nobody")
    nadia.see('[aria-label="Add"]').click()
    nadia.see(".field__error")


def test_another_session_is_ended(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", "account")
    nadia.see_text("This session", "aside")
    nadia.run("async () => (await import('./app/session.js')).session.client.call('create_view_key', {})")
    nadia.page.reload()
    nadia.see_text("An overlay", "aside")
    nadia.see_text("End", "[aria-labelledby=sessions-title] ul").click()
    expect(nadia.page.get_by_text("An overlay")).to_have_count(0)


def test_an_account_is_deleted_only_by_its_name(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", "account")
    nadia.forgive("401")  # the next page is told by the test that somebody is signed in
    nadia.see_text("Delete account", "aside").click()
    expect(nadia.page.locator(".sheet .btn--danger-solid")).to_be_disabled()
    nadia.see("#delete-name").fill("nadia")
    nadia.see(".sheet .btn--danger-solid").click()
    nadia.see_text("Sign in", ".topbar")
    assert key_of(stage.database, "nadia"), "the name is free"


def test_the_look_is_chosen_for_this_device(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", "account", color_scheme="light")
    nadia.see_text("Dark", ".pref").click()
    nadia.until("getComputedStyle(document.documentElement).backgroundColor === 'rgb(13, 18, 16)'")
    nadia.page.reload()
    nadia.see('[role="radio"][aria-checked="true"]:text("Dark")')
