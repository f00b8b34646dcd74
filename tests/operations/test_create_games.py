from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.world import NONE, World, as_broadcast, assert_broadcast, assert_refused, assert_reply

SEED_REQUEST = {
    "header": {},
    "op": 370,
    "game_name": "Argentina - Brazil",
    "actions": ["Goal", "Offside"],
    "targets": ["Argentina", "Brazil", "Argentina:1", "Argentina:2", "Brazil:7"],
    "type": "football",
    "currency": "EUR",
    "create_at": 1417104170,
    "open_at": 1417104170,
    "live_start_at": 1417105170,
    "live_finish_at": 1417106170,
}
SEED_LISTS = {"actions": "Goal, Offside", "targets": "Argentina,Brazil, Argentina:1 ,Argentina:2,,Brazil:7,"}


def node(symbol: str, display_name: str, **targets: Any) -> dict[str, Any]:
    return {"symbol": symbol, "display_name": display_name, "targets": targets}


SEED_TARGETS = {
    "argentina": node("arg", "Argentina", **{"1": node("1", "1"), "2": node("2", "2")}),
    "brazil": node("bra", "Brazil", **{"7": node("7", "7")}),
    "none": NONE,
}


async def create(world: World, op: int = 370, /, **parameters: Any) -> dict[str, Any]:
    """The reply to the creation of a game in the world's source."""
    parameters = {"source_id": world.source, "game_name": "G", "type": "t", **parameters}
    return await world.provider.call(op, **parameters)


async def details(world: World, reply: dict[str, Any]) -> dict[str, Any]:
    return await world.user.call(372, game_id=reply["game_id"])


@pytest.mark.parametrize("lists", [{}, SEED_LISTS], ids=["arrays", "comma-separated strings"])
async def test_the_seed_s_example_gets_the_seed_s_reply(world: World, lists: dict[str, str]) -> None:
    await world.provider.send({**SEED_REQUEST, "source_id": world.source, **lists})
    reply = await world.provider.receive()
    assert reply == {
        "response_header": {"t": START_MS},
        "res": 340,
        "source_id": world.source,
        "game_id": reply["game_id"],
        "actions": {"goal": {"name": "Goal"}, "offside": {"name": "Offside"}},
        "game_name": "Argentina - Brazil",
        "type": "football",
        "open_at": 1417104170,
        "live_start_at": 1417105170,
        "live_finish_at": 1417106170,
        "close_at": None,
        "targets": SEED_TARGETS,
        "hashtag": "#ArgentinaBrazil",
    }
    assert list(reply["targets"]) == ["argentina", "brazil", "none"]
    assert (await details(world, reply))["currency"] == "EUR"


@pytest.mark.parametrize("absent", [{}, dict.fromkeys(("open_at", "close_at", "live_start_at", "currency"))])
async def test_what_is_not_given_takes_its_default(world: World, absent: dict[str, None]) -> None:
    reply = await create(world, **absent)
    expected = {
        "source_id": world.source,
        "game_id": reply["game_id"],
        "game_name": "G",
        "type": "t",
        "open_at": START_MS,
        "live_start_at": START_MS,
        "live_finish_at": None,
        "close_at": None,
        "hashtag": "#G",
    }
    assert_reply(reply, 340, actions={}, targets={"none": NONE}, **expected)
    shown = await details(world, reply)
    assert (shown["currency"], shown["image_url"]) == ("DON", None)


async def test_a_new_game_s_broadcast_is_the_first_of_its_sequence_and_equals_the_reply(world: World) -> None:
    reply = await create(world, actions="Goal", targets="A:1")
    assert (await world.user.call(363, game_id=reply["game_id"], after_seq=0))["recovered"]
    assert await world.user.expect(340) == as_broadcast(reply, 1)


@pytest.mark.parametrize("empty", ["", "None", None])
async def test_times_sent_as_empty_strings_or_none_are_absent(world: World, empty: str | None) -> None:
    times = dict.fromkeys(("open_at", "close_at", "live_start_at", "live_finish_at", "create_at"), empty)
    reply = await create(world, **times)
    assert [reply[name] for name in ("open_at", "live_start_at", "live_finish_at", "close_at")] == [
        START_MS,
        START_MS,
        None,
        None,
    ]


