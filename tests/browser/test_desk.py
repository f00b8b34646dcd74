"""An operator's desk in a browser: registering, taking back, pools, closing, and making games."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.process import add_user
from tests.support.stage import Stage, Visit

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def shirt(visitor: Visitor, target: str) -> None:
    """Tap a player, or a side."""
    visitor.see(f'button[data-target="{target}"]').click()


def pool_of(stage: Stage, pool: str) -> dict[str, Any]:
    """A pool as the server tells of it, running or ended."""
    for op in (387, 3870):
        found = stage.ask(op, game_id=stage.game)["pools_list"].get(pool)
        if found is not None:
            return dict(found)
    raise AssertionError(pool)


# Registering


def test_an_event_is_shown_with_what_it_settles_and_registered_by_enter(
    stage: Stage, olga: Callable[..., Visitor]
) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 100)
    stage.bet("jonas", pool, "brazil", 50)
    desk = olga()
    desk.see(".act")
    desk.page.keyboard.press("g")
    shirt(desk, "argentina:messi")
    desk.see_text("The score becomes", ".sheet")
    assert desk.see(".sums").inner_text().split("\n")[::2] == ["1", "150", "1"]
    assert "1 win at 1.50" in desk.see(".settle__sub").inner_text()
    desk.page.keyboard.press("Enter")
    desk.see_text("1 pool, 150 paid", ".log")
    assert pool_of(stage, pool)["winning_target"] == "argentina"
    assert desk.see(".strip__score").inner_text().split() == ["Argentina", "1,", "Brazil", "0", "ARG", "1", "0", "BRA"]


def test_a_goal_is_registered_and_taken_back_by_the_keyboard_alone(stage: Stage, olga: Callable[..., Visitor]) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 100)
    desk = olga()
    desk.see(".act")
    press = desk.page.keyboard.press
    for key in ("g", "/", *"mess", "Enter"):
        press(key)
    desk.see(".sheet .sums")
    press("Enter")
    desk.see_text("1 pool, 100 paid", ".log")
    expect(desk.page.locator(".sheet")).to_have_count(0)
    press("u")
    desk.see(".sheet .sums")
    expect(desk.page.locator(".sheet__foot .btn").first).to_be_focused()
    for key in ("Shift+Tab", "Shift+Tab", "Space", "Tab", "Tab", "Tab"):
        press(key)
    expect(desk.page.locator(".sheet .btn--danger-solid")).to_be_focused()
    press("Enter")
    desk.see_text("Taken back:", ".log")
    assert pool_of(stage, pool)["status"] == "open"


def test_the_time_is_that_of_the_first_tap_and_can_be_set_back(stage: Stage, olga: Callable[..., Visitor]) -> None:
    pool = stage.open_pool()
    before = pool_of(stage, pool)["start_at"]
    stage.bet("kasia", pool, "argentina", 100)
    desk = olga()
    desk.see('button[data-action="goal"]').click()
    shirt(desk, "argentina:messi")
    tapped = desk.see("#happened").input_value()
    desk.see(".sums")
    desk.see(".when .pill:last-child").click()
    desk.until(f"document.querySelector('#happened').value !== {json.dumps(tapped)}")
    opening = desk.run("async (ms) => (await import('./app/format.js')).timeOfDay(ms, { withMillis: true })", before)
    desk.see("#happened").fill(opening)
    desk.see_text(f"1 bet came after {opening[:-2]}", ".sheet")
    desk.see_text("at the tap", ".sheet").click()
    expect(desk.page.locator(".pool__notice--warn")).to_have_count(0)
    desk.see(".sheet .btn--big").click()
    desk.see(".log li")
    (event,) = stage.ask(372, game_id=stage.game)["past_events"].values()
    assert before <= event["happened_at"] <= event["registered_at"]


def test_what_no_pool_waits_for_is_registered_at_once_and_undone_from_the_toast(
    stage: Stage, olga: Callable[..., Visitor]
) -> None:
    desk = olga()
    desk.see(".act")
    desk.page.keyboard.press("y")
    shirt(desk, "brazil:neymar")
    desk.see_text("Yellow card, Neymar", ".toast")
    desk.see(".toast .btn").click()
    desk.see_text("By mistake", ".sheet").click()
    desk.see(".sheet .btn--danger-solid").click()
    desk.see_text("Taken back: By mistake", ".log")
    assert stage.ask(372, game_id=stage.game)["past_events"] == {}


def test_a_player_is_found_by_name_number_or_side_and_number(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.open_pool()
    stage.ask(373, game_id=stage.game, labels={"Argentina:Messi": {"number": 10}, "Brazil:Neymar": {"number": 10}})
    desk = olga()
    desk.see(".shirt")
    for query, found in (("ney", 1), ("10", 2), ("b10", 1), ("", 3), ("nobody", 0)):
        desk.page.keyboard.press("/") if query == "ney" else None
        desk.see("#find").fill(query)
        expect(desk.page.locator(".shirt")).to_have_count(found)
    desk.see("#find").fill("a10")
    desk.page.keyboard.press("Enter")
    desk.see_text("Goal by Messi", ".sheet")


def test_pools_by_hand_are_resolved_with_the_event(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.open_pool()
    question = stage.open_pool("Does Messi score?", pool_type=3, targets=["Yes", "No"])
    desk = olga()
    shirt(desk, "argentina:messi")
    desk.see_text("Yes", ".settle--answer").click()
    desk.see(".sheet .btn--big").click()
    desk.see(".log li")
    desk.until("document.querySelectorAll('.ptab tbody tr').length === 0")
    assert pool_of(stage, question)["winning_target"] == "yes"


# Taking back and correcting


def test_a_goal_is_taken_back_with_a_reason_after_its_consequences(stage: Stage, olga: Callable[..., Visitor]) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 100)
    stage.bet("jonas", pool, "brazil", 50)
    stage.goal()
    desk = olga()
    desk.see(".log li")
    desk.page.keyboard.press("u")
    desk.see_text("The score returns to", ".sheet")
    desk.see_text("reopens", ".settle")
    expect(desk.page.locator(".sheet .btn--danger-solid")).to_be_disabled()
    expect(desk.page.locator(".sheet__foot .btn").first).to_be_focused()
    desk.see_text("VAR: offside", ".sheet").click()
    desk.see(".sheet .btn--danger-solid").click()
    desk.see_text("Taken back: VAR: offside", ".log")
    assert pool_of(stage, pool)["status"] == "open"


def test_a_goal_of_another_player_is_corrected(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.goal()
    desk = olga()
    desk.see(".log .btn").click()
    desk.see_text("Correct it", ".sheet .seg").click()
    desk.see("#amend-target").select_option("brazil:neymar")
    desk.see(".sheet .btn--ink").click()
    desk.see_text("Neymar", ".log")
    (event,) = stage.ask(372, game_id=stage.game)["past_events"].values()
    assert event["target_id"] == "brazil:neymar"
    assert stage.ask(372, game_id=stage.game)["score"] == {"argentina": 0, "brazil": 1}


def test_a_result_by_hand_is_taken_back(stage: Stage, olga: Callable[..., Visitor]) -> None:
    pool = stage.open_pool("Shoot-out?", pool_type=3, targets=["Yes", "No"])
    desk = olga()
    desk.see_text("Resolve", ".ptab__acts").click()
    desk.see_text("No", ".sheet .opt").click()
    desk.see(".sheet .sums")
    desk.see(".sheet .btn--big").click()
    desk.see(".settledbox summary").click()
    desk.see_text("Take back", ".settledbox").click()
    desk.see_text("Wrong answer", ".sheet").click()
    desk.see(".sheet .btn--big").click()
    desk.see(f'tr[data-pool="{pool}"]')
    assert pool_of(stage, pool)["status"] == "open"


# Pools


def test_keys_move_among_the_pools_and_block_them(stage: Stage, olga: Callable[..., Visitor]) -> None:
    first, second = stage.open_pool("First?"), stage.open_pool("Second?")
    desk = olga()
    desk.see("tr[data-pool]")
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("j")
    desk.see(f'tr[data-pool="{second}"][aria-selected="true"]')
    desk.page.keyboard.press("b")
    desk.see_text("Paused", f'tr[data-pool="{second}"]')
    desk.page.keyboard.press("t")
    desk.see_text("Cool", f'tr[data-pool="{second}"]')
    desk.page.keyboard.press("h")
    desk.see_text("Let bets in", ".strip")
    desk.see_text("Paused", f'tr[data-pool="{first}"]')
    desk.page.keyboard.press("h")
    desk.see_text("Hold", ".strip")


def test_a_pool_is_opened_as_its_preview_shows_it(stage: Stage, olga: Callable[..., Visitor]) -> None:
    desk = olga()
    desk.see(".act")
    desk.page.keyboard.press("n")
    desk.see("#pool-question").fill("Who scores next?")
    desk.see("#pool-level").select_option("2")
    desk.see_text("Paredes", ".opt--targets").click()
    expect(desk.page.locator(".previewbox .trow")).to_have_count(3)
    desk.see("#pool-stop").fill("4:30")
    desk.see_text("Open it anew each time", ".sheet").click()
    desk.see("#pool-question").focus()
    desk.page.keyboard.press("Enter")
    desk.see_text("Who scores next?", ".ptab")
    (pool,) = stage.ask(387, game_id=stage.game)["pools_list"].values()
    assert list(pool["distribution"]) == ["argentina:messi", "brazil:neymar", "none"]
    assert pool["recreate_on_end"] is True
    assert 200_000 < pool["stop_accepting_bets_at"] - stage.now() <= 272_000


def test_fields_that_change_within_a_frame_keep_all_that_they_got(olga: Callable[..., Visitor]) -> None:
    desk = olga()
    desk.see(".act")
    desk.page.keyboard.press("n")
    desk.see("#pool-question")
    desk.page.evaluate(
        """() => {
            for (const [id, value, event] of [
                ["question", "Who?", "input"],
                ["level", "2", "change"],
                ["stop", "4:30", "input"],
            ]) {
                const field = document.querySelector(`#pool-${id}`);
                field.value = value;
                field.dispatchEvent(new Event(event, { bubbles: true }));
            }
        }"""
    )
    desk.see_text("Who?", ".previewbox")
    for name, value in (("question", "Who?"), ("level", "2"), ("stop", "4:30")):
        expect(desk.page.locator(f"#pool-{name}")).to_have_value(value)


def test_a_pool_is_changed_and_made_void(stage: Stage, olga: Callable[..., Visitor]) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 10)
    desk = olga()
    desk.see('[aria-label^="More for"]').click()
    desk.see(".sheet #pool-question").fill("Who scores the next goal?")
    desk.see(".sheet .btn--big").click()
    desk.see_text("Who scores the next goal?", ".ptab")
    desk.see('[aria-label^="More for"]').click()
    desk.see_text("Void", ".sheet .seg").click()
    desk.see_text("Wrong question", ".sheet").click()
    desk.see(".sheet .btn--big").click()
    desk.see_text("No pool is open", "#pools")
    assert pool_of(stage, pool)["status"] == "voided"


# The game


def test_closing_asks_for_each_answer_and_the_game_opens_again(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.open_pool()
    question = stage.open_pool("Shoot-out?", pool_type=3, targets=["Yes", "No"])
    desk = olga()
    desk.see_text("Close game", ".strip").click()
    desk.see_text("1 answer missing", ".sheet")
    expect(desk.page.locator(".sheet .btn--danger-solid")).to_be_disabled()
    desk.see(".sheet").get_by_text("No", exact=True).click()
    desk.see(".sheet .btn--danger-solid").click()
    desk.see_text("This game is closed", "main")
    assert pool_of(stage, question)["winning_target"] == "no"
    desk.see_text("Open it again", "main").click()
    desk.see_text("open again, paused", ".sheet")
    desk.see(".sheet .btn--ink").click()
    desk.see_text("Close game", ".strip")
    assert stage.ask(372, game_id=stage.game)["closed_at"] is None


def test_a_game_that_is_opened_again_is_so_on_the_other_desk_too(
    stage: Stage, visit: Visit, olga: Callable[..., Visitor]
) -> None:
    pool = stage.open_pool()
    stage.user("pat")
    stage.ask(617, game_id=stage.game, username="pat")
    first, second = olga(), stage.enter(visit, "pat", f"desk/{stage.game}")
    for desk in (first, second):
        desk.see(f'tr[data-pool="{pool}"]')
    first.see_text("Close game", ".strip").click()
    first.see(".sheet .btn--danger-solid").click()
    second.see_text("This game is closed", "main")
    first.see_text("Open it again", "main").click()
    first.see(".sheet .btn--ink").click()
    for desk in (first, second):
        desk.see_text("Close game", ".strip")
        desk.see_text("Paused", f'tr[data-pool="{pool}"]')
    stage.goal()
    for desk in (first, second):
        desk.see_text("Messi", ".log")


def test_a_game_that_was_closed_before_the_desk_is_opened_can_be_opened_again(
    stage: Stage, olga: Callable[..., Visitor]
) -> None:
    pool = stage.open_pool()
    stage.ask(375, game_id=stage.game)
    desk = olga()
    desk.see_text("This game is closed", "main")
    desk.see_text("Open it again", "main").click()
    desk.see(".sheet .btn--ink").click()
    desk.see_text("Paused", f'tr[data-pool="{pool}"]')
    stage.goal()
    desk.see_text("Messi", ".log")


def test_a_source_is_changed_from_what_it_is(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.ask(369, source_id=stage.source, takeout="0.125")
    desk = olga("desk")
    desk.see_text("Source", ".deskhome .btn").click()
    expect(desk.see("#source-takeout")).to_have_value("12.5")
    expect(desk.page.get_by_label("Its admins may bet")).not_to_be_checked()
    desk.see("#source-takeout").fill("0.7")
    desk.page.get_by_label("Its admins may bet").check()
    desk.see_text("Change the source", ".sheet").click()
    desk.see_text("is changed", ".toast")
    (source,) = stage.ask(611)["sources"]
    assert (source["takeout"], source["admins_may_bet"], source["name"]) == (0.007, True, "World Cup")


def test_a_game_is_called_off_and_all_stakes_go_back(stage: Stage, olga: Callable[..., Visitor]) -> None:
    pool = stage.open_pool()
    stage.bet("kasia", pool, "argentina", 10)
    desk = olga()
    desk.see('[aria-label="More about the game"]').click()
    desk.see_text("Call the game off", ".sheet").click()
    desk.see_text("Abandoned", ".sheet").click()
    assert desk.see(".sums").inner_text().split("\n")[::2] == ["1", "10"]
    desk.see(".sheet .btn--danger-solid").click()
    desk.see_text("This game was called off", "main")
    assert pool_of(stage, pool)["status"] == "voided"


def test_a_game_is_postponed_and_its_clock_set(stage: Stage, olga: Callable[..., Visitor]) -> None:
    desk = olga()
    desk.see('[aria-label="More about the game"]').click()
    desk.see("#game-start").fill("2040-06-01T20:45")
    desk.see(".sheet form .btn--ink").click()
    desk.see_text("The game is changed", ".toast")
    assert stage.ask(372, game_id=stage.game)["live_start_at"] == desk.run(
        "() => new Date('2040-06-01T20:45').getTime()"
    )
    desk.see(".strip__clock").click()
    desk.see_text("2nd half", ".sheet").click()
    desk.see(".sheet .btn--ink").click()
    desk.see_text("2nd half", ".strip__clock")
    clock = stage.ask(372, game_id=stage.game)["clock"]
    assert (clock["period"], clock["elapsed_ms"], clock["is_running"]) == ("2H", 45 * 60_000, True)


def test_the_games_of_a_source_are_each_listed_once_as_what_they_are(
    stage: Stage, olga: Callable[..., Visitor]
) -> None:
    stage.ask(3701, source_id=stage.source, game_name="Spain - Peru", type="x")
    later = stage.now() + 600_000
    stage.ask(370, source_id=stage.source, game_name="Chile - Cuba", type="x", open_at=later, live_start_at=later)
    rows = olga("desk").see(".deskhome ul").locator(".lrow")
    expect(rows).to_have_count(3)
    expect(rows.locator(".tag")).to_have_text(["opens later", "upcoming", "live"])


def test_nothing_can_be_taken_back_where_nothing_is_registered(stage: Stage, olga: Callable[..., Visitor]) -> None:
    undo = olga(**PHONE).see(".tabbar").get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    stage.goal()
    expect(undo).to_be_enabled()


def test_whoever_runs_the_source_takes_the_desk(stage: Stage, olga: Callable[..., Visitor]) -> None:
    stage.ask(618, game_id=stage.game, username="olga")
    desk = olga()
    desk.see_text("Take the desk", "main").click()
    desk.see(".strip")


def test_who_runs_nothing_is_told_whom_to_ask(stage: Stage, visit: Visit) -> None:
    nadia = stage.enter(visit, "nadia", f"desk/{stage.game}")
    nadia.see_text("You do not run this game", "main")
    nadia.go("desk")
    nadia.see_text("You run nothing yet", "main")
    stranger = visit(stage.origin)
    stranger.go("desk")
    stranger.see_text("The desk is for operators", "main")


def test_the_first_page_makes_a_game_that_is_ready(stage: Stage, visit: Visit) -> None:
    add_user(stage.database, "pat", provider=True)
    pat = stage.enter(visit, "pat", "desk")
    pat.see_text("Make a demo game", ".first").click()
    pat.see(".shirt")
    expect(pat.page.locator(".shirt")).to_have_count(52)
    expect(pat.page.locator("tr[data-pool]")).to_have_count(6)


def test_pasted_lines_become_the_tree_that_is_shown(stage: Stage, olga: Callable[..., Visitor]) -> None:
    desk = olga(f"new-game/{stage.source}")
    desk.see("#game-name").fill("Argentina - France")
    lines = ["Argentina", "Argentina: 10 Messi", "argentina:10  messi", "France:: 9 Giroud", "France: 10 Mbappé"]
    desk.see("#game-lines").fill("\n".join(lines))
    desk.see_text("Line 4 has an empty part beside a colon. It is left out.", "form")
    desk.see_text("line 3 is the same", ".tree")
    desk.see_text("made from line 5", ".tree")
    shown = [item for item in desk.page.locator(".tree__id").all_inner_texts() if item != "none"]
    desk.see_text("Open the game", ".formfoot").click()
    desk.see(".strip")
    game = desk.page.url.rpartition("/")[2]
    details = stage.ask(372, game_id=game)
    found = [root if child is None else f"{root}:{child}" for root, child in paths(details["targets"])]
    assert found == shown == ["argentina", "argentina:messi", "france", "france:mbappé"]
    assert details["targets"]["france"]["targets"]["mbappé"]["number"] == 10


def paths(targets: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The roots but for none, each with its children."""
    return [(root, child) for root in targets if root != "none" for child in (None, *targets[root]["targets"])]


