from gameserver.storage.connection import Connection
from gameserver.storage.sources import (
    find_source,
    get_source,
    insert_source,
    insert_source_admin,
    is_source_admin,
    list_administered_sources,
    list_sources,
    update_source_closed,
)
from tests.support.rows import NOW, make_source, make_user


def test_a_source_comes_back_as_it_was_made(connection: Connection) -> None:
    source = insert_source(connection, "House", "About it", 150_000, NOW)
    assert find_source(connection, source.uuid) == get_source(connection, source.id) == source
    assert (source.name, source.description, source.takeout_millionths, source.closed_at) == (
        "House",
        "About it",
        150_000,
        None,
    )


def test_an_unknown_source_is_not_found(connection: Connection) -> None:
    assert find_source(connection, "x") is None


def test_a_closed_source_says_when(connection: Connection) -> None:
    source = make_source(connection)
    update_source_closed(connection, source.id, NOW)
    assert get_source(connection, source.id).closed_at == NOW


def test_an_admin_is_one_of_that_source_alone_and_once(connection: Connection) -> None:
    ann, one, other = make_user(connection), make_source(connection), make_source(connection)
    for _ in range(2):
        insert_source_admin(connection, one.id, ann.id)
    assert is_source_admin(connection, one.id, ann.id)
    assert not is_source_admin(connection, other.id, ann.id)
    assert list_sources(connection) == [(one, ["ann"]), (other, [])]


def test_sources_of_a_user_are_listed_newest_first_a_page_at_a_time(connection: Connection) -> None:
    ann, ben = make_user(connection), make_user(connection, "ben")
    sources = [make_source(connection) for _ in range(4)]
    for source in sources:
        insert_source_admin(connection, source.id, ann.id)
    insert_source_admin(connection, sources[0].id, ben.id)
    assert list_administered_sources(connection, ann.id, None, 2) == sources[:1:-1]
    assert list_administered_sources(connection, ann.id, sources[2].id, 9) == sources[1::-1]
    assert list_administered_sources(connection, ben.id, None, 9) == sources[:1]
