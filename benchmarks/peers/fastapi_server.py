"""Bets, events and game details as a good engineer would write them in an afternoon: FastAPI, SQLite, a commit each.

``python -m benchmarks.peers.fastapi_server FILE`` makes a database with users (keys "key-0", "key-1", …), a pool (1)
and a game of 60 targets (1) with 20 pools more, and serves it. What a bet must do, it does: it knows the user by the
key, looks whether the pool is open and the balance suffices, moves the money, and keeps the pool's sums, durably. An
event pays out the open pools on its action, and opens the same anew.
"""

import socket
import sqlite3
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException

USERS = 1_000

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE TABLE sessions (key TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id)) WITHOUT ROWID;
CREATE TABLE games (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, currency TEXT NOT NULL, hashtag TEXT,
    open_at INTEGER NOT NULL, live_start_at INTEGER NOT NULL, live_finish_at INTEGER, close_at INTEGER
);
CREATE TABLE actions (game_id INTEGER NOT NULL REFERENCES games (id), key TEXT NOT NULL, name TEXT NOT NULL);
CREATE INDEX actions_of_game ON actions (game_id);
CREATE TABLE targets (
    id INTEGER PRIMARY KEY, game_id INTEGER NOT NULL REFERENCES games (id),
    parent_id INTEGER REFERENCES targets (id), key TEXT NOT NULL, display_name TEXT NOT NULL
);
CREATE INDEX targets_of_game ON targets (game_id);
CREATE TABLE events (
    id INTEGER PRIMARY KEY, game_id INTEGER NOT NULL REFERENCES games (id), action TEXT NOT NULL,
    target TEXT NOT NULL, happened_at INTEGER NOT NULL
);
CREATE INDEX events_of_game ON events (game_id, happened_at);
CREATE TABLE pools (
    id INTEGER PRIMARY KEY, game_id INTEGER NOT NULL REFERENCES games (id), is_open INTEGER NOT NULL,
    action TEXT, winner TEXT, resolved_at INTEGER,
    amount_total INTEGER NOT NULL DEFAULT 0, bet_count INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX open_pools ON pools (game_id, action) WHERE is_open = 1;
CREATE TABLE pool_targets (
    pool_id INTEGER NOT NULL REFERENCES pools (id), target TEXT NOT NULL, backing INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (pool_id, target)
) WITHOUT ROWID;
CREATE TABLE bets (
    id TEXT PRIMARY KEY, pool_id INTEGER NOT NULL REFERENCES pools (id),
    user_id INTEGER NOT NULL REFERENCES users (id), target TEXT NOT NULL, amount INTEGER NOT NULL,
    placed_at INTEGER NOT NULL
);
CREATE INDEX bets_of_pool ON bets (pool_id);
"""


@dataclass
class Bet:
    """What a player sends."""

    pool_id: int
    target: str
    amount: int


@dataclass
class Event:
    """What an operator sends."""

    game_id: int
    action: str
    target: str


app = FastAPI()
db = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False)


def user_of(authorization: str) -> int:
    """The user whose key it is."""
    row = db.execute("SELECT user_id FROM sessions WHERE key = ?", (authorization.removeprefix("Bearer "),)).fetchone()
    if row is None:
        raise HTTPException(401, "no such key")
    user_id: int = row[0]
    return user_id


async def place_bet(bet: Bet, authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """Take a bet, on disk before it is acknowledged."""
    user_id = user_of(authorization)
    if bet.amount <= 0:
        raise HTTPException(400, "amount must be positive")
    bet_id, placed_at = str(uuid.uuid4()), now_ms()
    db.execute("BEGIN IMMEDIATE")
    try:
        pool = db.execute("SELECT is_open FROM pools WHERE id = ?", (bet.pool_id,)).fetchone()
        if pool is None or not pool[0]:
            raise HTTPException(409, "the pool is not open")
        paid = db.execute(
            "UPDATE users SET balance = balance - ? WHERE id = ? AND balance >= ?",
            (bet.amount, user_id, bet.amount),
        )
        if not paid.rowcount:
            raise HTTPException(409, "insufficient funds")
        backed = db.execute(
            "UPDATE pool_targets SET backing = backing + ? WHERE pool_id = ? AND target = ?",
            (bet.amount, bet.pool_id, bet.target),
        )
        if not backed.rowcount:
            raise HTTPException(400, "no such target")
        db.execute(
            "UPDATE pools SET amount_total = amount_total + ?, bet_count = bet_count + 1 WHERE id = ?",
            (bet.amount, bet.pool_id),
        )
        db.execute(
            "INSERT INTO bets VALUES (?, ?, ?, ?, ?, ?)",
            (bet_id, bet.pool_id, user_id, bet.target, bet.amount, placed_at),
        )
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return {
        "bet_id": bet_id, "pool_id": bet.pool_id, "target": bet.target, "amount": bet.amount, "placed_at": placed_at,
    }  # fmt: skip


async def register_event(event: Event, authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """Note an event, and pay out and open anew the pools on its action, all on disk before it is acknowledged."""
    user_of(authorization)
    happened_at = now_ms()
    db.execute("BEGIN IMMEDIATE")
    try:
        event_id = db.execute(
            "INSERT INTO events (game_id, action, target, happened_at) VALUES (?, ?, ?, ?)",
            (event.game_id, event.action, event.target, happened_at),
        ).lastrowid
        open_pools = db.execute(
            "SELECT id, amount_total FROM pools WHERE game_id = ? AND action = ? AND is_open = 1",
            (event.game_id, event.action),
        ).fetchall()
        for pool_id, total in open_pools:
            pay_out(pool_id, total, event.target)
            db.execute(
                "UPDATE pools SET is_open = 0, winner = ?, resolved_at = ? WHERE id = ?",
                (event.target, happened_at, pool_id),
            )
            successor = db.execute(
                "INSERT INTO pools (game_id, is_open, action) VALUES (?, 1, ?)", (event.game_id, event.action)
            ).lastrowid
            db.execute(
                "INSERT INTO pool_targets (pool_id, target) SELECT ?, target FROM pool_targets WHERE pool_id = ?",
                (successor, pool_id),
            )
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return {"event_id": event_id, "pools": [pool_id for pool_id, _ in open_pools], "happened_at": happened_at}


def pay_out(pool_id: int, total: int, target: str) -> None:
    """Share a pool's stakes among those who backed the target; give them back if nobody did."""
    bets = db.execute("SELECT user_id, target, amount FROM bets WHERE pool_id = ?", (pool_id,)).fetchall()
    backing = sum(amount for _, backed, amount in bets if backed == target)
    for user_id, backed, amount in bets:
        paid = amount if not backing else amount * total // backing if backed == target else 0
        db.execute("UPDATE users SET balance = balance + ? WHERE id = ?", (paid, user_id))


async def game_details(game_id: int, authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """A game with its actions, nested targets and past events."""
    user_of(authorization)
    game = db.execute(
        "SELECT name, type, currency, hashtag, open_at, live_start_at, live_finish_at, close_at"
        " FROM games WHERE id = ?",
        (game_id,),
    ).fetchone()
    if game is None:
        raise HTTPException(404, "no such game")
    name, kind, currency, hashtag, open_at, live_start_at, live_finish_at, close_at = game
    actions = db.execute("SELECT key, name FROM actions WHERE game_id = ?", (game_id,)).fetchall()
    events = db.execute(
        "SELECT id, action, target, happened_at FROM events WHERE game_id = ? ORDER BY happened_at DESC LIMIT 100",
        (game_id,),
    ).fetchall()
    return {
        "game_id": game_id,
        "name": name,
        "game_name": name,
        "type": kind,
        "currency": currency,
        "hashtag": hashtag,
        "status": "game_closed" if close_at is not None and close_at <= now_ms() else "game_in_progress",
        "actions": {key: {"name": shown} for key, shown in actions},
        "targets": nested_targets(game_id),
        "open_at": open_at,
        "live_start_at": live_start_at,
        "live_finish_at": live_finish_at,
        "close_at": close_at,
        "past_events": {
            str(event_id): {"action_id": action, "target_id": target, "happened_at": happened_at}
            for event_id, action, target, happened_at in events
        },
    }


def nested_targets(game_id: int) -> dict[str, Any]:
    """The tree, made of its rows: a parent comes before its children."""
    tree: dict[str, Any] = {}
    nodes: dict[int, dict[str, Any]] = {}
    rows = db.execute("SELECT id, parent_id, key, display_name FROM targets WHERE game_id = ? ORDER BY id", (game_id,))
    for target_id, parent_id, key, display_name in rows:
        node: dict[str, Any] = {"symbol": key[:3], "display_name": display_name, "targets": {}}
        nodes[target_id] = node
        (tree if parent_id is None else nodes[parent_id]["targets"])[key] = node
    return tree


app.post("/bets")(place_bet)
app.post("/events")(register_event)
app.get("/games/{game_id}")(game_details)


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def fill() -> None:
    """Users, a pool and a game."""
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}")
    db.executescript(SCHEMA)
    db.execute("BEGIN")
    db.executemany("INSERT INTO users VALUES (?, ?, 100000000)", ((n + 1, f"player{n}") for n in range(USERS)))
    db.executemany("INSERT INTO sessions VALUES (?, ?)", ((f"key-{n}", n + 1) for n in range(USERS)))
    game = ("Argentina - Brazil", "football", "DON", "#ArgentinaBrazil", now_ms(), now_ms(), None, None)
    db.execute("INSERT INTO games VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", game)
    db.executemany("INSERT INTO actions VALUES (1, ?, ?)", [("goal", "Goal"), ("offside", "Offside")])
    for name in ("Argentina", "Brazil", "None"):
        team = db.execute(
            "INSERT INTO targets (game_id, key, display_name) VALUES (1, ?, ?)", (name.lower(), name)
        ).lastrowid
        players = range(1, 30) if name != "None" else ()
        db.executemany(
            "INSERT INTO targets (game_id, parent_id, key, display_name) VALUES (1, ?, ?, ?)",
            ((team, str(number), str(number)) for number in players),
        )
    db.execute("INSERT INTO pools (id, game_id, is_open) VALUES (1, 1, 1)")
    db.executemany("INSERT INTO pool_targets (pool_id, target) VALUES (1, ?)", [("argentina",), ("brazil",), ("none",)])
    for _ in range(20):
        pool_id = db.execute("INSERT INTO pools (game_id, is_open, action) VALUES (1, 1, 'goal')").lastrowid
        db.executemany(
            "INSERT INTO pool_targets (pool_id, target) VALUES (?, ?)",
            ((pool_id, target) for target in ("argentina", "brazil", "none")),
        )
    db.execute("COMMIT")


def main() -> None:
    """Serve until terminated."""
    fill()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
