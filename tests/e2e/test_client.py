"""The client over a real socket, and a server that is killed under it."""

from decimal import Decimal
from pathlib import Path

import trio

from gameserver import connect
from gameserver.client import Client
from gameserver.protocol.events import BetPoolResolved
from gameserver.protocol.games import GameClosed
from tests.support.process import UNLIMITED, add_user, serving
from tests.support.world import within

BETS = 40


async def open_pool(admin: Client) -> tuple[str, str]:
    """A game with a pool; their ids."""
    source = await admin.open_game_source(source_name="Cup")
    game = await admin.create_and_open_game(
        source_id=source.source_id, game_name="Final", type="football", actions="Goal", targets="Argentina,France"
    )
    await admin.become_an_admin_for_game(game_id=game.game_id)
    pool = await admin.create_and_open_betting_pool(
        game_id=game.game_id, description="Who scores?", action_id="goal", targets=["Argentina", "France"]
    )
    return game.game_id, pool.pool_id


async def test_bets_in_flight_when_the_server_is_killed_are_placed_once(database: Path) -> None:
    dev, ann = add_user(database, "dev", provider=True), add_user(database, "ann")
    with serving(database, *UNLIMITED) as server:
        url, port = server.url, str(server.address[1])
        async with within(40), connect(url, dev["session_key"]) as admin, connect(url, ann["session_key"]) as client:
            game, pool = await open_pool(admin)
            placed: list[str] = []
            heard: list[object] = []

            async def listen(task_status: trio.TaskStatus[None]) -> None:
                async for message in client.join(game):
                    if not heard:
                        task_status.started()
                    heard.append(message)

            async def bet() -> None:
                placed.append((await client.place_bet_in_betting_pool(pool_id=pool, target="france", amount=1)).bet_id)

            async with trio.open_nursery() as nursery:
                await nursery.start(listen)
                for _ in range(BETS // 2):
                    nursery.start_soon(bet)
                while len(placed) < 3:  # noqa: ASYNC110 - so that some are done and others in flight
                    await trio.sleep(0.001)
                server.kill()
                for _ in range(BETS // 2):
                    nursery.start_soon(bet)
                with serving(database, *UNLIMITED, "--port", port):
                    while len(placed) < BETS:  # noqa: ASYNC110
                        await trio.sleep(0.01)
                    details = await admin.get_betting_pool_bets_distribution(pool_id=pool)
                    assert details.bet_count == details.amount_total == BETS
                    assert (await client.get_my_available_balance()).available_balance == Decimal(1000 - BETS)
                    await admin.close_game(game_id=game)
                    while not isinstance(heard[-1], GameClosed):  # noqa: ASYNC110
                        await trio.sleep(0.01)
            assert sum(isinstance(message, BetPoolResolved) for message in heard) == 1
            assert len(set(placed)) == BETS
