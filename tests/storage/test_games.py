import pytest
from msgspec.structs import replace

from gameserver.storage.connection import Connection
from gameserver.storage.games import (
    count_appointed_admins,
    find_game,
    get_game,
    insert_game_admin,
    is_game_admin,
    list_administered_games,
    list_open_games,
    list_unclosed_games,
    list_upcoming_games,
    update_game_closed,
    update_game_opened,
    update_image_url,
)
from gameserver.storage.sources import Source
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
    lists = (list_upcoming_games, list_open_games)
    assert [len(one(connection, source.id, None, 9)) for one in lists] == [1, 0]
    update_game_opened(connection, game.id, NOW)
    assert [len(one(connection, source.id, None, 9)) for one in lists] == [0, 1]
    update_game_closed(connection, game.id, NOW + 1)
    assert [len(one(connection, source.id, None, 9)) for one in lists] == [0, 0]
    assert get_game(connection, game.id).times.closed_at == NOW + 1


@pytest.mark.parametrize("upcoming", [False, True])
def test_games_are_listed_newest_first_a_page_at_a_time(connection: Connection, source: Source, upcoming: bool) -> None:
    games = [make_game(connection, source, upcoming=upcoming) for _ in range(5)]
    list_games = list_upcoming_games if upcoming else list_open_games
    assert list_games(connection, source.id, None, 2) == games[:2:-1]
    assert list_games(connection, source.id, games[3].id, 9) == games[2::-1]
    assert list_games(connection, source.id, games[0].id, 9) == []


def test_every_game_that_is_not_over_is_listed_oldest_first(connection: Connection, source: Source) -> None:
    games = [make_game(connection, source, upcoming=number % 2 == 0) for number in range(4)]
    update_game_closed(connection, games[1].id, NOW)
    update_game_closed(connection, games[2].id, NOW)
    assert list_unclosed_games(connection, source.id) == [games[0], games[3]]


def test_a_games_image_can_be_changed(connection: Connection, source: Source) -> None:
    game = make_game(connection, source)
    update_image_url(connection, game.id, "http://a/b")
    assert get_game(connection, game.id) == replace(game, image_url="http://a/b")


def test_a_user_is_an_admin_of_the_games_it_was_made_one_of(connection: Connection, source: Source) -> None:
    ann, ben = make_user(connection, "ann"), make_user(connection, "ben")
    games = [make_game(connection, source) for _ in range(3)]
    for game in games:
        insert_game_admin(connection, game.id, ann.id)
    assert is_game_admin(connection, games[0].id, ann.id)
    assert not is_game_admin(connection, games[0].id, ben.id)
    assert count_appointed_admins(connection, games[0]) == 1
    listed = list_administered_games(connection, ann.id, games[2].id, 1)
    assert listed == [(games[1].id, games[1].uuid, "A - B")]


@pytest.mark.parametrize(
    "where", ["opened_at IS NOT NULL AND closed_at IS NULL", "opened_at IS NULL AND closed_at IS NULL"]
)
def test_a_page_of_games_is_found_by_an_index(connection: Connection, where: str) -> None:
    query = f"SELECT id FROM games WHERE source_id = 1 AND id < 5 AND {where} ORDER BY id DESC LIMIT 3"
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "_games" in plan
    assert "TEMP B-TREE" not in plan
