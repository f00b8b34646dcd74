"""What a screen reader is told: of each page the landmarks, the headings and what speaks by itself."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.stage import Stage, Visit

OUTLINE = """
() => {
  const level = (part) => Number(part.tagName[1]);
  const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter((part) => part.checkVisibility());
  const levels = headings.map(level);
  const named = (part) => part.ariaLabel ?? document.getElementById(part.getAttribute("aria-labelledby"))?.textContent;
  const parts = [...document.querySelectorAll("nav, aside, article, dialog[open]")];
  return {
    first: levels[0],
    tops: levels.filter((one) => one === 1).length,
    jumps: headings.filter((_, index) => levels[index] > (levels[index - 1] ?? 0) + 1).map((part) => part.textContent),
    empty: headings.filter((part) => part.textContent.trim() === "").length,
    mains: document.querySelectorAll("main").length,
    unnamed: parts.filter((part) => part.checkVisibility() && !named(part)).map((part) => part.outerHTML.slice(0, 80)),
    polite: [...document.querySelectorAll('.vh[aria-live="polite"]')].length,
  };
}
"""
SOUND = {"first": 1, "tops": 1, "jumps": [], "empty": 0, "mains": 1, "unnamed": [], "polite": 1}
SHELL = """
- link "Skip to content"
- banner:
  - link "gameserver to the lobby"
  - navigation "Where you are"
  - status: Live
"""


def outline(visitor: Visitor, until: str) -> None:
    """See that headings nest from one first, that landmarks have names, and that one region speaks of what happens."""
    visitor.see(until)
    visitor.until("document.querySelector('[aria-busy]') === null")
    assert visitor.run(OUTLINE) == SOUND, until


@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_a_player_have_an_outline(stage: Stage, visit: Visit, width: int) -> None:
    stage.enliven()
    stage.ask(3701, source_id=stage.source, game_name="Spain - Peru", type="x", live_start_at=stage.now() + 3_600_000)
    window = {"width": width, "height": 900}
    stranger = visit(stage.origin, viewport=window)
    for place, until in (("", ".front"), ("sign-in", ".gate"), (f"game/{stage.game}", ".join"), ("account", ".empty")):
        stranger.go(place)
        outline(stranger, until)
    nadia = stage.enter(visit, "nadia", viewport=window)
    outline(nadia, ".front")
    for tab, until in (
        ("", ".pool--hot"),
        ("/bets", ".bet"),
        ("/match", ".tl"),
        ("/table", "#table"),
        ("/chat", "#say"),
    ):
        nadia.go(f"game/{stage.game}{tab}")
        outline(nadia, until if width == 390 or tab in ("", "/bets") else ".board")
    for place, until in (("account", ".hist"), ("nowhere", ".empty--bad"), ("desk", ".empty")):
        nadia.go(place)
        outline(nadia, until)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_an_operator_and_of_an_admin_have_an_outline(
    stage: Stage, olga: Callable[..., Visitor], adam: Callable[..., Visitor], width: int
) -> None:
    stage.enliven()
    window = {"width": width, "height": 900}
    desk = olga(viewport=window)
    outline(desk, ".act")
    desk.see('button[data-target="argentina:messi"]').click()
    outline(desk, ".sheet .sums")
    for place, until in (
        (f"desk/{stage.game}/pools", ".ptab"),
        ("desk", ".lrow"),
        (f"new-game/{stage.source}", "form"),
    ):
        desk.go(place)
        outline(desk, until)
    admin = adam("status", viewport=window)
    outline(admin, ".money")
    for tab, until in (("users", "tbody tr"), ("sources", "main ul"), ("audit", "main ol")):
        admin.go(f"admin/{tab}")
        outline(admin, until)


def test_a_game_is_told_by_its_score_its_pools_and_what_they_return(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    nadia = stage.play(visit, "nadia")
    nadia.see(".pool--hot")
    expect(nadia.page.locator("body")).to_match_aria_snapshot(
        SHELL
        + """
- main:
  - heading "Argentina - Brazil" [level=1]
  - region "Score":
    - paragraph: Argentina 1, Brazil 0
    - img /Match line to minute 20. Goals. Argentina 1/
  - complementary "Match":
    - heading "Match" [level=2]
    - list:
      - listitem: /Neymar Yellow card/
      - listitem: /Messi Goal 1.0/
  - region "Pools":
    - heading "Pools" [level=2]
    - article "Does Neymar score the penalty?":
      - timer: /locks in/
      - radiogroup "Does Neymar score the penalty?":
        - radio "Yes 0% 1.00"
        - radio "No 0% 1.00"
    - article "Who scores first?"
    - article "Who is booked next?":
      - list "Who is booked next?":
        - listitem: Brazil you 12.50 24% 3.96
  - region "Leaderboard and friends"
  - region "Chat":
    - log "Messages"
    - textbox "Message"
    - button "Send"
- log "What has happened"
"""
    )
    described = nadia.see('.targets[role="radiogroup"]').get_attribute("aria-describedby")
    expect(nadia.page.locator(f"#{described}")).to_have_text("share1.00 returns")
    nadia.see('button[data-target="yes"]').click()
    expect(nadia.page.get_by_role("form", name="Your bet on Yes")).to_match_aria_snapshot(
        """
- form "Your bet on Yes":
  - radiogroup "Stake in DON":
    - radio "5"
    - radio "10"
    - radio "50" [checked]
    - textbox "Another stake"
  - paragraph: 50 on Yes returns 50.00
  - button "Bet 50 on Yes"
"""
    )


def test_the_front_of_the_lobby_is_one_link_with_a_short_name(stage: Stage, visit: Visit) -> None:
    stage.enliven()
    nadia = stage.enter(visit, "nadia")
    name = "Watch and play: Argentina 1, Brazil 0. Hot: Does Neymar score the penalty?"
    expect(nadia.page.get_by_role("link", name=name, exact=True)).to_be_visible()


def test_a_desk_is_told_by_what_happened_who_did_it_and_each_pool_with_its_buttons(
    stage: Stage, olga: Callable[..., Visitor]
) -> None:
    stage.enliven()
    desk = olga()
    desk.see(".act")
    expect(desk.page.locator("main")).to_match_aria_snapshot(
        """
- main:
  - 'heading "Desk: Argentina - Brazil" [level=1]'
  - region "Score":
    - button "Hold betting"
  - region "What":
    - heading "What" [level=2]
    - radiogroup "What":
      - radio "Goal 1" [checked]
      - radio "Yellow card 1"
  - region "Who":
    - heading "Who" [level=2]
    - searchbox "Find a player by name or number"
    - button "Argentina Goal, the whole side 2"
    - button "Messi Goal, Argentina"
  - region "Log":
    - button "Undo last"
    - list:
      - listitem:
        - 'button "Take back or correct: Yellow card, Neymar"'
  - region "Pools":
    - table "Unresolved pools":
      - rowgroup:
        - row /Pool State Until/
      - rowgroup:
        - row /Does Neymar score the penalty/:
          - cell /Resolve/:
            - 'button "Resolve: Does Neymar score the penalty?"'
            - 'button "Block: Does Neymar score the penalty?"'
"""
    )
    desk.see('button[data-target="argentina:messi"]').click()
    desk.see(".sheet .sums")
    expect(desk.page.get_by_role("dialog", name="Goal by Messi")).to_be_visible()
    expect(desk.page.locator("dialog").get_by_role("banner")).to_have_count(0)
