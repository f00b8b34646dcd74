"""What a handshake's URL and headers say of credentials and sources to watch."""

from http import HTTPStatus

import pytest

from gameserver.engine.sessions import Credentials
from gameserver.net.head import Head, HeadRefused
from gameserver.realtime.logon import MAX_WATCHED_SOURCES, Query, read_query

PROOF = "0" * 64


def read(query: str = "", *authorization: str) -> Query:
    headers = {"authorization": list(authorization)} if authorization else {}
    return read_query(Head("GET", "/", query, headers, b""))


def status_of(query: str, *authorization: str) -> int:
    with pytest.raises(HeadRefused) as refused:
        read(query, *authorization)
    return int(refused.value.response.split(b" ")[1])


def test_without_credentials_or_sources_there_are_none() -> None:
    assert read("x=1") == Query(None, [])


@pytest.mark.parametrize("value", ["Bearer a.b", "bearer a.b", "BEARER   a.b "])
def test_a_bearer_header_has_a_session_key(value: str) -> None:
    assert read("", value).credentials == Credentials(key="a.b")


@pytest.mark.parametrize("values", [["Basic a.b"], ["a.b"], ["Bearer"], ["Bearer  "], ["Bearer a.b", "Bearer a.b"]])
def test_any_other_authorization_is_refused(values: list[str]) -> None:
    assert status_of("", *values) == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(("user_id", "nonce"), [("1", "n"), ("999999999999999", "n" * 64), ("007", "%20")])
def test_a_query_string_has_a_digest_which_counts_before_a_header(user_id: str, nonce: str) -> None:
    credentials = Credentials(None, int(user_id), nonce.replace("%20", " "), PROOF)
    assert read(f"id={user_id}&n={nonce}&h={PROOF}", "Bearer a.b").credentials == credentials


@pytest.mark.parametrize(
    "query",
    [
        "id=1&n=n",
        "id=1&h=x",
        "n=n&h=x",
        "id=1&id=1&n=n&h=x",
        "id=1&n=n&n=n&h=x",
        "id=1&n=n&h=x&h=x",
        "id=&n=n&h=x",
        "id=-1&n=n&h=x",
        "id=%D9%A1&n=n&h=x",
        "id=1000000000000000&n=n&h=x",
        "id=1&n=&h=x",
        "id=1&n=" + 65 * "n" + "&h=x",
    ],
)
def test_what_is_no_complete_digest_is_refused_whatever_the_header_says(query: str) -> None:
    assert status_of(query, "Bearer a.b") == HTTPStatus.UNAUTHORIZED


def test_sources_are_watched_once_in_their_order() -> None:
    assert read("source=b&source=a&x=1&source=b&source=").sources == ["b", "a", ""]


def test_so_many_sources_may_be_watched_beside_the_credentials_and_no_more() -> None:
    sources = [f"source={number}" for number in range(MAX_WATCHED_SOURCES)]
    assert len(read("&".join([f"id=1&n=n&h={PROOF}", *sources])).sources) == MAX_WATCHED_SOURCES
    assert status_of("&".join([*sources, "source=0"])) == HTTPStatus.BAD_REQUEST
    assert status_of("&".join(["x="] * 1_000)) == HTTPStatus.BAD_REQUEST


def test_a_refusal_names_the_scheme_that_is_accepted() -> None:
    with pytest.raises(HeadRefused) as refused:
        read("", "Basic a.b")
    assert b"\r\nWWW-Authenticate: Bearer\r\n" in refused.value.response
    assert refused.value.reason == "not_logged_in"
