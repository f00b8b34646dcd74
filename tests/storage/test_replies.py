import pytest

from gameserver.storage.connection import Connection, NotAlone
from gameserver.storage.replies import NewReply, StoredReply, delete_old_replies, find_replies, insert_replies
from tests.support.rows import NOW, make_user

REPLY = StoredReply(b"d" * 32, b'{"res":1}')


@pytest.fixture
def ann(connection: Connection) -> int:
    """A user's id."""
    return make_user(connection).id


def insert_reply(connection: Connection, user_id: int, key: str, reply: StoredReply, now_ms: int) -> None:
    insert_replies(connection, [NewReply(user_id, key, reply.digest, now_ms, reply.body)], kept_ms=0)


def find_reply(connection: Connection, user_id: int, key: str, since: int) -> StoredReply | None:
    return find_replies(connection, {(user_id, key): since}).get((user_id, key))


def test_a_reply_is_found_by_its_user_and_key_alone(connection: Connection, ann: int) -> None:
    ben = make_user(connection, "ben").id
    insert_reply(connection, ann, "k", REPLY, NOW)
    assert find_reply(connection, ann, "k", NOW) == REPLY
    assert find_reply(connection, ann, "K", NOW) is None
    assert find_reply(connection, ben, "k", NOW) is None


def test_a_reply_that_is_too_old_is_not_found_and_is_replaced(connection: Connection, ann: int) -> None:
    insert_reply(connection, ann, "k", REPLY, NOW)
    assert find_reply(connection, ann, "k", NOW + 1) is None
    newer = StoredReply(b"e" * 32, b"{}")
    insert_reply(connection, ann, "k", newer, NOW + 1)
    assert find_reply(connection, ann, "k", NOW + 1) == newer


def test_a_reply_that_another_transaction_has_stored_meanwhile_is_not_replaced(
    connection: Connection, ann: int
) -> None:
    insert_reply(connection, ann, "k", REPLY, NOW)
    with pytest.raises(NotAlone):
        insert_reply(connection, ann, "k", StoredReply(b"e" * 32, b"{}"), NOW)
    assert find_reply(connection, ann, "k", NOW) == REPLY


def test_old_replies_are_removed_a_batch_at_a_time(connection: Connection, ann: int) -> None:
    for number in range(4):
        insert_reply(connection, ann, str(number), REPLY, NOW + number)
    assert [delete_old_replies(connection, NOW + 3, 2) for _ in range(3)] == [2, 1, 0]
    assert find_reply(connection, ann, "3", 0) == REPLY
