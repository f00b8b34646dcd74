import trio

from tests.support.harness import Server


async def test_two_connections_of_a_game_hear_of_its_close(server: Server) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    game = await server.open_game(provider, source)
    ann, bob = await server.connect("ann"), await server.connect("bob")
    assert (await ann.call(363, game_id=game))["seq"] == 1
    await bob.call(363, game_id=game)
    assert (await ann.expect(470))["user_name"] == "bob"
    await provider.call(375, game_id=game)
    with trio.fail_after(2):
        assert (await ann.expect(341))["response_header"]["seq"] == 2
        assert (await bob.expect(341))["game_id"] == game
    assert (await bob.call(363, game_id=game))["code"] == "game_closed"
    reply = await bob.call(363, game_id=game, after_seq=0)
    assert reply["recovered"]
    assert [m["res"] for m in await bob.heard()] == [340, 341]
