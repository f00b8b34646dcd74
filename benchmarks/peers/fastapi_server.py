"""Bets, events and game details as a good engineer would write them in an afternoon: FastAPI, SQLite, a commit each.

``python -m benchmarks.peers.fastapi_server FILE`` makes a database with users (keys "key-0", "key-1", …), a pool
(1) and a game of 60 targets (1) with 20 pools more, and 19 games besides, and serves it. What a bet must do, it does:
it knows the user by the key, looks whether the pool is open and the balance suffices, moves the money, and keeps the
pool's sums, durably. So does an event: it is counted, pays out the open pools on its action, each with a settlement,
and opens the same anew; what is told of all that is in a numbered log, for those who come back.
"""

import json
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
GAMES = 20

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE INDEX users_by_balance ON users (balance DESC, name);
CREATE TABLE sessions (key TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id)) WITHOUT ROWID;
CREATE TABLE games (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, currency TEXT NOT NULL, hashtag TEXT,
    open_at INTEGER NOT NULL, live_start_at INTEGER NOT NULL, live_finish_at INTEGER, close_at INTEGER,
    seq INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE game_admins (
    game_id INTEGER NOT NULL REFERENCES games (id), user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (game_id, user_id)
) WITHOUT ROWID;
CREATE TABLE actions (game_id INTEGER NOT NULL REFERENCES games (id), key TEXT NOT NULL, name TEXT NOT NULL);
CREATE INDEX actions_of_game ON actions (game_id);
CREATE TABLE targets (
    id INTEGER PRIMARY KEY, game_id INTEGER NOT NULL REFERENCES games (id),
    parent_id INTEGER REFERENCES targets (id), key TEXT NOT NULL, display_name TEXT NOT NULL
);
CREATE INDEX targets_of_game ON targets (game_id);
CREATE TABLE events (
    id TEXT PRIMARY KEY, game_id INTEGER NOT NULL REFERENCES games (id), action TEXT NOT NULL,
    target TEXT NOT NULL, happened_at INTEGER NOT NULL
);
CREATE INDEX events_of_game ON events (game_id, happened_at);
CREATE TABLE event_counts (
    game_id INTEGER NOT NULL REFERENCES games (id), action TEXT NOT NULL, target TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (game_id, action, target)
) WITHOUT ROWID;
CREATE TABLE pools (
    id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, game_id INTEGER NOT NULL REFERENCES games (id),
    is_open INTEGER NOT NULL DEFAULT 1, description TEXT NOT NULL, type INTEGER NOT NULL, action TEXT,
    takeout REAL NOT NULL DEFAULT 0, min_stake INTEGER NOT NULL DEFAULT 1, max_stake INTEGER,
    start_at INTEGER NOT NULL, finish_at INTEGER, stop_accepting_bets_at INTEGER,
    recreate_on_end INTEGER NOT NULL, recreated_from INTEGER REFERENCES pools (id),
    amount_total INTEGER NOT NULL DEFAULT 0, bet_count INTEGER NOT NULL DEFAULT 0,
    participants INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX open_pools ON pools (game_id, action) WHERE is_open = 1;
CREATE INDEX pools_of_game ON pools (game_id);
CREATE TABLE pool_targets (
    pool_id INTEGER NOT NULL REFERENCES pools (id), target TEXT NOT NULL, display_name TEXT NOT NULL,
    backing INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (pool_id, target)
) WITHOUT ROWID;
CREATE TABLE settlements (
    id INTEGER PRIMARY KEY, pool_id INTEGER NOT NULL REFERENCES pools (id),
    event_id TEXT NOT NULL REFERENCES events (id), winner TEXT NOT NULL, paid INTEGER NOT NULL,
    settled_at INTEGER NOT NULL
);
CREATE INDEX settlements_of_pool ON settlements (pool_id);
CREATE INDEX settlements_of_event ON settlements (event_id);
CREATE TABLE broadcasts (
    game_id INTEGER NOT NULL REFERENCES games (id), seq INTEGER NOT NULL, sent_at INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (game_id, seq)
);
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
    user_id = user_of(authorization)
    event_id, happened_at = str(uuid.uuid4()), now_ms()
    db.execute("BEGIN IMMEDIATE")
    try:
        admin = (event.game_id, user_id)
        if db.execute("SELECT 1 FROM game_admins WHERE game_id = ? AND user_id = ?", admin).fetchone() is None:
            raise HTTPException(403, "only for admins of the game")
        told = store_event(event_id, event, happened_at)
        cursor = db.cursor()
        cursor.row_factory = sqlite3.Row
        open_pools = "SELECT * FROM pools WHERE game_id = ? AND action = ? AND is_open = 1"
        for pool in map(dict, cursor.execute(open_pools, (event.game_id, event.action)).fetchall()):
            settle(pool, event_id, event.target, happened_at)
            if pool["recreate_on_end"]:
                open_anew(pool, happened_at)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return told


def store_event(event_id: str, event: Event, happened_at: int) -> dict[str, Any]:
    """Note and count an event; what is told of it."""
    what = (event.game_id, event.action, event.target)
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (event_id, *what, happened_at))
    db.execute("INSERT INTO event_counts VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", what)
    counts = db.execute(
        "SELECT target, count FROM event_counts WHERE game_id = ? AND action = ?", (event.game_id, event.action)
    )
    told = {
        "event": "new_game_event",
        "event_id": event_id,
        "game_id": event.game_id,
        "action_id": event.action,
        "target_id": event.target,
        "current_count": dict(counts),
        "happened_at": happened_at,
    }
    publish(event.game_id, told)
    return told


def publish(game_id: int, message: dict[str, Any]) -> None:
    """Put a message into the game's log, under the next number."""
    (seq,) = db.execute("UPDATE games SET seq = seq + 1 WHERE id = ? RETURNING seq", (game_id,)).fetchone()
    db.execute("INSERT INTO broadcasts VALUES (?, ?, ?, ?)", (game_id, seq, now_ms(), json.dumps(message)))


def settle(pool: dict[str, Any], event_id: str, winner: str, settled_at: int) -> None:
    """Share a pool's stakes among those who backed the winner, and tell it; they are given back if nobody did."""
    bets = db.execute("SELECT user_id, target, amount FROM bets WHERE pool_id = ?", (pool["id"],)).fetchall()
    total, backing = pool["amount_total"], sum(amount for _, backed, amount in bets if backed == winner)
    net: dict[int, int] = {}
    for user_id, backed, amount in bets:
        paid = amount if not backing else amount * total // backing if backed == winner else 0
        db.execute("UPDATE users SET balance = balance + ? WHERE id = ?", (paid, user_id))
        net[user_id] = net.get(user_id, 0) + paid - amount
    db.execute(
        "INSERT INTO settlements (pool_id, event_id, winner, paid, settled_at) VALUES (?, ?, ?, ?, ?)",
        (pool["id"], event_id, winner, total, settled_at),
    )
    db.execute("UPDATE pools SET is_open = 0, version = version + 1 WHERE id = ?", (pool["id"],))
    ended = {
        "event": "bet_pool_resolved",
        "pool_id": pool["uuid"],
        "game_id": pool["game_id"],
        "event_id": event_id,
        "winning_target": winner,
        "price": total / backing if backing else None,
        "description": pool["description"],
        "winners": {user: amount for user, amount in net.items() if amount > 0},
        "losers": {user: -amount for user, amount in net.items() if amount < 0},
        "is_money_return": not backing,
        "amount_total": total,
        "participants": pool["participants"],
        "version": pool["version"] + 1,
        "resolved_at": settled_at,
    }
    publish(pool["game_id"], ended)


# What a pool has in common with the one it is opened anew from.
KEPT = ("game_id", "description", "type", "action", "takeout", "min_stake", "max_stake", "recreate_on_end")
NEW_POOL = (
    f"INSERT INTO pools ({', '.join(KEPT)}, uuid, start_at, recreated_from)"
    f" VALUES ({', '.join('?' * len(KEPT))}, ?, ?, ?)"
)


def open_anew(pool: dict[str, Any], start_at: int) -> None:
    """Open a pool like one that has ended, and tell it."""
    pool_uuid = str(uuid.uuid4())
    new = (*(pool[column] for column in KEPT), pool_uuid, start_at, pool["id"])
    pool_id = db.execute(NEW_POOL, new).lastrowid
    targets = db.execute("SELECT target, display_name FROM pool_targets WHERE pool_id = ?", (pool["id"],)).fetchall()
    db.executemany(
        "INSERT INTO pool_targets (pool_id, target, display_name) VALUES (?, ?, ?)",
        [(pool_id, target, display_name) for target, display_name in targets],
    )
    opened = {
        "event": "new_betting_pool",
        "pool_id": pool_uuid,
        **{column: pool[column] for column in KEPT},
        "participants": 0,
        "amount_total": 0,
        "bet_count": 0,
        "distribution": {
            target: {"display_name": display_name, "backing_people": 0, "backing_money": 0}
            for target, display_name in targets
        },
        "start_at": start_at,
        "finish_at": None,
        "stop_accepting_bets_at": None,
        "status": "open",
        "recreated_from": pool["uuid"],
        "version": 1,
    }
    publish(pool["game_id"], opened)


async def active_games(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """The games that are open, newest first."""
    user_of(authorization)
    rows = db.execute(
        "SELECT id, name, type, open_at, live_start_at, close_at, currency, hashtag,"
        " (SELECT count(*) FROM pools WHERE pools.game_id = games.id AND is_open = 1)"
        " FROM games WHERE close_at IS NULL OR close_at > ? ORDER BY id DESC LIMIT 100",
        (now_ms(),),
    ).fetchall()
    columns = ("name", "type", "open_at", "live_start_at", "close_at", "currency", "hashtag", "open_pools")
    return {"games": {str(game_id): dict(zip(columns, rest, strict=True)) for game_id, *rest in rows}, "next": None}


async def leaderboard(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """The 100 users who have most."""
    user_of(authorization)
    rows = db.execute("SELECT id, name, balance FROM users ORDER BY balance DESC, name LIMIT 100").fetchall()
    shown: list[dict[str, Any]] = []
    for position, (user_id, name, points) in enumerate(rows):
        rank = shown[-1]["rank"] if shown and shown[-1]["points"] == points else position + 1
        shown.append({"user_id": user_id, "username": name, "points": points, "rank": rank, "position": position})
    return {"leaderboard": shown, "total": USERS}


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
app.get("/games")(active_games)
app.get("/leaderboard")(leaderboard)
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
    db.executemany("INSERT INTO games VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", ((n + 1, *game) for n in range(GAMES)))
    db.executemany("INSERT INTO game_admins VALUES (1, ?)", ((n + 1,) for n in range(10)))
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
    for action in (None, *["goal"] * 20):
        new = (1, "Who scores next?", 1, action, 0, 1, None, True, str(uuid.uuid4()), now_ms(), None)
        pool_id = db.execute(NEW_POOL, new).lastrowid
        db.executemany(
            "INSERT INTO pool_targets (pool_id, target, display_name) VALUES (?, ?, ?)",
            ((pool_id, name.lower(), name) for name in ("Argentina", "Brazil", "None")),
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
