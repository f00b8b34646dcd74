import pytest

from gameserver.storage.connection import Connection
from gameserver.storage.users import (
    NOBODY,
    Session,
    User,
    delete_expired_sessions,
    delete_sessions,
    find_user,
    get_session,
    insert_session,
    insert_user,
    list_live_sessions,
    list_session_ids,
    spend_nonce,
)
from tests.support.rows import NOW, make_user


@pytest.fixture
def ann(connection: Connection) -> User:
    """A user."""
    return make_user(connection, "Ann")


def open_session(connection: Connection, user: User, at: int = NOW, lifetime: int = 1000) -> Session:
    session_id, _ = insert_session(connection, user.id, at, at + lifetime, 10)
    session = get_session(connection, session_id, at)
    assert session is not None
    return session


def test_users_are_numbered_from_one(connection: Connection) -> None:
    assert [make_user(connection, name).id for name in ("a", "b")] == [1, 2]


def test_a_number_is_not_used_again(connection: Connection, ann: User) -> None:
    connection.execute("DELETE FROM users")
    assert make_user(connection, "Ben").id == ann.id + 1


@pytest.mark.parametrize("name", ["Ann", "ann", "ANN"])
def test_a_name_is_taken_and_found_in_any_case(connection: Connection, ann: User, name: str) -> None:
    assert insert_user(connection, name, is_provider=True, now_ms=NOW) is None
    assert find_user(connection, name) == ann


def test_an_unknown_name_is_not_found(connection: Connection, ann: User) -> None:
    assert find_user(connection, "an") is None


def test_a_provider_stays_one(connection: Connection) -> None:
    make_user(connection, "pat", is_provider=True)
    assert find_user(connection, "pat") == User(1, "pat", is_provider=True)


def test_a_session_is_live_until_it_expires(connection: Connection, ann: User) -> None:
    session = open_session(connection, ann)
    assert session.user == ann
    assert get_session(connection, session.id, session.expires_at - 1) == session
    assert get_session(connection, session.id, session.expires_at) is None


def test_no_session_key_looks_like_a_flag(connection: Connection, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: "-o")
    assert not open_session(connection, ann).id.startswith("-")


def test_only_live_sessions_of_the_user_are_listed(connection: Connection, ann: User) -> None:
    ben = make_user(connection, "ben")
    expired = open_session(connection, ann, NOW - 1000)
    live = open_session(connection, ann)
    open_session(connection, ben)
    assert list_live_sessions(connection, ann.id, NOW) == [live]
    assert set(list_session_ids(connection, ann.id)) == {expired.id, live.id}


def test_a_session_too_many_ends_the_oldest(connection: Connection, ann: User) -> None:
    ids = [insert_session(connection, ann.id, NOW + number, NOW + 9999, 3)[0] for number in range(3)]
    newest, ended = insert_session(connection, ann.id, NOW + 3, NOW + 9999, 3)
    assert ended == ids[:1]
    assert set(list_session_ids(connection, ann.id)) == {*ids[1:], newest}


def test_a_new_session_is_never_the_one_that_ends(connection: Connection, ann: User) -> None:
    for number in range(3):
        session_id, ended = insert_session(connection, ann.id, NOW - number, NOW + 9999, 1)
        assert session_id not in ended
    assert list_session_ids(connection, ann.id) == [session_id]


def test_another_users_sessions_do_not_count(connection: Connection, ann: User) -> None:
    open_session(connection, make_user(connection, "ben"))
    assert insert_session(connection, ann.id, NOW, NOW + 1, 1)[1] == []


def test_view_keys_are_counted_apart(connection: Connection, ann: User) -> None:
    session = open_session(connection, ann)
    views = [insert_session(connection, ann.id, NOW + n, NOW + 9999, 2, is_view=True) for n in range(3)]
    assert [ended for _, ended in views] == [[], [], [views[0][0]]]
    assert insert_session(connection, ann.id, NOW + 3, NOW + 9999, 2)[1] == []
    assert insert_session(connection, ann.id, NOW + 4, NOW + 9999, 2)[1] == [session.id]
    live = list_live_sessions(connection, ann.id, NOW + 5)
    assert [it.id for it in live if it.is_view] == [views[2][0], views[1][0]]


def test_a_view_key_reads_as_nobody(connection: Connection, ann: User) -> None:
    session_id, _ = insert_session(connection, ann.id, NOW, NOW + 9999, 2, is_view=True)
    view, session = get_session(connection, session_id, NOW), open_session(connection, ann)
    assert view is not None
    assert (view.user, view.reader, session.reader) == (ann, NOBODY, ann)


def test_a_nonce_is_spent_once_by_its_user(connection: Connection, ann: User) -> None:
    ben = open_session(connection, make_user(connection, "ben"))
    session, other = open_session(connection, ann), open_session(connection, ann)
    assert spend_nonce(connection, session, "n", NOW)
    assert not spend_nonce(connection, session, "n", NOW)
    assert not spend_nonce(connection, other, "n", NOW)
    assert spend_nonce(connection, session, "m", NOW)
    assert spend_nonce(connection, ben, "n", NOW)


def test_a_nonce_is_free_again_once_the_key_it_was_used_with_ends(connection: Connection, ann: User) -> None:
    first, second = open_session(connection, ann), open_session(connection, ann)
    assert spend_nonce(connection, first, "n", NOW)
    delete_sessions(connection, [first.id])
    assert spend_nonce(connection, second, "n", NOW)


def test_a_nonce_is_free_again_once_the_key_it_was_used_with_expires(connection: Connection, ann: User) -> None:
    short, long = open_session(connection, ann, lifetime=10), open_session(connection, ann)
    assert spend_nonce(connection, short, "n", NOW)
    assert not spend_nonce(connection, long, "n", NOW + 9)
    assert spend_nonce(connection, long, "n", NOW + 10)
    assert not spend_nonce(connection, long, "n", NOW + 11)


def test_a_session_that_has_ended_spends_nothing(connection: Connection, ann: User) -> None:
    session = open_session(connection, ann)
    assert not spend_nonce(connection, session, "n", session.expires_at)
    delete_sessions(connection, [session.id])
    assert not spend_nonce(connection, session, "n", NOW)


def test_expired_sessions_are_removed_a_batch_at_a_time(connection: Connection, ann: User) -> None:
    for _ in range(3):
        spend_nonce(connection, open_session(connection, ann, lifetime=10), "n", NOW)
    live = open_session(connection, ann, lifetime=11)
    assert [delete_expired_sessions(connection, NOW + 10, 2) for _ in range(3)] == [[ann.id] * 2, [ann.id], []]
    assert list_session_ids(connection, ann.id) == [live.id]
    assert connection.execute("SELECT count(*) FROM spent_nonces").fetchone() == (0,)
