"""A bug in telling what is on disk: who may have missed something is sent away, and everything else goes on."""

import logging
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest
import trio

from gameserver.net.outbox import Outbox
from gameserver.realtime import requests as requests_module
from gameserver.realtime.hub import Hub
from gameserver.realtime.hubs import Hubs
from tests.support.harness import Client, Server, running_server

pytestmark = pytest.mark.expects_errors


class Bug(Exception):
    """What nobody has thought of."""


class Stage:
    """A game with an admin, and clients who have joined it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def prepare(self) -> None:
        self.admin = await self.server.connect("provider")
        self.source = await self.server.open_source(self.admin)
        self.game = await self.server.open_game(self.admin, self.source)
        self.elsewhere = await self.server.open_game(self.admin, self.source)

    async def joined(self, name: str, game: str, after_seq: int | None = None) -> Client:
        client = await self.server.connect(name)
        reply = await client.call(363, game_id=game, after_seq=after_seq)
        assert reply["res"] == 333, reply
        return client

    async def update(self, game: str) -> None:
        assert (await self.admin.call(373, game_id=game, actions=["Corner"]))["res"] == 343


@pytest.fixture
async def stage(database: Path) -> AsyncIterator[Stage]:
    async with running_server(database, close_timeout_s=0.1) as server:
        made = Stage(server)
        await made.prepare()
        with trio.fail_after(10):
            yield made


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["response_header"]["seq"] for message in messages if "seq" in message["response_header"]]


def fail_at_push(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Let the push of that number fail, once."""
    push, pushes = Outbox.push, iter(range(1, 1_000))

    def push_or_fail(self: Outbox, frames: bytes, about: Collection[str] = ()) -> None:
        if next(pushes) == at:
            raise Bug
        push(self, frames, about)

    monkeypatch.setattr(Outbox, "push", push_or_fail)


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_push_that_fails_half_way_sends_all_subscribers_away_and_the_hub_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    clients = [await stage.joined(f"user{number}", stage.game) for number in range(3)]
    other = await stage.joined("other", stage.elsewhere)
    fail_at_push(monkeypatch, at)
    await stage.update(stage.game)
    assert [await client.close_code() for client in clients] == [4009] * 3
    again = await stage.joined("user0", stage.game, 1)
    await stage.update(stage.game)
    await stage.update(stage.elsewhere)
    assert seqs(await again.heard()) == [2, 3]
    assert seqs(await other.heard()) == [2]
    assert any(isinstance(record.exc_info and record.exc_info[1], Bug) for record in caplog.records)