@pytest.mark.parametrize("empty", ["", None])
async def test_strings_and_lists_sent_empty_are_absent(world: World, empty: str | None) -> None:
    reply = await create(world, **dict.fromkeys(("currency", "hashtag", "image_url", "actions", "targets"), empty))
    assert (reply["hashtag"], reply["actions"], reply["targets"]) == ("#G", {}, {"none": NONE})
    shown = await details(world, reply)
    assert (shown["currency"], shown["image_url"]) == ("DON", None)


async def test_times_sent_as_strings_come_back_as_numbers(world: World) -> None:
    reply = await create(world, open_at="1417104170", close_at=str(START_MS + 1), live_finish_at="0", create_at="5")
    assert (reply["open_at"], reply["close_at"], reply["live_finish_at"]) == (1417104170, START_MS + 1, 0)


@pytest.mark.parametrize("name", ["open_at", "close_at", "live_start_at", "live_finish_at", "create_at"])
@pytest.mark.parametrize("value", [1.5, -1, True, "soon", "1.5", [], {}, 10**16, 2**63, 2**64])
async def test_what_is_no_time_is_refused_by_name(world: World, name: str, value: object) -> None:
    assert_refused(await create(world, **{name: value}), 370, "invalid_parameter", name)


@pytest.mark.parametrize(
    "times",
    [
        {"close_at": START_MS + 1},
        {"close_at": START_MS + 1, "open_at": 0},
        {"close_at": START_MS + 6, "open_at": START_MS + 5},
        {"close_at": START_MS + 6, "live_start_at": START_MS + 9},
        {"live_start_at": 5, "live_finish_at": 5},
        {"live_finish_at": 5},
    ],
)
async def test_times_that_agree_are_taken_as_given(world: World, times: dict[str, int]) -> None:
    for op in (370, 3701):
        reply = await create(world, op, **times)
        assert {name: reply[name] for name in times} == times


@pytest.mark.parametrize("op", [370, 3701])
@pytest.mark.parametrize(
    "times",
    [
        {"close_at": START_MS},
        {"close_at": START_MS - 1, "open_at": 0},
        {"close_at": START_MS + 5, "open_at": START_MS + 5},
        {"close_at": START_MS + 4, "open_at": START_MS + 5},
        {"close_at": 0},
    ],
)
async def test_close_at_must_be_later_than_open_at_and_now(world: World, op: int, times: dict[str, int]) -> None:
    assert_refused(await create(world, op, **times), op, "invalid_parameter", "close_at")


@pytest.mark.parametrize("op", [370, 3701])
async def test_live_finish_at_before_the_live_start_at_given_is_refused(world: World, op: int) -> None:
    reply = await create(world, op, live_start_at=10, live_finish_at=9)
    assert_refused(reply, op, "invalid_parameter", "live_finish_at")


@pytest.mark.parametrize(
    ("close_at", "hinted"), [(10**9 - 1, False), (10**9, True), (1417104170, True), (10**10 - 1, True), (10**10, False)]
)
async def test_a_close_at_that_looks_like_seconds_is_told_to_be_milliseconds(
    world: World, close_at: int, hinted: bool
) -> None:
    reply = await create(world, close_at=close_at)
    assert_refused(reply, 370, "invalid_parameter", "close_at")
    assert ("milliseconds" in reply["text"]) == hinted


async def test_a_game_whose_open_at_is_to_come_is_open_but_not_yet_active(world: World, clock: FakeClock) -> None:
    reply = await create(world, open_at=START_MS + 5, live_start_at=START_MS + 9)
    assert reply["open_at"] == START_MS + 5
    assert (await details(world, reply))["status"] == "betting_not_yet_active"
    assert reply["game_id"] in (await world.user.call(380, source_id=world.source))["games"]
    assert_refused(await world.provider.call(3702, game_id=reply["game_id"]), 3702, "conflict")
    clock.time_ms += 5
    assert (await details(world, reply))["status"] == "pre_game_betting_active"


@pytest.mark.parametrize("currency", ["EUR", "DON", "X12", "ABCDEFGHIJ", "JPY", "BHD"])
async def test_a_currency_of_3_to_10_capitals_and_digits_is_accepted(world: World, currency: str) -> None:
    assert (await details(world, await create(world, currency=currency)))["currency"] == currency


@pytest.mark.parametrize("currency", ["eur", "EU", "ABCDEFGHIJK", "1AB", "E R", "EUR\n", "ÄÖÜ", "E-R", 5, True])
async def test_any_other_currency_is_refused(world: World, currency: object) -> None:
    assert_refused(await create(world, currency=currency), 370, "invalid_parameter", "currency")