def test_an_invitation_is_a_code_that_leads_into_the_game(stage: Stage, olga: Callable[..., Visitor]) -> None:
    desk = olga()
    desk.see_text("Invite", ".strip").click()
    assert desk.see("#invite-url").input_value() == f"{stage.origin}/#/game/{stage.game}"
    assert re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", str(desk.see(".qr path").get_attribute("d")))
    desk.see_text("Only this machine can open it", ".sheet")


def test_the_link_of_the_start_leads_into_the_game_that_is_on(stage: Stage, visit: Visit) -> None:
    stage.open_pool()
    phone = visit(stage.origin, **PHONE)
    phone.go("play")
    phone.see_text("You are invited", ".join")
    assert phone.page.url == f"{stage.origin}/#/game/{stage.game}"


def test_a_key_in_the_address_logs_on_and_leaves_it(stage: Stage, visit: Visit) -> None:
    key = add_user(stage.database, "pat", provider=True)["session_key"]
    pat = visit(stage.origin)
    pat.go(f"key/{key}")
    pat.see_text("Make a demo game", ".first")
    assert key not in pat.page.url
    assert pat.run("() => performance.getEntriesByType('resource').map((entry) => entry.name).join()").find(key) == -1
    other = visit(stage.origin)
    other.forgive("401")
    other.go("key/nonsense")
    other.see_text("This key opens nothing", "main")
