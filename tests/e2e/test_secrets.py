"""A session key proves its user: nothing that is stored or logged may be enough to log in."""

import base64
import hashlib
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.process import Player, ServerProcess, add_user, playing, serving


def digest(user_id: int, nonce: str, key: str) -> str:
    return hashlib.sha256(f"{user_id}{nonce}{key}".encode()).hexdigest()


def beginnings_of(key: str) -> list[bytes]:
    """What must not be found of a key: its secret part, as it is written and as the bytes it stands for."""
    secret = key.partition(".")[2]
    decoded = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    hashed = hashlib.sha256(key.encode())
    return [secret[:20].encode(), decoded, decoded.hex().encode(), hashed.digest(), hashed.hexdigest().encode()]


def test_a_key_is_in_no_database_file_nor_in_a_backup(database: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    user = add_user(database, "ann")
    with serving(database) as server:
        with playing(server.url, user["session_key"]) as ann, playing(server.url, None) as other:
            assert ann.call(1)["res"] == 1
            n, key = "some nonce", user["session_key"]
            proof = digest(user["id"], n, key)
            assert other.call(100, id=user["id"], n=n, h=proof)["session_key"] == key
            view_key = ann.call(101, header={"key": "k1"})["session_key"]
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        files = [backup, *(path for path in tmp_path.glob(f"{database.name}*") if path.is_file())]
        assert {backup.name, database.name, f"{database.name}-wal"} <= {file.name for file in files}
        secret = next(file.read_bytes() for file in files if file.name.endswith(".secret"))
        for file in files:
            content = file.read_bytes()
            parts = [*beginnings_of(key), *beginnings_of(view_key), proof.encode()]
            assert not any(part in content for part in parts), file
            assert secret not in content or file.name.endswith(".secret")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_log_holds_no_key_nonce_or_hash_nor_any_query_string(database: Path, log_format: str) -> None:
    user = add_user(database, "ann", provider=True)
    key, wrong_key = user["session_key"], f"{user['session_key'].partition('.')[0]}.{'W' * 43}"
    nonces = [f"nonce-{number}-of-a-test" for number in range(4)]
    proofs = [digest(user["id"], nonce, key) for nonce in nonces]
    with serving(database, "--log-level", "debug", "--log-format", log_format) as server:
        log_in_all_ways(server, user["id"], key, nonces, proofs)
        fail_to_log_in(server, user["id"], wrong_key, nonces[0], proofs[0])
        assert server.stop() == 0
        log = server.log.read_text()
    assert "debug" in log.lower()
    assert "logon_failed" in log
    secrets = [key.partition(".")[2], "WWWW", *nonces, *proofs, "Bearer", "?", "h="]
    assert [secret for secret in secrets if secret in log] == []


def log_in_all_ways(server: ServerProcess, user_id: int, key: str, nonces: list[str], proofs: list[str]) -> None:
    with playing(server.url, key) as player:
        assert player.call(365, source_name="By header")["res"] == 335
    with playing(server.url, None, f"?id={user_id}&n={nonces[0]}&h={proofs[0]}") as player:
        assert player.call(611)["res"] == 621
    with playing(server.url, None) as player:
        assert player.call(100, id=user_id, n=nonces[1], h=proofs[1])["res"] == 100
    with playing(server.url, None) as player:
        assert player.call(100, header={"session_key": key})["res"] == 100


def fail_to_log_in(server: ServerProcess, user_id: int, key: str, nonce: str, proof: str) -> None:
    """No refusal repeats what it was given."""
    for query, header in ((f"?id={user_id}&n={nonce}&h={proof}", None), ("", key)):
        with pytest.raises(InvalidStatus) as refused, playing(server.url, header, query):
            pass
        assert refused.value.response.status_code == 401
        assert not any(part.encode() in refused.value.response.body for part in (key, nonce, proof))
    with playing(server.url, None) as player:
        assert_says_nothing(player, [key], header={"session_key": key})
        assert_says_nothing(player, [nonce, proof], id=user_id, n=nonce, h=proof)
        assert_says_nothing(player, [proof], id=user_id, n="x" * 65, h=proof.upper())
    address = server.url.replace("ws:", "http:") + f"elsewhere?h={proof}&n={nonce}"
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5)
    with missing.value as response:
        assert (response.status, nonce.encode() in response.read()) == (404, False)


def assert_says_nothing(player: Player, secrets: list[str], **request: Any) -> None:
    reply = str(player.call(100, **request))
    assert "'res': 100" not in reply
    assert not any(secret in reply for secret in secrets)
