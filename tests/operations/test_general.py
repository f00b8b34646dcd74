import pytest

from gameserver.protocol.registry import OPERATIONS
from tests.support.harness import START_MS, FakeClock, Server
from tests.support.world import assert_refused, assert_reply

OPCODES = {
    "ping": 1,
    "get_opcodes": 2,
    "logon": 100,
    "open_game_source": 365,
    "close_game_source": 366,
    "list_game_sources_i_am_admin_of": 611,
    "add_source_admin": 367,
    "create_and_open_game": 370,
    "create_game": 3701,
    "open_game": 3702,
    "become_an_admin_for_game": 616,
    "appoint_admin_for_game_by_username": 617,
    "list_games_i_am_admin_of": 610,
    "get_game_details": 372,
    "update_game_details": 373,
    "join_game": 363,
    "leave_game": 364,
    "close_game": 375,
    "list_games_for_source": 380,
    "list_upcoming_games_for_source": 3811,
}
RESPONSE_CODES = {
    "pong": 1,
    "opcodes": 2,
    "logon_success": 100,
    "logon_fail": 110,
    "logon_fail_already_logged_in": 112,
    "game_source_opened": 335,
    "game_source_closed": 336,
    "game_sources_i_am_admin_of_list": 621,
    "source_admin_added": 337,
    "game_created_and_opened": 340,
    "game_created": 3401,
    "game_opened": 3402,
    "become_an_admin_for_game_success": 640,
    "become_an_admin_for_game_fail": 645,
    "game_admin_appointed": 617,
    "games_i_am_admin_of_list": 620,
    "game_details": 342,
    "game_details_updated": 343,
    "game_joined": 333,
    "user_joined_game": 470,
    "presence_update": 471,
    "game_left": 334,
    "user_left_game": 480,
    "game_closed": 341,
    "games_list_for_source": 345,
    "upcoming_games_list_for_source": 3461,
}


@pytest.mark.parametrize("id_", ["a", "x" * 64, "", 0, -5, 7_000_000_000])
async def test_ping_gets_pong_with_the_id_sent_and_the_server_s_time(server: Server, id_: str | int) -> None:
    client = await server.connect()
    await client.send({"header": {"id": id_}, "op": 1})
    assert await client.receive() == {"response_header": {"t": START_MS, "id": id_}, "res": 1}


@pytest.mark.parametrize(
    "text", ['{"op":1}', '{"header":{},"op":1}', '{"header":null,"op":1}', '{"op":1,"header":{"id":null}}']
)
async def test_a_reply_without_an_id_sent_has_none(server: Server, text: str) -> None:
    client = await server.connect()
    await client.send(text)
    assert await client.socket.get_message() == f'{{"response_header":{{"t":{START_MS}}},"res":1}}'


async def test_the_time_of_a_reply_never_steps_back(server: Server, clock: FakeClock) -> None:
    client = await server.connect()
    clock.time_ms += 5_000
    assert (await client.call(1))["response_header"]["t"] == START_MS + 5_000
    clock.time_ms -= 10_000
    assert (await client.call(1))["response_header"]["t"] == START_MS + 5_000


@pytest.mark.parametrize("version", [1, 1.0, "1", "1.0", None, ""])
async def test_api_version_1_is_served_in_each_of_its_spellings(server: Server, version: object) -> None:
    client = await server.connect()
    assert_reply(await client.call(1, header={"api_version": version, "t": 5, "shoe_size": 44}), 1)


@pytest.mark.parametrize("version", [2, 0, "2", "2.0", "one", True])
async def test_another_api_version_is_unsupported(server: Server, version: object) -> None:
    client = await server.connect()
    reply = await client.call(1, header={"api_version": version})
    assert (reply["code"], reply["op"]) == ("unsupported_version", 1)


async def test_the_opcodes_list_every_operation_and_message_of_the_contract(server: Server) -> None:
    client = await server.connect()
    reply = await client.call(2)
    assert set(reply) == {"response_header", "res", "opcodes", "response_codes"}
    assert reply["opcodes"].items() >= OPCODES.items()
    assert reply["response_codes"].items() >= RESPONSE_CODES.items()
    assert sorted(reply["opcodes"].values()) == sorted(OPERATIONS)


async def test_a_response_code_is_listed_for_every_reply_and_broadcast_declared(server: Server) -> None:
    client = await server.connect()
    listed = set((await client.call(2))["response_codes"].values())
    for operation in OPERATIONS.values():
        for message in (*operation.replies, *operation.broadcasts):
            assert message.__struct_config__.tag in listed


@pytest.mark.parametrize("op", [0, -1, 3, 666, 999_999])
async def test_an_operation_that_does_not_exist_is_unknown(server: Server, op: int) -> None:
    client = await server.connect("ann")
    assert_refused(await client.call(op), op, "unknown_op")


async def test_requests_sent_at_once_are_answered_in_the_order_sent(server: Server) -> None:
    client = await server.connect("provider")
    for number in range(30):
        op, parameters = (365, {"source_name": "S"}) if number % 3 == 0 else (611 if number % 3 == 1 else 1, {})
        await client.send({"header": {"id": number}, "op": op, **parameters})
    replies = [await client.receive() for _ in range(30)]
    assert [reply["response_header"]["id"] for reply in replies] == list(range(30))
    # Each sees what those before it have done.
    assert [len(reply["sources"]) for reply in replies if reply["res"] == 621] == list(range(1, 11))
