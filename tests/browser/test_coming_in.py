"""Coming in, as a phone that followed an invitation does it, or with a password."""

from typing import Any

from playwright.sync_api import expect

from tests.support.stage import Stage, Visit

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PASSWORD = "correct horse"


def test_a_phone_that_follows_an_invitation_is_in_after_one_tap_and_bets_with_the_next_two(
    stage: Stage, visit: Visit
) -> None:
    stage.open_pool()
    phone = visit(stage.origin, **PHONE)
    phone.go(f"game/{stage.game}")
    phone.see_text("Play as guest", ".join").tap()
    phone.see('button[data-target="argentina"]').tap()
    phone.see(".slip .btn--you").tap()
    phone.see_text("you 50", ".targets")
    assert phone.run("async () => (await (await fetch('r/me/')).json()).username").startswith("guest-")


def test_a_guest_takes_a_name_unless_somebody_has_it(stage: Stage, visit: Visit) -> None:
    stage.user("nadia")
    phone = visit(stage.origin, **PHONE)
    phone.forgive("409")
    phone.go("")
    phone.see("#join-name").fill("Nadia")
    phone.see_text("Play as guest", ".join").tap()
    expect(phone.page.locator("#join-name")).to_have_attribute("aria-invalid", "true")
    phone.see("#join-name").fill("kasia")
    phone.see_text("Play as guest", ".join").tap()
    phone.see_text("Your account, kasia", ".who")
    expect(phone.page.locator(".wallet__big")).to_contain_text("1,000.00")


def test_a_new_account_is_in_at_once_and_comes_back_with_its_password(stage: Stage, visit: Visit) -> None:
    first = visit(stage.origin)
    first.go("sign-up")
    first.see("#username").fill("nadia")
    first.see("#password").fill(PASSWORD)
    first.see_text("Create account", "form button").click()
    first.see_text("Your account, nadia", ".who")
    second = visit(stage.origin)
    second.forgive("401")
    second.go("sign-in")
    second.see("#username").fill("nadia")
    second.see("#password").fill("wrong horse")
    second.page.keyboard.press("Enter")
    second.see_text("Name and password do not match.")
    second.see("#password").fill(PASSWORD)
    second.page.keyboard.press("Enter")
    second.see_text("Your account, nadia", ".who")


def test_who_signed_in_is_so_still_after_loading_the_page_again(stage: Stage, visit: Visit) -> None:
    nadia = visit(stage.origin)
    nadia.go("sign-in")
    nadia.see_text("Play as guest").click()
    name = nadia.see(".who .vh").inner_text()
    nadia.page.reload()
    nadia.see(".lobby .wallet")
    assert nadia.see(".who .vh").inner_text() == name


def test_who_has_only_the_cookie_is_signed_in(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia")
    nadia.page.evaluate("localStorage.clear()")
    nadia.page.reload()
    nadia.see_text("Your account, nadia", ".who")


def test_who_signs_in_on_the_way_to_a_game_comes_to_the_game(stage: Stage, visit: Visit) -> None:
    phone = visit(stage.origin, **PHONE)
    phone.go(f"game/{stage.game}")
    phone.see_text("Sign in", ".join").tap()
    phone.see_text("Play as guest", ".gate").tap()
    phone.see(".game .board")


def test_on_a_phone_the_slip_lies_above_the_tabs(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    phone = visit(stage.origin, **PHONE)
    phone.go(f"game/{stage.game}")
    phone.see_text("Play as guest", ".join").tap()
    phone.see('button[data-target="argentina"]').tap()
    slip, tabs = phone.see(".slip").bounding_box(), phone.see(".tabbar").bounding_box()
    assert slip is not None
    assert tabs is not None
    assert round(slip["y"] + slip["height"]) == round(tabs["y"])
    assert (slip["x"], slip["width"]) == (0, 390)
