"""Administration in a browser: the server's figures, users, sources, the audit."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.stage import Stage, Visit


def test_the_figures_of_the_server_are_drawn_as_they_change(stage: Stage, adam: Callable[..., Visitor]) -> None:
    admin = adam("status")
    admin.see_text("Open games", ".stats")
    expect(admin.page.locator(".money")).to_have_count(6)
    admin.until("document.querySelector('.money').ariaLabel.startsWith('Connections: ')")


def test_a_user_is_found_given_points_and_made_a_provider(stage: Stage, adam: Callable[..., Visitor]) -> None:
    for name in ("nadia", "kasia"):
        stage.user(name)
    admin = adam("users")
    admin.see(".admin__find .input").fill("nad")
    expect(admin.page.locator("tbody tr")).to_have_count(1)
    admin.see('[aria-label="Change nadia"]').click()
    admin.see("#credit-amount").fill("25.50")
    admin.see("#credit-reason").fill("a prize")
    admin.see(".sheet").get_by_role("button", name="Give", exact=True).click()
    admin.see_text("1,025.50", "tbody")
    admin.see_text("May open sources", ".sheet").click()
    admin.see_text("provider", "tbody")
    admin.page.keyboard.press("Escape")
    admin.go("admin/audit")
    admin.see_text("Credit user", "ol")
    admin.see_text('"reason":"a prize"', "ol")


def test_a_banned_user_is_out_until_that_is_taken_back(
    stage: Stage, visit: Visit, adam: Callable[..., Visitor]
) -> None:
    nadia = stage.enter(visit, "nadia", "")
    nadia.forgive("401")
    nadia.forgive("403")
    nadia.see(".wallet")
    admin = adam("users")
    admin.see('[aria-label="Change nadia"]').click()
    admin.see_text("Banned", ".sheet").click()
    nadia.see_text("You were signed out", ".banner")
    admin.see_text("banned", "tbody")
    admin.see_text("Banned", ".sheet").click()
    expect(admin.page.locator("tbody .tag--hot")).to_have_count(0)


def test_what_is_refused_is_said(stage: Stage, adam: Callable[..., Visitor]) -> None:
    admin = adam("users")
    admin.see('[aria-label="Change adam"]').click()
    admin.see_text("Runs the server", ".sheet").click()
    admin.see(".sheet .field__error")


def test_all_sources_are_listed(stage: Stage, adam: Callable[..., Visitor]) -> None:
    admin = adam("sources")
    admin.see_text("World Cup", "main ul")
    admin.see_text("1 game", "main ul")


def test_others_see_nothing_of_it(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", "admin/users")
    nadia.see_text("For admins of the server", "main")
