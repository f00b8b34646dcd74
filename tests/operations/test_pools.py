from typing import Any

import pytest

from tests.support.harness import START_MS, Client, FakeClock, Server
from tests.support.pools import NOTHING_PENDING, backing, pool_object, unbacked
from tests.support.settling import Table, accepted, lay_table, of_kind
from tests.support.world import HOUR_MS, UNKNOWN_ID, assert_broadcast, assert_refused, assert_reply

LISTS = {387: 3535, 388: 353, 389: 354, 390: 355, 3870: 3536}
LATER = START_MS + HOUR_MS
TEAMS = {"action_id": "goal", "targets": "Argentina, Brazil, Chile"}
TEAMS_OF_POOLS = ["argentina", "brazil", "chile"]
YES_NO = {"yes": "yes", "no": "no"}


async def open_pool(table: Table, **parameters: Any) -> dict[str, Any]:
    """The reply to opening a pool."""
    return await table.admin.call(385, **{"game_id": table.game, "description": "Who scores?", **parameters})


async def listed(client: Client, op: int, game: str, **parameters: Any) -> list[str]:
    """The ids of the pools in a list, in its order."""
    reply = await accepted(client, op, game_id=game, **parameters)
    assert reply["res"] == LISTS[op]
    return list(reply["pools_list"])


# Opening


@pytest.mark.parametrize("name", ["type", "pool_type"])
@pytest.mark.parametrize("number", [1, "2", 3, "4"])
async def test_a_pool_of_each_type_is_opened_and_told(table: Table, number: int | str, name: str) -> None:
    watcher = await table.watcher()
    binary, timed = int(number) > 2, int(number) % 2 == 0
    times = {"finish_at": LATER} if timed else {}
    reply = await open_pool(table, **{name: number}, **({} if binary else TEAMS), **times)
    pool, action = reply["pool_id"], reply["action_id"]
    shown = {"pool_id": pool, "description": "Who scores?", "type": int(number), "action_id": action}
    assert_reply(reply, 350, game_id=table.game, **shown)
    assert binary != (action == "goal")
    changes = {"target_level": 0, "distribution": unbacked(YES_NO)} if binary else {}
    if timed:
        changes["finish_at"] = LATER
    (message,) = await watcher.heard()
    assert_broadcast(message, 352, 2, **pool_object(table, pool, **shown, **changes))


async def test_a_pool_is_parimutuel_and_event_based_unless_told_otherwise(table: Table) -> None:
    assert (await open_pool(table, **TEAMS))["type"] == 1


async def test_every_option_of_a_pool_is_shown(table: Table) -> None:
    options = {
        "start_at": START_MS + 10,
        "finish_at": LATER,
        "stop_accepting_bets_at": LATER - 1,
        "is_blocked": True,
        "is_hot": "True",
        "recreate_on_end": "true",
        "unlisted_target": "refund",
        "min_stake": 0.5,
        "max_stake": 7,
        "is_cancellable": True,
        "description": "In the first hour?",
    }
    pool = (await open_pool(table, type=2, **TEAMS, **options))["pool_id"]
    shown = {**options, "is_hot": True, "recreate_on_end": True, "type": 2}
    expected = pool_object(table, pool, **shown, distribution=unbacked(bets=[]), pending=NOTHING_PENDING)
    assert_reply(await table.admin.call(393, pool_id=pool), 360, **expected)


async def test_a_start_that_is_past_or_absent_is_now(table: Table) -> None:
    table.set_time(500)
    for start_at in (START_MS, None, ""):
        pool = (await open_pool(table, **TEAMS, start_at=start_at))["pool_id"]
        assert (await table.pool_object(pool))["start_at"] == START_MS + 500