@pytest.mark.parametrize(
    ("name", "hashtag"),
    [
        ("Argentina - Brazil", "#ArgentinaBrazil"),
        ("FC Bayern (U19)", "#FCBayernU19"),
        ("Österreich - Türkiye", "#ÖsterreichTürkiye"),
        ("日本 - Côte d'Ivoire", "#日本CôteDIvoire"),
    ],
)
async def test_the_hashtag_is_made_from_the_game_s_name(world: World, name: str, hashtag: str) -> None:
    assert (await create(world, game_name=name))["hashtag"] == hashtag


async def test_a_hashtag_given_is_kept(world: World) -> None:
    reply = await create(world, hashtag="#ARGBRA")
    assert reply["hashtag"] == "#ARGBRA"
    assert (await details(world, reply))["hashtag"] == "#ARGBRA"


@pytest.mark.parametrize("url", ["http://example.org/a.png", "https://example.org", "HTTPS://e.org/?a=b#c"])
async def test_an_http_address_is_taken_as_the_image(world: World, url: str) -> None:
    assert (await details(world, await create(world, image_url=url)))["image_url"] == url


@pytest.mark.parametrize("url", ["ftp://e.org/a", "javascript:alert(1)", "example.org", "//e.org", "http://", 5])
async def test_an_image_at_any_other_address_is_refused(world: World, url: object) -> None:
    assert_refused(await create(world, image_url=url), 370, "invalid_parameter", "image_url")


@pytest.mark.parametrize(("parameter", "longest"), [("game_name", 256), ("type", 64)])
async def test_names_and_types_have_a_greatest_length(world: World, parameter: str, longest: int) -> None:
    assert (await create(world, **{parameter: "é" * longest}))[parameter] == "é" * longest
    assert_refused(await create(world, **{parameter: "é" * (longest + 1)}), 370, "invalid_parameter", parameter)


@pytest.mark.parametrize(
    ("actions", "shown"),
    [
        (["Yellow Card"], {"yellow-card": {"name": "Yellow Card"}}),
        ("Yellow Card,goal", {"yellow-card": {"name": "Yellow Card"}, "goal": {"name": "goal"}}),
        ([" Goal ", "", "  "], {"goal": {"name": "Goal"}}),
        (["Goal", "GOAL", "goal"], {"goal": {"name": "Goal"}}),
        (["Own__ goal"], {"own-goal": {"name": "Own__ goal"}}),
        (
            ["ﬁnish", "\uff27oal", "SS ß"],
            {"finish": {"name": "ﬁnish"}, "goal": {"name": "\uff27oal"}, "ss-ß": {"name": "SS ß"}},
        ),
        ([], {}),
        (" , ,", {}),
    ],
)
async def test_an_action_s_id_is_its_folded_name(world: World, actions: object, shown: dict[str, Any]) -> None:
    reply = await create(world, actions=actions)
    assert reply["actions"] == shown
    assert list(reply["actions"]) == list(shown)


@pytest.mark.parametrize(
    ("targets", "shown"),
    [
        (["Argentina:1"], {"argentina": node("arg", "Argentina", **{"1": node("1", "1")})}),
        (["A:B:C"], {"a": node("a", "A", b=node("b", "B", c=node("c", "C")))}),
        (["Côte d'Ivoire"], {"côte-d'ivoire": node("côt", "Côte d'Ivoire")}),
        (["Real  Madrid", "real_madrid", "REAL MADRID"], {"real-madrid": node("rea", "Real  Madrid")}),
        (["日本:香川 真司"], {"日本": node("日本", "日本", **{"香川-真司": node("香川-", "香川 真司")})}),
        (["Team : 7 "], {"team": node("tea", "Team", **{"7": node("7", "7")})}),
        (["a\uff1ab"], {"a": node("a", "a", b=node("b", "b"))}),
        (["🇦🇷", "Ⅳ"], {"🇦🇷": node("🇦🇷", "🇦🇷"), "iv": node("iv", "Ⅳ")}),
        (
            ["A:1", "B:1", "a:1"],
            {"a": node("a", "A", **{"1": node("1", "1")}), "b": node("b", "B", **{"1": node("1", "1")})},
        ),
        ("", {}),
    ],
)
async def test_targets_are_nested_by_their_folded_parts(world: World, targets: object, shown: dict[str, Any]) -> None:
    reply = await create(world, targets=targets)
    assert reply["targets"] == {**shown, "none": NONE}
    assert list(reply["targets"]) == [*shown, "none"]


