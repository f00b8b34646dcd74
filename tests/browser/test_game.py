"""A player's game in a browser: betting, what becomes of it, and what happens to the connection meanwhile."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.process import run
from tests.support.stage import MortalStage, Stage, Visit

COME_BACK = "() => dispatchEvent(new Event('online'))"  # as a browser says that there is a network
LISTS = {387, 3870}  # of the pools of a game
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}\u202eabc"


def row(visitor: Visitor, target: str) -> str:
    """The selector of a target that can be chosen."""
    return f'button[data-target="{target}"]'


def balance(visitor: Visitor) -> float:
    """What the top bar says can be staked."""
    return float(visitor.see(".purse span:not(.vh)").inner_text().replace(",", ""))


def choose(visitor: Visitor, target: str, stake: str = "50") -> None:
    """The first click, with a stake."""
    visitor.see(row(visitor, target)).click()
    visitor.see(".slip .input").fill(stake)


def place(visitor: Visitor, target: str, stake: str = "50") -> None:
    """A whole bet."""
    choose(visitor, target, stake)
    visitor.see(".slip .btn--you").click()
    visitor.see_text(f"you {stake}", ".targets")


def test_two_clicks_place_a_bet_at_the_price_with_the_stake_in_it(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 100)
    stage.bet("jonas", pool, "brazil", 100)
    nadia = stage.play(visit, "nadia")
    choose(nadia, "argentina")
    assert nadia.see(".quote__main b").inner_text() == "83.33"  # 250 shared by 150
    assert "1.99 → 1.66" in nadia.see(".quote__sub").inner_text()
    nadia.see(".slip .btn--you").click()
    nadia.see_text("you 50", ".targets")
    nadia.until("document.querySelector('.purse span:not(.vh)').textContent === '950.00'")
    nadia.see_text("Your 50 on Argentina returns", ".pool__foot")
    expect(nadia.see(".pool__foot b")).to_have_text("83.33")


def test_a_double_click_on_the_button_bets_once(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    nadia = stage.play(visit, "nadia")
    choose(nadia, "brazil")
    nadia.see(".slip .btn--you").dblclick()
    nadia.see_text("you 50", ".targets")
    nadia.see_text("1 player", ".pool")
    assert balance(nadia) == 950


def test_a_stake_that_cannot_be_placed_is_said_before_it_is_sent(stage: Stage, visit: Visit) -> None:
    stage.open_pool(min_stake=2, max_stake=100)
    nadia = stage.play(visit, "nadia")
    for stake, fault in (
        ("1001", "You have 1,000 to stake."),
        ("1", "The least here is 2."),
        ("101", "You may stake 100 more here."),
        ("5.001", "That has too many decimals."),
        ("five", "Write a number, such as 5 or 12.50."),
    ):
        choose(nadia, "brazil", stake) if stake == "1001" else nadia.see(".slip .input").fill(stake)
        nadia.see_text(fault, ".slip")
        expect(nadia.page.locator(".slip > button")).to_be_disabled()


def test_a_price_that_falls_between_the_clicks_is_shown_before_it_can_be_taken(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "brazil", 100)
    nadia = stage.play(visit, "nadia")
    choose(nadia, "argentina", "10")
    expect(nadia.see(".quote__main b")).to_have_text("110.00")
    stage.bet("jonas", pool, "argentina", 10)
    nadia.see(".quote--moved")
    expect(nadia.see(".quote__main b")).to_have_text("60.00")
    nadia.see_text("Bet 10 at 6.00", ".slip")
    nadia.page.keyboard.press("Enter")
    expect(nadia.page.locator(".quote--moved")).to_be_visible()
    assert balance(nadia) == 1000


def test_a_bet_is_placed_by_keys_alone(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    nadia = stage.play(visit, "nadia")
    nadia.see(row(nadia, "brazil"))
    nadia.page.keyboard.press("2")
    nadia.see_text("returns", ".quote")
    nadia.page.keyboard.press("s")
    nadia.see_text("Bet 5 on Brazil", ".slip")
    nadia.page.keyboard.press("Enter")
    nadia.see_text("you 5", ".targets")
    nadia.page.keyboard.press("b")
    nadia.see_text("Running", "#bets")


def test_the_arrow_keys_move_among_the_targets(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    nadia = stage.play(visit, "nadia")
    nadia.see(row(nadia, "argentina")).focus()
    nadia.page.keyboard.press("ArrowDown")
    nadia.page.keyboard.press("ArrowDown")
    nadia.page.keyboard.press("Enter")
    nadia.see('button[data-target="none"][aria-checked="true"]')


def test_a_goal_pays_and_its_receipt_says_what_was_moved(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "brazil", 100)
    nadia = stage.play(visit, "nadia")
    place(nadia, "argentina")
    stage.goal()
    nadia.see_text("you won", ".stamp")
    expect(nadia.see(".stamp .lg")).to_have_text("+100.00")
    nadia.see_text("Messi", "#match")
    nadia.until("document.querySelector('.score__figures').textContent.includes('1')")
    nadia.until("document.querySelector('.purse span:not(.vh)').textContent === '1,100.00'")
    nadia.go(f"game/{stage.game}/bets")
    nadia.see_text("won: 50.00 at 3.00 paid 150.00", "#bets").click()
    assert "pool → available\t150.00" in nadia.see(".rcpt table").inner_text()


def test_a_lost_bet_is_quiet(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "brazil", 100)
    nadia = stage.play(visit, "nadia")
    place(nadia, "argentina")
    stage.goal("brazil:neymar")
    expect(nadia.see(".stamp .lg")).to_have_text("\u221250.00")
    assert "stamp--you" not in str(nadia.see(".stamp").get_attribute("class"))


def test_a_goal_that_is_taken_back_is_struck_out_and_its_pool_runs_again(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "brazil", 100)
    nadia = stage.play(visit, "nadia")
    place(nadia, "argentina")
    goal = stage.goal()
    nadia.see_text("you won", ".stamp")
    stage.ask(3951, game_id=stage.game, event_id=goal, reason="offside")
    nadia.see_text("Goal taken back: offside.", ".pool__notice--warn")
    nadia.see_text("The 100.00 you won is gone from your balance.", ".pool__notice--warn")
    nadia.see("#match s")
    nadia.see(row(nadia, "argentina"))
    nadia.until("document.querySelector('.purse span:not(.vh)').textContent === '950.00'")


def test_a_void_pool_gives_the_stake_back(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    nadia = stage.play(visit, "nadia")
    place(nadia, "argentina")
    stage.ask(3952, pool_id=pool, reason="wrong question")
    nadia.see_text("wrong question", ".stamp")
    expect(nadia.see(".stamp .lg")).to_have_text("50.00 back")
    nadia.until("document.querySelector('.purse span:not(.vh)').textContent === '1,000.00'")


def test_a_late_bet_comes_back(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 100)
    nadia = stage.play(visit, "nadia")
    happened = nadia.run("async () => Date.now()")
    place(nadia, "argentina")
    stage.goal(happened_at=happened)
    nadia.see_text("Late bets do not count and are returned in full.", ".pool__notice--warn")
    expect(nadia.see(".stamp .lg")).to_have_text("50.00 back")
    nadia.go(f"game/{stage.game}")
    nadia.see_text("50.00 back", ".result")


@pytest.mark.parametrize(
    ("order", "tag"),
    [
        (lambda stage, pool: stage.ask(397, pool_id=pool), "Paused"),
        (lambda stage, pool: stage.ask(3976, game_id=stage.game), "Paused"),
        (lambda stage, pool: stage.lock(pool), "Locked"),
    ],
    ids=["paused", "held", "locked"],
)
def test_a_pool_that_takes_no_bets_has_no_buttons(
    stage: Stage, visit: Visit, order: Callable[[Stage, str], None], tag: str
) -> None:
    pool = stage.open_pool()
    nadia = stage.play(visit, "nadia")
    nadia.see(row(nadia, "argentina")).click()
    order(stage, pool)
    nadia.see_text(tag, ".pool__head")
    expect(nadia.page.locator(row(nadia, "argentina"))).to_have_count(0)
    expect(nadia.page.locator(".slip")).to_have_count(0)


def test_a_new_pool_and_a_hot_one_appear_by_themselves(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    nadia.see_text("No pools yet")
    pool = stage.open_pool("Is there a penalty?", pool_type=3)
    nadia.see_text("Is there a penalty?", ".pool")
    stage.ask(396, pool_id=pool, likely_to_happen_at=stage.now())
    nadia.see(".pool--hot .tag--hot")


def test_a_closed_game_says_full_time(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    stage.ask(375, game_id=stage.game)
    nadia.see_text("Full time", ".deck")
    stage.play(visit, "kasia").see_text("Full time", ".deck")


def test_a_game_that_is_called_off_says_why(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    stage.ask(376, game_id=stage.game, reason="Abandoned in fog")
    nadia.see_text("stakes are back: Abandoned in fog.", ".empty--done")


def test_a_game_before_its_start_says_when_that_is(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    stage.ask(373, game_id=stage.game, live_start_at=stage.now() + 600_500)
    nadia.see_text(re.compile("starts in (10:00|9:5.)"), ".board")


def test_a_hot_pool_that_opens_again_says_why(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "brazil", 100)
    goal = stage.goal()
    nadia = stage.play(visit, "nadia")
    stage.ask(3951, game_id=stage.game, event_id=goal, reason="VAR: offside")
    stage.ask(396, pool_id=pool)
    nadia.see_text("Goal taken back: VAR: offside.", ".pool--hot")


def test_those_of_one_rank_stand_together_in_the_table(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    for number in range(12):
        stage.bet(f"player-{number}", pool, "argentina", 10)
    stage.bet("nadia", pool, "argentina", 10)
    stage.goal()
    nadia = stage.play(visit, "nadia")
    nadia.see("#table .lrow--you")
    expect(nadia.page.locator("#table .lrow--break + .lrow .rank").get_by_text("1", exact=True)).to_have_count(0)


def test_of_many_targets_those_with_most_money_come_first_and_the_rest_on_demand(stage: Stage, visit: Visit) -> None:
    squad = [f"Brazil:{number}" for number in range(1, 12)]
    stage.ask(373, game_id=stage.game, targets=squad)
    pool = stage.open_pool(targets=squad)
    stage.bet("kasia", pool, "brazil:11", 40)
    stage.bet("nadia", pool, "brazil:10", 20)
    nadia = stage.play(visit, "nadia")
    rows = nadia.page.locator(f'[data-pool="{pool}"] .trow')
    expect(rows).to_have_count(8)
    nadia.page.keyboard.press("1")
    nadia.see('[data-target="brazil:11"][aria-checked="true"]')
    nadia.see_text("Show all 12 targets", ".pool__foot").click()
    expect(rows).to_have_count(12)


def test_an_admin_of_the_game_is_told_why_no_bet_is_taken(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.open_pool()
    player = olga(f"game/{stage.game}")
    choose(player, "argentina")
    player.see(".slip .btn--you").click()
    expect(player.see(".slip .field__error")).to_contain_text("Admins may not bet")


def test_a_player_whose_number_stands_in_the_name_has_it_on_the_plate(stage: Stage, visit: Visit) -> None:
    stage.ask(373, game_id=stage.game, targets=["Brazil:10 Pelé"])
    stage.open_pool(targets=["Brazil:10 Pelé"])
    expect(stage.play(visit, "nadia").see('[data-target="brazil:10-pelé"] .plate')).to_have_text("10")


def test_what_was_missed_while_the_server_was_away_is_caught_up(mortal: MortalStage, visit: Visit) -> None:
    stage, server = mortal
    pool = stage.open_pool()
    stage.bet("kasia", pool, "brazil", 100)
    nadia = stage.play(visit, "nadia")
    nadia.forgive("WebSocket connection to")
    nadia.forgive("ERR_CONNECTION_REFUSED")
    place(nadia, "argentina")
    choose(nadia, "argentina", "5")
    server.kill()
    nadia.see_text("Connection lost.", ".banner")
    nadia.see_text("Not while out of touch", ".slip")
    with mortal.again() as again:
        nadia.run(COME_BACK)
        nadia.see_text("Caught up.", ".banner")
        nadia.see(".slip .btn--you").click()
        nadia.see_text("you 55", ".targets")
        assert balance(nadia) == 945
        again.stop()


HELD_FRAMES = """
const draw = requestAnimationFrame;
window.frames_ = [];
window.requestAnimationFrame = (frame) => (window.holdsFrames ? frames_.push(frame) : draw(frame));
"""


def test_what_is_heard_within_a_frame_is_drawn_once(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    nadia = stage.enter(visit, "nadia")
    nadia.page.add_init_script(HELD_FRAMES)
    nadia.go(f"game/{stage.game}")
    nadia.see(row(nadia, "argentina"))
    nadia.run(
        """async () => {
          const { session } = await import("./app/session.js");
          window.updates = window.drawings = 0;
          session.client.on("message", (message) => { updates += message.amount_total !== undefined; });
          const share = document.querySelector('[data-target="argentina"] .trow__share');
          new MutationObserver(() => { drawings += 1; }).observe(share, { characterData: true, subtree: true });
          window.holdsFrames = true;
        }"""
    )
    for number, target in enumerate(("argentina", "brazil", "brazil")):
        stage.bet("kasia", pool, target, 10)
        nadia.run(f"async () => {{ while (updates <= {number}) await new Promise((go) => setTimeout(go, 5)); }}")
    assert nadia.run("() => drawings") == 0
    nadia.run("() => { holdsFrames = false; for (const frame of frames_.splice(0)) frame(performance.now()); }")
    expect(nadia.see('[data-target="argentina"] .trow__share')).to_have_text("33%")
    assert nadia.run("() => drawings") == 1


def test_bars_do_not_move_where_prices_change_again_before_they_could(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    nadia = stage.play(visit, "nadia")
    told = nadia.run(
        """async () => {
          const [{ GameStore }, { session }] = [await import("./app/game/store.js"), await import("./app/session.js")];
          const game = new GameStore("of nobody");
          let now = 0;
          session.client.now = () => now;
          const target = (price) => ({ a: { backing_money: 1, to_win_if_backed: price } });
          const prices = (price) => ({ amount_total: 1, distribution: target(price) });
          game.merge("pool", 1, prices(1));
          return [1_000, 1_100, 1_200, 3_000].map((at, index) => {
            now = at;
            game.mergeDistribution("pool", index + 2, prices(index + 2));
            return game.moves.get("pool").isFast;
          });
        }"""
    )
    assert told == [False, True, True, False]


def test_a_line_that_could_not_keep_up_is_told_of_and_loses_nothing(stage: Stage, visit: Visit) -> None:
    pool = stage.open_pool()
    nadia = visit(stage.origin)
    routes = nadia.keep_sockets()
    stage.sign_in(nadia, "nadia", f"game/{stage.game}").see(row(nadia, "argentina"))
    routes[-1].close(code=4008)
    stage.bet("kasia", pool, "argentina", 10)
    nadia.see_text("Your line could not keep up.", ".toast")
    nadia.see_text("100%", ".targets")


def test_offline_and_back_nothing_is_missing(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    nadia = stage.play(visit, "nadia")
    for complaint in ("WebSocket connection to", "ERR_INTERNET_DISCONNECTED"):
        nadia.forgive(complaint)
    nadia.context.set_offline(True)
    nadia.see_text("Connection lost.", ".banner")
    choose(nadia, "argentina")
    nadia.see_text("Not while out of touch", ".slip")
    nadia.see(".slip .btn--icon, .slip").press("Escape")
    stage.goal()
    nadia.context.set_offline(False)
    nadia.see_text("Messi", "#match")


def test_a_session_that_ends_elsewhere_asks_to_sign_in(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    run("user", "key", "nadia", "--db", stage.database)
    nadia.see_text("You were signed out.", ".banner")
    nadia.see(".banner a").click()
    nadia.see("#password")


def test_a_bet_in_one_tab_is_seen_in_another(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    nadia = stage.play(visit, "nadia")
    other = nadia.context.new_page()
    other.goto(f"{stage.origin}/#/game/{stage.game}")
    place(nadia, "argentina")
    expect(other.locator(".tag--you").first).to_have_text("you 50")
    expect(other.locator(".purse span:not(.vh)")).to_have_text("950.00")


def test_a_line_of_chat_is_text_whatever_it_holds(stage: Stage, visit: Visit) -> None:
    nadia, kasia = stage.play(visit, "nadia"), stage.play(visit, "kasia")
    nadia.see("#say").fill(HOSTILE)
    nadia.page.keyboard.press("Enter")
    for visitor in (nadia, kasia):
        line = visitor.see(".msg")
        expect(line.locator(".msg__text")).to_have_text(HOSTILE)
        expect(line.locator("img")).to_have_count(0)


def test_hostile_names_of_games_pools_and_targets_are_text(stage: Stage, visit: Visit) -> None:
    name = "<script>alert(1)</script>"
    details = {"source_id": stage.source, "game_name": name, "type": "x", "actions": [name], "targets": [name, "</b>"]}
    game = str(stage.ask(370, **details, hashtag=name)["game_id"])
    stage.ask(616, game_id=game)
    stage.ask(385, game_id=game, description=name, action_id=name, targets=[name, "</b>"])
    nadia = stage.enter(visit, "nadia", f"game/{game}")
    for within in (".crumbs", ".pool__head", ".targets"):
        nadia.see_text(name, within)
    expect(nadia.page.locator("body script")).to_have_count(0)


@pytest.mark.parametrize("is_closed_before", [False, True])
def test_a_game_that_is_opened_again_goes_on_for_who_only_watches_and_no_list_is_read_for_it(
    stage: Stage, visit: Visit, is_closed_before: bool
) -> None:
    stage.open_pool()
    goal = stage.goal()
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 100)
    if is_closed_before:
        stage.ask(375, game_id=stage.game)
    nadia = visit(stage.origin)
    sent: list[int] = []
    nadia.page.on("websocket", lambda it: it.on("framesent", lambda text: sent.append(json.loads(text)["op"])))
    stage.sign_in(nadia, "nadia", f"game/{stage.game}")
    if not is_closed_before:
        nadia.see(row(nadia, "argentina"))
        stage.ask(375, game_id=stage.game)
    nadia.see_text("Full time", ".empty--done")
    nadia.see(".chip .dot--ok")
    stage.ask(3951, game_id=stage.game, event_id=goal, reason="offside")  # nobody hears of it in a closed game
    sent.clear()
    stage.ask(378, game_id=stage.game)
    nadia.see_text("Paused", f'[data-pool="{pool}"]')
    nadia.see_text("offside", "#match")
    stage.ask(398, pool_id=pool)
    nadia.see(row(nadia, "argentina"))
    assert LISTS.isdisjoint(sent), sent


def test_an_address_of_no_game_says_so(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", "game/01a20625-6af3-7d50-85cf-4a1f147050c0")
    nadia.see_text("This game is not here")
    nadia.go("nowhere")
    nadia.see_text("This page is not here")


def test_goals_settlements_and_new_pools_are_said_to_screen_readers(stage: Stage, visit: Visit) -> None:
    nadia = stage.play(visit, "nadia")
    voice = nadia.page.locator('[aria-live="polite"].vh')
    stage.open_pool("Who scores next?")
    expect(voice).to_have_text("New pool: Who scores next?")
    stage.goal()
    expect(voice).to_have_text(re.compile("Goal, Messi, 1 to 0"))


def test_a_game_in_another_currency_shows_that_balance_in_its_decimals(stage: Stage, visit: Visit) -> None:
    stage.user("nadia")
    assert run("user", "credit", "nadia", "5000", "JPY", "--db", stage.database).code == 0
    game = stage.ask(370, source_id=stage.source, game_name="Kobe - Kyoto", type="x", currency="JPY")["game_id"]
    nadia = stage.enter(visit, "nadia", f"game/{game}")
    expect(nadia.page.locator(".purse")).to_contain_text("5,000 JPY")