@pytest.mark.parametrize(
    ("targets", "level", "ids"),
    [
        (["Argentina:1", "Brazil:7"], 2, ["argentina:1", "brazil:7", "none"]),
        ("brazil , ARGENTINA,", 1, ["brazil", "argentina", "none"]),
        (["none", "chile"], 1, ["none", "chile"]),
        (["Chile:1", "chile:1"], 2, ["chile:1", "none"]),
    ],
)
async def test_the_targets_of_a_pool_are_of_one_level_with_none_added(
    table: Table, targets: object, level: int, ids: list[str]
) -> None:
    pool = (await open_pool(table, action_id="Goal", targets=targets))["pool_id"]
    shown = await table.pool_object(pool)
    assert (shown["target_level"], list(shown["distribution"])) == (level, ids)


async def test_a_target_is_shown_by_the_name_it_has_in_the_game(table: Table) -> None:
    pool = (await open_pool(table, action_id="goal", targets="ARGENTINA:1, brazil:7"))["pool_id"]
    names = [entry["display_name"] for entry in (await table.pool_object(pool))["distribution"].values()]
    assert names == ["1", "7", "None"]


async def test_a_binary_pool_has_the_labels_it_is_given_and_an_action_of_its_own(table: Table) -> None:
    first, second = [
        await open_pool(table, type=3, targets="Over 2.5, Under 2.5", action_id="goal", is_hot=False) for _ in range(2)
    ]
    shown = await table.pool_object(first["pool_id"])
    assert {key: entry["display_name"] for key, entry in shown["distribution"].items()} == {
        "over-2.5": "Over 2.5",
        "under-2.5": "Under 2.5",
    }
    assert len({"goal", first["action_id"], second["action_id"]}) == 3


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({**TEAMS, "targets": ""}, "targets"),
        ({**TEAMS, "targets": "none"}, "targets"),
        ({**TEAMS, "targets": "argentina, brazil:7"}, "targets"),
        ({**TEAMS, "targets": "argentina, uruguay"}, "targets"),
        ({**TEAMS, "targets": "argentina:"}, "targets"),
        ({**TEAMS, "action_id": "header"}, "action_id"),
        ({**TEAMS, "action_id": "a:b"}, "action_id"),
        ({**TEAMS, "type": 5}, "type"),
        ({**TEAMS, "pool_type": 0}, "pool_type"),
        ({**TEAMS, "type": 1, "pool_type": 2, "finish_at": LATER}, "pool_type"),
        ({**TEAMS, "finish_at": LATER}, "finish_at"),
        ({"type": 3, "finish_at": LATER}, "finish_at"),
        ({**TEAMS, "type": 2, "finish_at": START_MS}, "finish_at"),
        ({"type": 4, "finish_at": START_MS + 9, "start_at": START_MS + 9}, "finish_at"),
        ({**TEAMS, "stop_accepting_bets_at": START_MS}, "stop_accepting_bets_at"),
        ({"type": 4, "finish_at": LATER, "stop_accepting_bets_at": LATER + 1}, "stop_accepting_bets_at"),
        ({**TEAMS, "unlisted_target": "close"}, "unlisted_target"),
        ({**TEAMS, "is_hot": "perhaps"}, "is_hot"),
        ({**TEAMS, "description": "x" * 513}, "description"),
        ({**TEAMS, "description": " "}, "description"),
        ({"type": 3, "targets": "yes"}, "targets"),
        ({"type": 3, "targets": "yes, Yes"}, "targets"),
        ({"type": 3, "targets": "yes, no, maybe"}, "targets"),
        ({"type": 3, "targets": "a:b, c"}, "targets"),
    ],
)
async def test_what_no_pool_can_be_is_refused_by_name(table: Table, parameters: dict[str, Any], field: str) -> None:
    assert_refused(await open_pool(table, **parameters), 385, "invalid_parameter", field)
    assert await listed(table.admin, 387, table.game) == []


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"start_at": LATER}, None),
        ({"start_at": LATER + 1}, "start_at"),
        ({"type": 2, "finish_at": LATER}, None),
        ({"type": 2, "finish_at": LATER + 1}, "finish_at"),
    ],
)
async def test_a_pool_neither_begins_nor_ends_after_the_close_at_of_its_game(
    table: Table, times: dict[str, Any], field: str | None
) -> None:
    table.game = await table.server.open_game(table.admin, table.source, close_at=LATER)
    await accepted(table.admin, 616, game_id=table.game)
    reply = await open_pool(table, **{**TEAMS, "targets": "Argentina, Brazil"}, **times)
    if field is None:
        assert reply["res"] == 350
    else:
        assert_refused(reply, 385, "invalid_parameter", field)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"targets": "argentina"}, "action_id"),
        ({**TEAMS, "type": 2}, "finish_at"),
        ({"type": 4}, "finish_at"),
        ({**TEAMS, "description": None}, "description"),
    ],
)
async def test_what_a_pool_of_its_type_needs_is_missed_by_name(
    table: Table, parameters: dict[str, Any], field: str
) -> None:
    assert_refused(await open_pool(table, **parameters), 385, "missing_parameter", field)


