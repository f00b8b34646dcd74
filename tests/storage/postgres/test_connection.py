import psycopg
import pytest

from gameserver.storage.postgres.connection import PostgresConnection, open_writer, without_password

TEXTS = ["", "a\0b", "\0", "\U0010fffe", "\U0010fffe0", "\U0010fffe\0\U0010fffe", "\U0010ffff", "50% of ? and %s"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_as_it_was_written(connection: PostgresConnection, text: str) -> None:
    connection.execute("CREATE TEMPORARY TABLE texts (text TEXT)")
    connection.execute("INSERT INTO texts VALUES (?)", (text,))
    connection.insert_many("texts", ["text"], [(text,), (text,)])
    assert connection.execute("SELECT text FROM texts").fetchall() == [(text,)] * 3
    assert connection.execute("SELECT count(*) FROM texts WHERE text = ?", (text,)).fetchone() == (3,)


def test_no_two_texts_are_written_alike(connection: PostgresConnection) -> None:
    connection.execute("CREATE TEMPORARY TABLE texts (text TEXT PRIMARY KEY)")
    connection.insert_many("texts", ["text"], [(text,) for text in TEXTS])
    assert connection.execute("SELECT count(*) FROM texts").fetchone() == (len(TEXTS),)


def test_conditions_and_sums_are_integers(connection: PostgresConnection) -> None:
    row = connection.execute("SELECT 1 = 1, 1 = 2, sum(n), ? FROM (VALUES (2), (3)) AS v (n)", (True,)).fetchone()
    assert list(map(repr, row)) == ["1", "0", "5", "1"]


def test_nothing_is_done_for_no_rows(connection: PostgresConnection) -> None:
    connection.insert_many("broadcasts", ["game_id", "seq", "sent_at", "bodies"], [])
    connection.update_many("bets", ["invalidated_by"], ["id"], [])
    assert (
        connection.execute_with("DELETE FROM users RETURNING (SELECT count(*) FROM given)", ["x"], []).fetchall() == []
    )
    assert connection.list_columns(["id"], "SELECT id FROM users", ()) == [[]]


def test_a_writer_s_commits_are_on_disk_whatever_the_server_s_default(location: str) -> None:
    with open_writer(f"{location}&options=-csynchronous_commit%3Doff") as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_an_url_is_named_without_its_password() -> None:
    assert without_password("postgresql://u:secret@a.example:5433/games") == "postgresql://a.example:5433/games"


def test_a_connection_that_is_cut_amid_statements_sent_together_is_lost(connection: PostgresConnection) -> None:
    (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()

    def send() -> None:
        with connection.together():
            connection.execute("SELECT 1")
            with psycopg.connect(connection.raw.info.dsn, autocommit=True) as killer:
                killer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            for _ in range(3):
                connection.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        send()
    assert connection.is_lost
