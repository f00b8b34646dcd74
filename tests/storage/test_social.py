from gameserver.storage.check import find_faults
from gameserver.storage.connection import Connection
from gameserver.storage.social import forget_social
from gameserver.storage.sqlite.connection import SqliteConnection
from tests.operations.test_chat import history
from tests.support.harness import FakeClock, Server
from tests.support.people import People
from tests.support.settling import accepted
from tests.support.world import build_world

TABLES = {
    "chat_lines": ("sender_id",),
    "chat_paces": ("user_id",),
    "mutes": ("user_id",),
    "friendships": ("user_id", "friend_id"),
    "friend_requests": ("sender_id", "receiver_id"),
    "blocks": ("user_id", "blocked_id"),
}


def rows_of(connection: Connection, user_id: int) -> dict[str, int]:
    """How many rows name a user, in each column that does."""
    return {
        f"{table}.{column}": connection.execute(
            f"SELECT count(*) FROM {table} WHERE {column} = ?", (user_id,)
        ).fetchone()[0]
        for table, columns in TABLES.items()
        for column in columns
    }


def test_the_tables_that_are_forgotten_are_all_that_name_users_socially(connection: SqliteConnection) -> None:
    """Every other table that refers to users is listed here: what is new must be decided on."""
    kept = {
        "sessions",
        "sources",
        "source_admins",
        "game_admins",
        "journal",
        "audit",
        "login_addresses",
        "bets",
        "stakes",
        "participations",
        "accounts",
        "source_bettors",
        "standings",
        "game_records",
        "user_records",
        "points_by_day",
        "stored_replies",
    }
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%REFERENCES users%'").fetchall()
    assert {name for (name,) in tables} - kept == set(TABLES)


async def test_of_whose_account_is_deleted_nothing_is_left_in_chats_and_among_friends(
    server: Server, clock: FakeClock
) -> None:
    world, people = await build_world(server), People(server)
    for name in ("ann", "bob"):
        client = await people.client(name)
        await accepted(client, 363, game_id=world.game)
        await accepted(client, 900, text=f"I am {name}")
        mute = {"game_id": world.game, "user_id": people.ids[name], "duration_s": 60}
        await accepted(world.game_admin, 904, **mute)
    await people.befriend("ann", "bob")
    for name, other in (("ann", "cat"), ("dan", "ann"), ("bob", "cat")):
        await people.ask(name, other)
    for name, other in (("ann", "eve"), ("eve", "ann"), ("bob", "eve")):
        await people.act(name, 467, other)
    ann, bob = people.ids["ann"], people.ids["bob"]
    counts = await server.context.store.read(lambda connection: rows_of(connection, ann))
    assert 0 not in counts.values(), "the test has a row of each"
    before = await server.context.store.read(lambda connection: rows_of(connection, bob))
    await server.context.store.write(lambda connection: forget_social(connection, ann), clock.now_ms())
    counts = await server.context.store.read(lambda connection: rows_of(connection, ann))
    assert set(counts.values()) == {0}
    after = await server.context.store.read(lambda connection: rows_of(connection, bob))
    lost = {"friendships.user_id": 0, "friendships.friend_id": 0, "friend_requests.receiver_id": 0}
    assert after == before | lost
    assert await history(world.user, world.game) == ["I am bob"]
    assert await people.friends("cat") == {"friends": [], "incoming": ["bob"], "outgoing": []}
    assert await server.context.store.read(find_faults) == []  # type: ignore[arg-type]