async def test_a_pool_keeps_the_takeout_of_its_source(server: Server, clock: FakeClock) -> None:
    table = await lay_table(server, clock, takeout="0.1")
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 10)
    distribution = (await table.pool_object(pool))["distribution"]
    assert distribution["brazil"]["to_win_if_backed"] == 9.9
    assert distribution["argentina"]["to_win_if_backed"] == 1


async def test_no_pool_is_opened_in_a_game_that_is_upcoming_not_yet_open_closing_or_closed(table: Table) -> None:
    upcoming = await accepted(table.admin, 3701, source_id=table.source, game_name="Later", type="football")
    future = await table.server.open_game(table.admin, table.source, open_at=LATER)
    for game in (upcoming["game_id"], future):
        await accepted(table.admin, 616, game_id=game)
        assert_refused(await open_pool(table, game_id=game, type=3), 385, "game_not_open")
    pool = await table.pool(pool_type=3)
    await table.admin.call(375, game_id=table.game)
    assert_refused(await open_pool(table, **TEAMS), 385, "conflict")
    await table.resolve(pool, "yes")
    await accepted(table.admin, 375, game_id=table.game)
    assert_refused(await open_pool(table, **TEAMS), 385, "game_closed")


async def test_a_pool_can_be_opened_from_open_at_on(table: Table) -> None:
    game = await table.server.open_game(table.admin, table.source, open_at=START_MS + 5)
    await accepted(table.admin, 616, game_id=game)
    table.set_time(5)
    assert (await open_pool(table, game_id=game, type=3))["res"] == 350


# Lists


async def test_lists_tell_pools_without_a_bet_of_mine_from_running_and_resolved_ones(table: Table) -> None:
    pools = [await table.pool(description=f"{number}", targets=[team]) for number, team in enumerate(TEAMS_OF_POOLS)]
    await table.pool(pool_type=3, is_blocked=True, start_at=LATER)
    binary = (await listed(table.admin, 387, table.game))[0]
    ann = await table.client("ann")
    for pool, team in list(zip(pools, TEAMS_OF_POOLS, strict=True))[1:]:
        await table.bet("ann", pool, team, 2)
    await table.event("chile:1", at=10)
    assert await listed(ann, 387, table.game) == [binary, pools[1], pools[0]]
    assert await listed(ann, 388, table.game) == [binary, pools[0]]
    assert await listed(ann, 389, table.game) == [pools[1]]
    assert await listed(ann, 390, table.game) == [pools[2]]
    for op, expected in ((388, [binary, pools[1], pools[0]]), (389, []), (390, [])):
        assert await listed(await table.client("bob"), op, table.game) == expected


@pytest.mark.parametrize("op", [387, 388])
async def test_a_list_shows_pool_objects_with_the_games_seq(table: Table, op: int) -> None:
    pools = [await table.pool() for _ in range(2)]
    shown = {pool: pool_object(table, pool, pending=NOTHING_PENDING) for pool in pools}
    assert_reply(
        await table.admin.call(op, game_id=table.game),
        LISTS[op],
        game_id=table.game,
        pools_list=shown,
        next=None,
        seq=3,
    )