async def test_none_is_not_added_where_it_is_sent(world: World) -> None:
    reply = await create(world, targets=["none", "A"])
    assert reply["targets"] == {"none": node("non", "none"), "a": node("a", "A")}


@pytest.mark.parametrize("target", ["a::b", ":a", "a:", ":", "a: :b", "none:1", "NONE:x", "a\x00b", "a\x1f", "x" * 129])
async def test_a_target_that_cannot_be_is_refused(world: World, target: str) -> None:
    assert_refused(await create(world, targets=["ok", target]), 370, "invalid_parameter", "targets")


@pytest.mark.parametrize("action", ["a:b", ":", "a\uff1ab", "a\x07b", "x" * 129])
async def test_an_action_that_cannot_be_is_refused(world: World, action: str) -> None:
    assert_refused(await create(world, actions=["ok", action]), 370, "invalid_parameter", "actions")


@pytest.mark.parametrize("name", ["actions", "targets"])
@pytest.mark.parametrize("value", [5, True, {}, [5], [None], [["a"]]])
async def test_a_list_is_an_array_of_strings_or_a_string(world: World, name: str, value: object) -> None:
    assert_refused(await create(world, **{name: value}), 370, "invalid_parameter", name)


async def test_parts_of_128_characters_are_accepted(world: World) -> None:
    reply = await create(world, actions=["x" * 128], targets=["y" * 128 + ":" + "z" * 128])
    assert list(reply["actions"]) == ["x" * 128]
    assert list(reply["targets"]["y" * 128]["targets"]) == ["z" * 128]


async def test_targets_are_nested_64_levels_deep_and_no_deeper(world: World) -> None:
    reply = await create(world, targets=[":".join(["Deep"] * 64)])
    depth, level = 0, reply["targets"]
    while "deep" in level:
        depth, level = depth + 1, level["deep"]["targets"]
    assert (depth, level) == (64, {})
    assert_refused(await create(world, targets=[":".join(["x"] * 65)]), 370, "invalid_parameter", "targets")


async def test_a_game_can_have_ten_thousand_targets(world: World) -> None:
    names = [f"Team {number % 100}:{number}" for number in range(10_000)]
    reply = await create(world, targets=",".join(names))
    assert len(reply["targets"]) == 101
    assert sum(len(team["targets"]) for team in reply["targets"].values()) == 10_000
    assert reply["targets"]["team-42"]["targets"]["9942"] == node("994", "9942")


async def test_more_than_the_20000_targets_or_1000_actions_of_a_game_are_refused(world: World) -> None:
    targets = [str(number) for number in range(20_001)]
    assert_refused(await create(world, targets=targets), 370, "invalid_parameter", "targets")
    actions = [str(number) for number in range(1_001)]
    assert_refused(await create(world, actions=actions), 370, "invalid_parameter", "actions")
    assert len((await create(world, actions=actions[:1_000]))["actions"]) == 1_000


async def test_the_limits_of_targets_and_actions_are_settings(database: Path) -> None:
    async with running_server(database, max_targets=5, max_actions=2, max_target_depth=3) as server:
        provider = await server.connect("provider")
        game: dict[str, Any] = {"source_id": await server.open_source(provider), "game_name": "G", "type": "t"}
        # Ancestors and "none" are targets too.
        for targets in ("a:b:c,d", "a:b:c,a:d", "a:b:c,a:b,a,d,none"):
            assert (await provider.call(370, **game, targets=targets, actions="a,b"))["res"] == 340
        assert_refused(await provider.call(370, **game, targets="a:b:c,d,e"), 370, "invalid_parameter", "targets")
        assert_refused(await provider.call(370, **game, targets="a:b:c:d"), 370, "invalid_parameter", "targets")
        assert_refused(await provider.call(370, **game, actions="a,b,c"), 370, "invalid_parameter", "actions")


async def test_a_refused_game_leaves_nothing_behind(world: World) -> None:
    before = await world.user.call(380, source_id=world.source)
    await create(world, targets=[str(number) for number in range(20_001)])
    assert (await world.user.call(380, source_id=world.source))["games"] == before["games"]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("gamename", "game_name"), ("closes_at", "close_at"), ("target", "targets"), ("hash_tag", "hashtag")],
)
async def test_a_misspelt_parameter_is_refused_with_the_nearest_known(world: World, sent: str, meant: str) -> None:
    reply = await create(world, **{sent: "x"})
    assert_refused(reply, 370, "invalid_parameter", sent)
    assert repr(meant) in reply["text"]


