import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.domain.credentials import digest_matches, login_digest, session_id_of, session_key

SECRET = b"s" * 32
KEY = session_key(SECRET, "session-1")


def test_a_session_key_begins_with_its_session_and_can_be_sent_in_a_header() -> None:
    session_id, _, mac = KEY.partition(".")
    assert session_id == "session-1"
    assert len(mac) == 43
    assert KEY.isascii()


def test_a_key_proves_its_session_with_the_same_secret_only() -> None:
    assert session_id_of(SECRET, KEY) == "session-1"
    assert session_id_of(b"t" * 32, KEY) is None


@pytest.mark.parametrize(
    "key",
    ["", ".", "session-1", "session-1.", KEY[:-1], KEY + "=", KEY + ".", KEY.upper(), "session-2" + KEY[9:], "é.é"],
)
def test_a_changed_key_proves_nothing(key: str) -> None:
    assert session_id_of(SECRET, key) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_no_text_that_is_not_the_key_proves_the_session(key: str) -> None:
    assert session_id_of(SECRET, key) is None


def test_a_login_digest_is_sha256_of_id_nonce_and_key_in_lower_case() -> None:
    assert login_digest(7, "nönce", "key") == hashlib.sha256("7nöncekey".encode()).hexdigest()


def test_a_digest_matches_what_it_was_made_of_alone() -> None:
    proof = login_digest(7, "n", KEY)
    assert digest_matches(proof, 7, "n", KEY)
    assert not digest_matches(proof.upper(), 7, "n", KEY)
    assert not digest_matches(proof, 8, "n", KEY)
    assert not digest_matches(proof, 7, "m", KEY)
    assert not digest_matches("é", 7, "n", KEY)