def my_bet(
    bet: str, target: str, amount: float, status: str = "running", payout: float | None = None
) -> dict[str, Any]:
    """A bet placed at the start, as its user sees it."""
    shown = {"bet_id": bet, "target": target, "amount": amount, "placed_at": START_MS}
    return {**shown, "status": status, "payout": payout}


async def test_running_pools_show_what_i_have_on_each_target(table: Table) -> None:
    pool = await table.pool()
    placed: list[tuple[str, float | str]] = [("chile", 1), ("argentina", 2.5), ("none", 3), ("argentina", "0.25")]
    bets = [await table.bet("ann", pool, target, amount) for target, amount in placed]
    await table.bet("bob", pool, "brazil", 100)
    (shown,) = (await accepted(await table.client("ann"), 389, game_id=table.game))["pools_list"].values()
    distribution = {
        "argentina": backing("Argentina", 1, 2.75, 28.7333),
        "brazil": backing("Brazil", 1, 100, 1.0668),
        "chile": backing("Chile", 1, 1, 53.875),
        "none": backing("None", 1, 3, 26.9375),
    }
    sums = {"participants": 2, "amount_total": 106.75, "bet_count": 5, "distribution": distribution}
    backed = {"argentina": 2.75, "chile": 1, "none": 3}
    mine = [my_bet(bet, target, float(amount)) for bet, (target, amount) in zip(bets, placed, strict=True)]
    assert shown == pool_object(table, pool, **sums, user_backed=backed, my_bets=mine[::-1])
    assert list(shown["user_backed"]) == list(backed)


async def test_resolved_pools_show_how_they_ended_and_what_i_won(table: Table) -> None:
    pool = await table.pool()
    won = my_bet(await table.bet("ann", pool, "argentina", 10), "argentina", 10, "won", 41)
    lost = [
        my_bet(await table.bet(name, pool, target, amount), target, amount, "lost", 0)
        for name, target, amount in (("ann", "none", 1), ("bob", "brazil", 30))
    ]
    event = await table.event("argentina:2", at=5)
    changes: dict[str, Any] = {
        "status": "resolved",
        "participants": 2,
        "amount_total": 41,
        "bet_count": 3,
        "version": 5,
        "distribution": {
            "argentina": backing("Argentina", 1, 10, 3.8181),
            "brazil": backing("Brazil", 1, 30, 1.3548),
            "chile": backing("Chile", 0, 0, 42),
            "none": backing("None", 1, 1, 21),
        },
        "winning_target": "argentina",
        "winning_targets": ["argentina"],
        "event_id": event["event_id"],
        "price": 4.1,
        "prices": {"argentina": 4.1},
        "is_money_return": False,
        "resolved_at": START_MS + 5,
    }
    for name, backed, bets, net in (
        ("ann", {"argentina": 10, "none": 1}, [lost[0], won], 30),
        ("bob", {"brazil": 30}, [lost[1]], -30),
    ):
        shown = pool_object(table, pool, **changes, user_backed=backed, my_bets=bets, total_winnings=net)
        reply = await (await table.client(name)).call(390, game_id=table.game)
        assert_reply(reply, 355, game_id=table.game, pools_list={pool: shown}, next=None, seq=4)
    everybodys = pool_object(table, pool, **changes, pending=NOTHING_PENDING)
    reply = await table.admin.call(3870, game_id=table.game)
    assert_reply(reply, 3536, game_id=table.game, pools_list={pool: everybodys}, next=None, seq=4)


@pytest.mark.parametrize("op", LISTS)
async def test_every_list_is_paged_from_the_newest_on(table: Table, op: int) -> None:
    pools = [await table.pool(targets=["argentina"]) for _ in range(5)]
    if op > 388:
        for pool in pools:
            await table.bet("ann", pool, "argentina", 1)
    if op in (390, 3870):
        await table.event(at=1)
    ann, found, after = await table.client("ann"), [], None
    for size in (2, 2, 1):
        page = await accepted(ann, op, game_id=table.game, limit=2, after=after)
        assert len(page["pools_list"]) == size
        found += list(page["pools_list"])
        after = page["next"]
        assert after == (found[-1] if size == 2 else None)
    assert found == pools[::-1]
    assert (await accepted(ann, op, game_id=table.game, limit=5))["next"] is None


