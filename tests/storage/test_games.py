import pytest
from msgspec.structs import replace

from gameserver.storage.connection import Connection
from gameserver.storage.games import (
    Listed,
    count_appointed_admins,
    find_game,
    get_game,
    insert_game_admin,
    is_game_admin,
    list_administered_games,
    list_games,
    list_unclosed_games,
    update_details,
    update_game_closed,
    update_game_opened,
)
from gameserver.storage.sources import Source
from gameserver.storage.sqlite.connection import SqliteConnection
from tests.support.rows import NOW, make_game, make_source, make_user


@pytest.fixture
def source(connection: Connection) -> Source:
    """A source without games."""
    make_game(connection)
    return make_source(connection, "Other")


def test_a_game_is_found_by_its_id_on_the_wire(connection: Connection, source: Source) -> None:
    game = make_game(connection, source)
    assert find_game(connection, game.uuid) == get_game(connection, game.id) == game
    assert game.source_uuid == source.uuid
    assert find_game(connection, source.uuid) is None


def test_a_game_is_upcoming_then_open_then_over(connection: Connection, source: Source) -> None:
    game = make_game(connection, source, upcoming=True)

    def listed() -> list[Listed]:
        return [those for those in Listed if list_games(connection, source.id, those, None, 9)]

    assert listed() == [Listed.UPCOMING, Listed.ALL]
    update_game_opened(connection, game.id, NOW)
    assert listed() == [Listed.OPEN, Listed.ALL]
    update_game_closed(connection, game.id, NOW + 1)
    assert listed() == [Listed.CLOSED, Listed.ALL]
    assert get_game(connection, game.id).times.closed_at == NOW + 1


@pytest.mark.parametrize("listed", Listed)
def test_games_are_listed_newest_first_a_page_at_a_time(connection: Connection, source: Source, listed: Listed) -> None:
    games = [make_game(connection, source, upcoming=listed is Listed.UPCOMING) for _ in range(5)]
    if listed is Listed.CLOSED:
        for game in games:
            update_game_closed(connection, game.id, NOW)
        games = [get_game(connection, game.id) for game in games]
    assert list_games(connection, source.id, listed, None, 2) == games[:2:-1]
    assert list_games(connection, source.id, listed, games[3].id, 9) == games[2::-1]
    assert list_games(connection, source.id, listed, games[0].id, 9) == []


def test_every_game_that_is_not_over_is_listed_oldest_first(connection: Connection, source: Source) -> None:
    games = [make_game(connection, source, upcoming=number % 2 == 0) for number in range(4)]
    update_game_closed(connection, games[1].id, NOW)
    update_game_closed(connection, games[2].id, NOW)
    assert list_unclosed_games(connection, source.id) == [games[0], games[3]]


def test_of_a_game_its_details_are_changed_and_of_others_nothing(connection: Connection, source: Source) -> None:
    game, other = make_game(connection, source), make_game(connection, source)
    changed = replace(game, name="B - A", image_url="http://a/b", close_at=NOW + 9, chat="off")
    update_details(connection, replace(changed, seq=7, type="chess"))
    assert get_game(connection, game.id) == changed
    assert get_game(connection, other.id) == other


def test_a_user_is_an_admin_of_the_games_it_was_made_one_of(connection: Connection, source: Source) -> None:
    ann, ben = make_user(connection, "ann"), make_user(connection, "ben")
    games = [make_game(connection, source) for _ in range(3)]
    for game in games:
        insert_game_admin(connection, game.id, ann.id)
    assert is_game_admin(connection, games[0].id, ann.id)
    assert not is_game_admin(connection, games[0].id, ben.id)
    assert count_appointed_admins(connection, games[0]) == 1
    listed = list_administered_games(connection, ann.id, games[2].id, 1)
    assert listed == [games[1]]


@pytest.mark.parametrize("listed", Listed)
def test_a_page_of_games_is_found_by_an_index(connection: SqliteConnection, listed: Listed) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    list_games(connection, 1, listed, 5, 3)
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}"))
    assert "games USING INDEX" in plan
    assert "TEMP B-TREE" not in plan
