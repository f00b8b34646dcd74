"""A database with a past: games, pools and bets in any number, made quickly and sound by ``gameserver check``."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gameserver.admin.commands import AddUser, Command, CreditUser, perform
from gameserver.config import Settings
from gameserver.handlers.execution import WriteRequest, parse, write_job
from gameserver.protocol.codec import decode_request
from gameserver.storage.ids import new_uuid
from gameserver.storage.ledger import AccountKind, account_id
from gameserver.storage.secret import load_secret
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import migrate
from gameserver.storage.users import User

START_MS = int(time.time() * 1000)
STAKE = 100


class History:
    """Writes a past into a database file that no server has open."""

    def __init__(self, file: Path) -> None:
        self._secret = load_secret(file, None)
        self._settings = Settings()
        self.connection = open_writer(file)
        self.connection.execute("PRAGMA synchronous = OFF")
        migrate(self.connection)
        self.connection.execute("BEGIN")

    def close(self) -> None:
        """Commit everything."""
        self.connection.execute("COMMIT")
        self.connection.close()

    def command(self, command: Command) -> dict[str, Any]:
        """Carry out a command of the command line."""
        body = perform(self.connection, command, self._secret, self._settings, START_MS).body
        answer: dict[str, Any] = msgspec.json.decode(body)
        return answer

    def bettors(self, count: int, prefix: str = "bettor") -> list[int]:
        """Users with plenty of points; their ids."""
        ids = []
        for number in range(count):
            user = self.command(AddUser(f"{prefix}{number}"))
            self.command(CreditUser(user["username"], "1000000", "DON"))
            ids.append(user["id"])
        return ids

    def request(self, user: User, op: int, **parameters: Any) -> dict[str, Any]:
        """Carry out a request as a user; the reply."""
        request = decode_request(msgspec.json.encode({"op": op, **parameters}).decode(), logged_in=True)
        parsed = parse(request, self._settings)
        job = write_job(WriteRequest(request, parsed, None, user, START_MS, self._settings))
        body = job(self.connection).body
        reply: dict[str, Any] = msgspec.json.decode(body)
        return reply

    def game_with_pool(self, admin: User, source_id: str) -> tuple[str, str]:
        """An open game with a pool on its two teams; their ids."""
        game = self.request(
            admin,
            370,
            source_id=source_id,
            game_name="Argentina - Brazil",
            type="football",
            actions=["Goal"],
            targets=["Argentina", "Brazil"],
        )
        self.request(admin, 616, game_id=game["game_id"])
        pool = self.request(
            admin,
            385,
            game_id=game["game_id"],
            description="Next goal",
            action_id="goal",
            targets=["Argentina", "Brazil"],
        )
        return game["game_id"], pool["pool_id"]

    def place_bets(self, pool_uuid: str, bettors: list[int], count: int) -> None:
        """That many first bets of a pool, in turn by each bettor and on each target, of many different stakes."""
        execute = self.connection.execute
        pool, game = execute("SELECT id, game_id FROM pools WHERE uuid = ?", (pool_uuid,)).fetchone()
        (journal,) = execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()
        (first,) = execute("SELECT coalesce(max(id), 0) + 1 FROM bets").fetchone()
        account = partial(account_id, self.connection)
        accounts = {
            user: (account(AccountKind.AVAILABLE, "DON", user), account(AccountKind.STAKED, "DON", user))
            for user in bettors
        }
        chosen = [
            (bettors[number % len(bettors)], number // len(bettors) % 2, STAKE + number * 7 % 997)
            for number in range(count)
        ]
        previous = [None] * len(bettors) + list(range(first, first + count))  # of each, that of his last turn
        self.connection.executemany(
            "INSERT INTO bets"
            " (id, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id, previous_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (first + number, new_uuid(START_MS), pool, user, position, stake, START_MS, journal, previous[number])
                for number, (user, position, stake) in enumerate(chosen)
            ),
        )
        self.connection.executemany(
            "INSERT INTO transfers (debit_id, credit_id, amount, reason, bet_id, made_at)"
            " VALUES (?, ?, ?, 'stake', ?, ?)",
            ((*accounts[user], stake, first + number, START_MS) for number, (user, _, stake) in enumerate(chosen)),
        )
        self.connection.executemany(
            "INSERT INTO participations (user_id, game_id, pool_id, first_bet_at) VALUES (?, ?, ?, ?)",
            [(user, game, pool, START_MS) for user in dict.fromkeys(user for user, _, _ in chosen)],
        )
        execute(
            "INSERT INTO stakes SELECT user_id, pool_id, position, sum(amount), count(*), max(id) FROM bets"
            " WHERE pool_id = ? GROUP BY user_id, position",
            (pool,),
        )
        execute(
            "UPDATE pools SET (amount_total, bet_count, participants, version, last_bet_at) ="
            " (SELECT sum(amount), count(*), count(DISTINCT user_id), version + count(*), max(placed_at)"
            " FROM bets WHERE pool_id = ?) WHERE id = ?",
            (pool, pool),
        )
        execute(
            "UPDATE pool_targets SET (backing_money, backing_people) ="
            " (SELECT coalesce(sum(amount), 0), count(DISTINCT user_id) FROM bets"
            "  WHERE pool_id = ? AND position = pool_targets.position) WHERE pool_id = ?",
            (pool, pool),
        )
