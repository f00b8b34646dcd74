"""Export of a game as facts, and replay of the facts to verify the game's outcome."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from gameserver.admin.facts import ReplayError
from gameserver.config import Settings
from gameserver.domain.money import read_amount, to_minor, to_units
from gameserver.engine.context import NOT_RECREATED, RETURNED, TIME_PASSED, Change
from gameserver.engine.returning import return_stakes
from gameserver.engine.scheduled import due_job
from gameserver.errors import Rejected, not_found
from gameserver.handlers.execution import WriteRequest, parse, write_job
from gameserver.protocol.betting import CancelBet, PlaceBetInBettingPool
from gameserver.protocol.codec import Undecodable, decode_request
from gameserver.protocol.declare import Request, tag_of
from gameserver.protocol.games import CreateAndOpenGame, CreateGame
from gameserver.protocol.pools import CreateAndOpenBettingPool, UpdateBettingPool
from gameserver.storage.bets import find_bet
from gameserver.storage.connection import Connection
from gameserver.storage.events import list_event_uuids
from gameserver.storage.games import Game, find_game, insert_game_admin
from gameserver.storage.journal import (
    JournalBet,
    JournalRow,
    list_journal,
    list_journal_bets,
    list_movements,
)
from gameserver.storage.ledger import get_balances, insert_credit
from gameserver.storage.outcomes import list_bet_outcomes
from gameserver.storage.pool_outcomes import list_pool_outcomes, list_pool_takeouts
from gameserver.storage.pools import (
    find_pool,
    get_pool,
    list_pool_uuids,
    update_recreate_on_end,
)
from gameserver.storage.schedule import next_due_at
from gameserver.storage.scores import get_score
from gameserver.storage.sources import SourceChange, insert_source, insert_source_admin, update_source
from gameserver.storage.users import User, insert_user

_CREATIONS = (tag_of(CreateAndOpenGame), tag_of(CreateGame))
_NO_LIMIT = 10**9
OnProgress = Callable[[int, int], None]
_BET = tag_of(PlaceBetInBettingPool)


def export_game(connection: Connection, game_uuid: str, now_ms: int) -> Iterator[dict[str, Any]]:
    """Yield the facts of a game, one dict a line: its head, its requests in order, and its outcome.

    Raises `Rejected` (``not_found``).
    """
    game = find_game(connection, game_uuid)
    if game is None:
        raise not_found("game_id", "game")
    yield {
        "fact": "game",
        "game_id": game.uuid,
        "currency": game.currency,
        "pools": list_pool_uuids(connection, game.id),
        "takeout_millionths": list_pool_takeouts(connection, game.id),
        "events": list_event_uuids(connection, game.id),
    }
    for row in _in_order(list_journal(connection, game.id), list_journal_bets(connection, game.id)):
        if isinstance(row, JournalRow):
            parameters = msgspec.json.decode(row.parameters)
            yield {"fact": "request", "at": row.at, "user_id": row.user_id, "op": row.op, "parameters": parameters}
        else:
            parameters = {
                "pool_id": row.pool_uuid,
                "target": row.target,
                "amount": str(to_units(row.amount, game.currency)),
            }
            about = {"at": row.at, "user_id": row.user_id, "op": _BET, "parameters": parameters, "bet_id": row.uuid}
            yield {"fact": "request", **about}
    # Work that fell due after the server stopped has not been done in this file.
    due_at = next_due_at(connection)
    lived_until = now_ms if due_at is None else min(now_ms, due_at - 1)
    yield {"fact": "outcome", "at": lived_until, **_outcome(connection, game, lambda user_id: user_id)}


def _in_order(rows: Iterator[JournalRow], bets: Iterator[JournalBet]) -> Iterator[JournalRow | JournalBet]:
    """Merge requests and bets: each bet follows the journal row that preceded it."""
    bet = next(bets, None)
    for row in rows:
        while bet is not None and bet.after_journal_id < row.id:
            yield bet
            bet = next(bets, None)
        yield row
    while bet is not None:
        yield bet
        bet = next(bets, None)


def _outcome(connection: Connection, game: Game, original: Callable[[int], int]) -> dict[str, Any]:
    """The outcome of a game, with amounts in minor units and users by their ids in the original."""
    return {
        "pools": [list(outcome) for outcome in list_pool_outcomes(connection, game.id)],
        "bets": [
            [original(bet.user_id), bet.amount, outcome.status.value, outcome.payout]
            for bet, outcome in list_bet_outcomes(connection, game.id)
        ],
        "balances": sorted(
            [kind, original(user_id) if user_id is not None else 0, amount]
            for kind, user_id, amount in list_movements(connection, game.id)
            if amount
        ),
        "score": [list(scored) for scored in (get_score(connection, game.id) or {}).items()],
    }


class Replay:
    """Repeats an exported game in a database of its own, which must be empty.

    ``on_progress`` is told how many of all requests have been repeated.
    """

    def __init__(
        self, connection: Connection, settings: Settings, on_progress: OnProgress = lambda done, total: None
    ) -> None:
        self._connection = connection
        self._on_progress = on_progress
        # The journal records what these limits prevented; the other limits refused requests, which are not journalled.
        self._settings = msgspec.structs.replace(settings, max_open_pools=_NO_LIMIT, max_unbacked_runs=_NO_LIMIT)
        self._users: dict[int, User] = {}
        self._bets: dict[str, str] = {}
        self._game: Game | None = None

    def run(self, lines: Iterable[dict[str, Any]]) -> list[str]:
        """Repeat every request at its time; returns the differences from the original's outcome, a sentence each.

        Raises `ReplayError` if the facts are incomplete or a request cannot be repeated.
        """
        facts = list(lines)
        shaped = len(facts) > 1 and all(isinstance(fact, dict) for fact in facts)
        if not shaped or facts[0].get("fact") != "game" or facts[-1].get("fact") != "outcome":
            raise ReplayError("this is not a complete export, which begins with the game and ends with the outcome")
        head, requests, outcome = facts[0], facts[1:-1], facts[-1]
        if not requests or requests[0].get("op") not in _CREATIONS:
            raise ReplayError("the journal of this game does not reach back to its beginning")
        self._head = head
        # How often each pool is still to end without being recreated, and the positions of those that are not open yet.
        self._not_recreated = Counter(
            self._position(fact["parameters"]["pool_id"]) for fact in requests if fact["op"] == NOT_RECREATED
        )
        self._unopened = sorted(self._not_recreated)
        admin = insert_user(self._connection, "admin", True, requests[0]["at"])
        assert admin is not None
        self._admin = admin
        self._source = insert_source(self._connection, "replay", None, 0, requests[0]["at"])
        insert_source_admin(self._connection, self._source.id, admin.id)
        self._add_bettors(requests)
        for number, fact in enumerate(requests, 2):
            self._on_progress(number - 2, len(requests))
            try:
                self._repeat(fact)
            except (Rejected, Undecodable, KeyError, IndexError, ValueError) as error:
                raise ReplayError(f"line {number}: {fact['op']} could not be repeated: {error}") from error
        self._let_time_pass(outcome["at"])
        return self._differences(outcome)

    def _add_bettors(self, requests: list[dict[str, Any]]) -> None:
        for user_id in dict.fromkeys(fact["user_id"] for fact in requests if fact["op"] == _BET):
            user = insert_user(self._connection, f"user{user_id}", False, requests[0]["at"])
            assert user is not None
            self._users[user_id] = user

    def _fund(self, user: User, bet: PlaceBetInBettingPool, now_ms: int) -> None:
        """Credit a bettor with what a bet costs beyond the balance here; in the original it came from other games."""
        currency = self._head["currency"]
        amount = to_minor(read_amount(bet.amount, "amount"), currency, "amount")
        missing = amount - get_balances(self._connection, user.id, currency).available
        if missing > 0:
            insert_credit(self._connection, user.id, currency, missing, now_ms)

    def _repeat(self, fact: dict[str, Any]) -> None:
        if fact["op"] == TIME_PASSED:
            self._let_time_pass(fact["parameters"]["due_at"] - 1)
            self._let_time_pass(fact["at"], late=True)
            return
        if fact["op"] == NOT_RECREATED:
            self._not_recreated[self._position(fact["parameters"]["pool_id"])] -= 1
            return
        self._let_time_pass(fact["at"])
        if fact["op"] == RETURNED:
            self._return(fact)
            return
        request = self._translated(fact)
        user = self._admin
        if isinstance(request, PlaceBetInBettingPool):
            user = self._users[fact["user_id"]]
            self._fund(user, request, fact["at"])
        elif isinstance(request, CancelBet):
            user = self._users[fact["user_id"]]
        elif isinstance(request, CreateAndOpenBettingPool):
            self._set_takeout()
        parsed = parse(request, self._settings)
        job = write_job(WriteRequest(request, parsed, None, user, fact["at"], self._settings))
        body = job(self._connection).body
        if isinstance(request, PlaceBetInBettingPool) and "bet_id" in fact:  # exports from before it lack it
            self._bets[fact["bet_id"]] = msgspec.json.decode(body)["bet_id"]
        if fact["op"] in _CREATIONS:
            self._game = find_game(self._connection, msgspec.json.decode(body)["game_id"])
            assert self._game is not None
            insert_game_admin(self._connection, self._game.id, self._admin.id)
        self._mark_not_recreated()
        if (
            isinstance(request, UpdateBettingPool)
            and self._not_recreated[self._position(fact["parameters"]["pool_id"])]
        ):
            self._turn_recreation_off(request.pool_id)

    def _position(self, pool_uuid: str) -> int:
        """The position of one of the original's pools among them."""
        position: int = self._head["pools"].index(pool_uuid)
        return position

    def _return(self, fact: dict[str, Any]) -> None:
        """Return running bets of a user, all in one pool."""
        parameters = fact["parameters"]
        found = (find_bet(self._connection, self._bets[uuid]) for uuid in parameters["bet_ids"])
        bets = [bet for bet in found if bet is not None]
        change = Change(self._connection, self._admin, fact["at"], self._settings)
        pool = get_pool(self._connection, bets[0].pool_id)
        return_stakes(change, self._users[parameters["user_id"]].id, pool, bets)

    def _mark_not_recreated(self) -> None:
        """Turn off recreation, from their opening on, of the pools that the original did not recreate."""
        while self._unopened and self._game is not None:
            uuids = list_pool_uuids(self._connection, self._game.id)
            if len(uuids) <= self._unopened[0]:
                return
            self._turn_recreation_off(uuids[self._unopened.pop(0)])

    def _turn_recreation_off(self, pool_uuid: str) -> None:
        pool = find_pool(self._connection, pool_uuid)
        assert pool is not None
        update_recreate_on_end(self._connection, pool.id, recreate_on_end=False)

    def _set_takeout(self) -> None:
        """Give the source the takeout with which the original opened its next pool."""
        assert self._game is not None
        takeout = self._head["takeout_millionths"]
        if isinstance(takeout, list):
            takeout = takeout[len(list_pool_uuids(self._connection, self._game.id))]
        update_source(self._connection, self._source.id, SourceChange(None, None, takeout, None))

    def _translated(self, fact: dict[str, Any]) -> Request:
        """The request with the replay's ids; pools and events correspond by their order."""
        parameters = dict(fact["parameters"])
        if "source_id" in parameters:
            parameters["source_id"] = self._source.uuid
        if "game_id" in parameters and self._game is not None:
            parameters["game_id"] = self._game.uuid
        if self._game is not None and parameters.get("pool_id") is not None:
            position = self._position(parameters["pool_id"])
            parameters["pool_id"] = list_pool_uuids(self._connection, self._game.id)[position]
        if self._game is not None and parameters.get("event_id") is not None:
            position = self._head["events"].index(parameters["event_id"])
            parameters["event_id"] = list_event_uuids(self._connection, self._game.id)[position]
        if "bet_id" in parameters:
            parameters["bet_id"] = self._bets[parameters["bet_id"]]
        return decode_request(msgspec.json.encode({"op": fact["op"], **parameters}).decode(), logged_in=True)

    def _let_time_pass(self, now_ms: int, *, late: bool = False) -> None:
        """Run the work due by ``now_ms``, each at its due time; if ``late``, all at ``now_ms``, as the original did."""
        while (due_at := next_due_at(self._connection)) is not None and due_at <= now_ms:
            due = due_job(self._settings, self._connection, now_ms if late else due_at)
            assert due is not None
            due.run(self._connection)
            self._mark_not_recreated()

    def _differences(self, outcome: dict[str, Any]) -> list[str]:
        assert self._game is not None
        originals = {user.id: original for original, user in self._users.items()}
        again = _outcome(self._connection, self._game, lambda user_id: originals[user_id])
        found = []
        for what in ("pools", "bets", "balances", "score"):
            before, now = outcome.get(what, []), again[what]  # exports of older versions know no score
            if len(before) != len(now):
                found.append(f"{what}: there were {len(before)}, now there are {len(now)}")
            for number, (was, has_become) in enumerate(zip(before, now, strict=False), 1):
                if list(was) != list(has_become):
                    found.append(f"{what}, number {number}: was {was}, now {has_become}")
        return found