async def test_who_watches_the_source_is_sent_away_where_it_may_have_missed_a_game(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = await stage.server.connect("watcher", f"/?source={stage.source}")
    fail_at_push(monkeypatch, 1)
    await stage.server.open_game(stage.admin, stage.source)
    assert await watcher.close_code() == 4009


@pytest.mark.parametrize("where", ["publish", "flush"])
async def test_who_joins_after_a_failure_is_answered_and_gets_what_the_log_has(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    subscriber = await stage.joined("user0", stage.game)
    with monkeypatch.context() as patched:
        if where == "publish":
            patched.setattr(Hub, "publish", raise_bug)
        else:
            fail_at_push(patched, 1)
        await stage.update(stage.game)
        assert await subscriber.close_code() == 4009
        live = await stage.joined("live", stage.game)
        back = await stage.joined("back", stage.game, 0)
    await stage.update(stage.game)
    assert seqs(await live.heard()) == [3]
    assert seqs(await back.heard()) == [1, 2, 3]


def raise_bug(*arguments: object, **parameters: object) -> None:
    raise Bug


async def test_a_change_that_cannot_be_told_sends_away_those_whom_it_concerns_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber, other = await stage.joined("user0", stage.game), await stage.joined("other", stage.elsewhere)
    with monkeypatch.context() as patched:
        patched.setattr(Hubs, "publish", raise_bug)
        await stage.update(stage.game)
    assert await subscriber.close_code() == 4009
    await stage.update(stage.elsewhere)
    assert seqs(await other.heard()) == [2]


async def test_who_may_not_have_heard_what_is_said_in_a_game_is_sent_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber, other = await stage.joined("user0", stage.game), await stage.joined("other", stage.elsewhere)
    with monkeypatch.context() as patched:
        patched.setattr(Hubs, "announce", raise_bug)
        await other.call(363, game_id=stage.game)
        await other.call(364, game_id=stage.game)
        await subscriber.send({"op": 900, "text": "Hello"})
        assert await subscriber.close_code() == 4009
    assert (await other.call(900, text="Hello"))["res"] == 900


async def test_a_user_who_may_not_have_been_told_of_its_balance_is_sent_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await stage.admin.call(616, game_id=stage.game))["res"] == 640
    reply = await stage.admin.call(385, game_id=stage.game, description="?", action_id="goal", targets=["argentina"])
    ann, bob = await stage.server.connect("ann"), await stage.server.connect("bob")
    with monkeypatch.context() as patched:
        patched.setattr("gameserver.realtime.publisher.BalanceUpdate", raise_bug)
        await ann.send({"op": 392, "pool_id": reply["pool_id"], "target": "argentina", "amount": 1})
        assert await ann.close_code() == 4009
    assert (await bob.call(800))["current_balance"] == 1000


async def test_who_watches_the_source_is_sent_away_by_what_watchers_are_told_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = await stage.server.connect("watcher", f"/?source={stage.source}")
    await stage.joined("user", stage.game)
    with monkeypatch.context() as patched:
        patched.setattr(Hubs, "publish", raise_bug)
        for game in (stage.game, stage.elsewhere):
            await stage.update(game)
        assert await watcher.heard() == []
        assert (await stage.admin.call(375, game_id=stage.game))["res"] == 341
        assert await watcher.close_code() == 4009


@pytest.mark.parametrize("closed", ["with", "without"])
async def test_who_watches_misses_no_end_of_a_game_with_or_without_subscribers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    watcher = await stage.server.connect("watcher", f"/?source={stage.source}")
    await stage.joined("user", stage.game)
    monkeypatch.setattr(Hubs, "publish", raise_bug)
    game = stage.game if closed == "with" else stage.elsewhere
    assert (await stage.admin.call(375, game_id=game))["res"] == 341
    assert await watcher.close_code() == 4009


async def test_who_may_miss_the_distribution_with_a_bet_is_sent_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await stage.admin.call(616, game_id=stage.game))["res"] == 640
    reply = await stage.admin.call(385, game_id=stage.game, description="?", action_id="goal", targets=["argentina"])
    subscriber, other = await stage.joined("user", stage.game), await stage.joined("other", stage.elsewhere)
    ann = await stage.server.connect("ann")
    with monkeypatch.context() as patched:
        patched.setattr(Hubs, "note_bet", raise_bug)
        await ann.send({"op": 392, "pool_id": reply["pool_id"], "target": "argentina", "amount": 1})
        assert await subscriber.close_code() == 4009
    assert await other.heard() == []


async def test_the_details_of_every_game_that_a_change_concerns_are_true_though_it_could_not_be_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def statuses() -> list[str]:
        return [(await stage.admin.call(372, game_id=game))["status"] for game in (stage.game, stage.elsewhere)]

    assert await statuses() == ["game_in_progress_betting_active"] * 2
    with monkeypatch.context() as patched:
        patched.setattr(Hubs, "publish", raise_bug)
        assert (await stage.admin.call(366, source_id=stage.source))["res"] == 336
    assert await statuses() == ["game_closed"] * 2


async def test_a_change_that_cannot_be_answered_closes_its_connection_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await stage.server.connect("ann")
    with monkeypatch.context() as patched:
        patched.setattr(requests_module, "MessageFrames", raise_bug)
        await stage.admin.send({"op": 373, "game_id": stage.game, "actions": ["Corner"]})
        assert await stage.admin.close_code() == 4009
    assert any(isinstance(record.exc_info and record.exc_info[1], Bug) for record in caplog.records)
    assert (await ann.call(372, game_id=stage.game))["seq"] == 2


async def test_what_a_receiver_lets_through_does_not_end_the_writer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(stage.server.context.store.writer, "_publish", raise_bug)
        await stage.update(stage.game)
    await stage.update(stage.game)
    assert any(record.levelno == logging.ERROR for record in caplog.records)