async def test_a_created_game_is_upcoming_and_has_nothing_to_bet_on_yet(world: World) -> None:
    reply = await create(world, 3701, game_name="A - B", open_at=START_MS + 5, close_at=START_MS + 9, hashtag="#AB")
    fields = {
        "source_id": world.source,
        "game_id": reply["game_id"],
        "game_name": "A - B",
        "type": "t",
        "open_at": START_MS + 5,
        "live_start_at": START_MS,
        "live_finish_at": None,
        "close_at": START_MS + 9,
        "hashtag": "#AB",
        "actions": {},
        "targets": {},
    }
    assert_reply(reply, 3401, **fields)
    assert (await world.user.call(363, game_id=reply["game_id"], after_seq=0))["seq"] == 1
    assert_broadcast(await world.user.expect(3401), 3401, 1, **fields)


async def test_an_upcoming_game_keeps_the_actions_and_targets_that_it_is_created_with(world: World) -> None:
    reply = await create(world, 3701, actions="Goal", targets="A:1")
    assert reply["actions"] == {"goal": {"name": "Goal"}}
    assert list(reply["targets"]) == ["a", "none"]
    told = await world.source_admin.call(3702, game_id=reply["game_id"], actions="Save", targets="B")
    assert (list(told["actions"]), list(told["targets"])) == (["goal", "save"], ["a", "none", "b"])


async def test_an_upcoming_game_does_not_open_by_itself(world: World, clock: FakeClock) -> None:
    reply = await create(world, 3701, open_at=START_MS + 5)
    clock.time_ms += 100
    assert (await details(world, reply))["status"] == "betting_not_yet_active"
    assert reply["game_id"] in (await world.user.call(3811, source_id=world.source))["games"]


async def test_opening_an_upcoming_game_adds_its_actions_and_targets_and_tells_who_joined(
    world: World, clock: FakeClock
) -> None:
    game = (await create(world, 3701, open_at=START_MS - 7, live_finish_at=START_MS + 50))["game_id"]
    assert (await world.user.call(363, game_id=game))["seq"] == 1
    clock.time_ms += 10
    reply = await world.source_admin.call(3702, game_id=game, actions=["Goal"], targets="Argentina,Argentina:1")
    assert_reply(
        reply,
        3402,
        source_id=world.source,
        game_id=game,
        game_name="G",
        type="t",
        actions={"goal": {"name": "Goal"}},
        targets={"argentina": node("arg", "Argentina", **{"1": node("1", "1")}), "none": NONE},
        open_at=START_MS - 7,
        live_start_at=START_MS,
        live_finish_at=START_MS + 50,
        close_at=None,
        hashtag="#G",
    )
    assert await world.user.expect(3402) == as_broadcast(reply, 2, START_MS + 10)
    assert (await world.user.call(372, game_id=game))["status"] == "game_in_progress_betting_active"
    assert game in (await world.user.call(380, source_id=world.source))["games"]
    assert game not in (await world.user.call(3811, source_id=world.source))["games"]


async def test_a_game_opened_without_actions_and_targets_has_none(world: World) -> None:
    reply = await world.provider.call(3702, game_id=world.upcoming)
    assert (reply["actions"], reply["targets"]) == ({}, {"none": NONE})


async def test_opening_an_open_game_is_a_conflict(world: World) -> None:
    assert (await world.provider.call(3702, game_id=world.upcoming))["res"] == 3402
    for game in (world.upcoming, world.game):
        assert_refused(await world.provider.call(3702, game_id=game), 3702, "conflict")


async def test_opening_a_closed_game_is_refused(world: World) -> None:
    for game in (world.upcoming, world.game):
        await world.provider.call(375, game_id=game)
        assert_refused(await world.provider.call(3702, game_id=game), 3702, "game_closed")


async def test_a_game_survives_a_restart_as_it_was(database: Path) -> None:
    async with running_server(database) as server:
        provider = await server.connect("provider")
        game = await server.open_game(provider, await server.open_source(provider))
        before = await provider.call(372, game_id=game)
        key = await server.key_of("provider")
    async with running_server(database) as server:
        client = await server.connect(headers=[(b"Authorization", b"Bearer " + key.encode())])
        after = await client.call(372, game_id=game)
        assert {**after, "response_header": before["response_header"]} == before


async def test_two_games_of_one_name_are_two_games(server: Server) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    assert len({await server.open_game(provider, source) for _ in range(3)}) == 3