@pytest.mark.parametrize("op", LISTS)
async def test_a_page_begins_after_a_pool_of_the_game_and_has_at_most_1000(table: Table, op: int) -> None:
    other = await table.server.open_game(table.admin, table.source)
    await accepted(table.admin, 616, game_id=other)
    pool = (await open_pool(table, game_id=other, type=3))["pool_id"]
    for after in (pool, UNKNOWN_ID):
        assert_refused(await table.admin.call(op, game_id=table.game, after=after), op, "not_found", "after")
    for limit in (0, 1001):
        assert_refused(await table.admin.call(op, game_id=table.game, limit=limit), op, "invalid_parameter", "limit")


# The distribution with bets


async def test_a_distribution_shows_the_bets_on_each_target_newest_first(table: Table) -> None:
    pool = await table.pool()
    bets = [
        await table.bet(name, pool, target, amount, at=at)
        for name, target, amount, at in (
            ("ann", "argentina", 10, 1),
            ("bob", "argentina", 5, 2),
            ("ann", "brazil", 4, 2),
            ("ann", "argentina", 1, 3),
        )
    ]

    def bet(number: int, target: str, amount: int, at: int) -> dict[str, Any]:
        return {"bet_id": bets[number], "target": target, "amount": amount, "placed_at": START_MS + at}

    on_argentina = [bet(number, "argentina", amount, at) for number, amount, at in ((3, 1, 3), (1, 5, 2), (0, 10, 1))]
    distribution = {
        "argentina": backing("Argentina", 2, 16, 1.2352, bets=on_argentina),
        "brazil": backing("Brazil", 1, 4, 4.2, bets=[bet(2, "brazil", 4, 2)]),
        "chile": backing("Chile", 0, 0, 21, bets=[]),
        "none": backing("None", 0, 0, 21, bets=[]),
    }
    sums: dict[str, Any] = {"participants": 2, "amount_total": 20, "bet_count": 4}
    for name in ("ann", "cat"):
        reply = await (await table.client(name)).call(393, pool_id=pool)
        assert_reply(reply, 360, **pool_object(table, pool, **sums, distribution=distribution))


async def test_who_has_bet_is_shown_to_the_admins_of_the_game_alone(table: Table) -> None:
    pool = await table.pool()
    for name in ("ann", "bob"):
        await table.bet(name, pool, "argentina", 1)
    shown = (await table.pool_object(pool))["distribution"]["argentina"]["bets"]
    assert [(bet["user_id"], bet["username"]) for bet in shown] == [(2, "bob"), (1, "ann")]
    assert set(shown[0]) == {"bet_id", "target", "amount", "placed_at", "user_id", "username"}
    await table.server.add_user("stranger", provider=True)
    for client in (await table.client("ann"), await table.server.connect("stranger")):
        bets = (await accepted(client, 393, pool_id=pool))["distribution"]["argentina"]["bets"]
        assert [set(bet) for bet in bets] == [{"bet_id", "target", "amount", "placed_at"}] * 2


async def test_a_distribution_shows_the_latest_100_bets_on_a_target(table: Table) -> None:
    pool = await table.pool()
    bets = [await table.bet("ann", pool, "argentina", 1, at=number) for number in range(103)]
    shown = (await table.pool_object(pool))["distribution"]["argentina"]
    assert shown["backing_money"] == 103
    assert [bet["bet_id"] for bet in shown["bets"]] == bets[:2:-1]


async def test_who_has_joined_hears_of_a_pool_once(table: Table) -> None:
    watcher = await table.watcher()
    await table.pool()
    assert len(of_kind(await watcher.heard(), 352)) == 1
