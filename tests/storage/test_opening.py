import subprocess
import sys

import pytest

from gameserver.storage.opening import DatabaseMissing, EngineMissing, holding, is_url, require_file, require_url


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("postgresql://db.example/games", True),
        ("postgres://db.example/games", True),
        ("postgresql:///games?host=/run/postgresql", True),
        ("data/gameserver.db", False),
        ("/var/lib/postgresql://x", False),
        ("postgresql.db", False),
    ],
)
def test_a_database_is_a_file_unless_it_is_named_by_an_url(database: str, expected: bool) -> None:
    assert is_url(database) is expected


def test_without_its_extra_postgresql_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for opening in (require_url, lambda url: holding(url, "5e" * 32).__enter__()):
        with pytest.raises(EngineMissing, match=r"pip install 'gameserver\[postgres\]'"):
            opening("postgresql://db.example/games")


def test_what_is_for_one_kind_of_database_is_refused_for_the_other() -> None:
    with pytest.raises(DatabaseMissing, match="is done to a file"):
        require_file("postgresql://db.example/games")
    with pytest.raises(DatabaseMissing, match="is not the URL of a PostgreSQL database"):
        require_url("data/gameserver.db")


def test_a_server_on_a_file_does_without_the_extra() -> None:
    program = "import sys, gameserver.cli; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
