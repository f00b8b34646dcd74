import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from gameserver.realtime.connection_limits import ConnectionLimiter, limit_key
from gameserver.realtime.rate_limits import FloodDetector, RateLimiter, UnansweredBytes


def granted(limiter: RateLimiter, who: object, now_s: float, tries: int) -> int:
    return sum(limiter.take(who, now_s) is None for _ in range(tries))


def test_a_burst_may_be_twice_the_rate() -> None:
    assert granted(RateLimiter(10), "ann", 5.0, 100) == 20


def test_tokens_come_back_at_the_rate_up_to_the_burst() -> None:
    limiter = RateLimiter(10)
    granted(limiter, "ann", 0.0, 100)
    assert granted(limiter, "ann", 0.5, 100) == 5
    assert granted(limiter, "ann", 1.5, 100) == 10
    assert granted(limiter, "ann", 1000.0, 100) == 20


def test_each_has_a_bucket_of_its_own() -> None:
    limiter = RateLimiter(1)
    assert [granted(limiter, who, 0.0, 5) for who in ("ann", "ben")] == [2, 2]


def test_a_refusal_takes_no_token() -> None:
    limiter = RateLimiter(1)
    granted(limiter, "ann", 0.0, 2)
    assert [limiter.take("ann", now_s) for now_s in (0.25, 0.5, 0.75)] == [750, 500, 250]
    assert limiter.take("ann", 1.0) is None


@pytest.mark.parametrize("per_s", [1, 2, 3, 7, 9, 100, 600, 700, 1000, 10**4])
def test_there_is_a_token_after_the_time_that_was_told(per_s: int) -> None:
    limiter = RateLimiter(per_s)
    granted(limiter, "ann", 0.0, 2 * per_s)
    wait_ms = limiter.take("ann", 0.0)
    assert wait_ms is not None
    assert limiter.take("ann", wait_ms / 1000) is None


@given(st.integers(1, 50), st.lists(st.floats(0, 2), max_size=100))
def test_no_more_is_granted_than_the_burst_and_what_time_brings(per_s: int, pauses: list[float]) -> None:
    limiter, now_s, taken = RateLimiter(per_s), 0.0, 0
    for pause in pauses:
        now_s += pause
        taken += limiter.take("ann", now_s) is None
    assert taken <= 2 * per_s + now_s * per_s + 1e-6


def test_what_costs_more_waits_until_there_is_as_much() -> None:
    limiter = RateLimiter(10)
    assert [limiter.take("ann", 0.0, 15), limiter.take("ann", 0.0, 15), limiter.take("ann", 0.0, 5)] == [
        None,
        1000,
        None,
    ]
    assert [limiter.take("ann", 1.0, 11), limiter.take("ann", 1.0, 10)] == [100, None]


def test_what_costs_more_than_a_bucket_holds_is_granted_to_a_full_one_which_then_owes_at_most_a_burst() -> None:
    limiter = RateLimiter(10)
    assert limiter.take("ann", 0.0) is None
    assert limiter.take("ann", 0.0, 1_000) == 100
    assert limiter.take("ann", 0.1, 1_000) is None
    assert limiter.take("ann", 0.1) == 2_100


def test_what_is_charged_afterwards_is_owed_up_to_a_burst() -> None:
    limiter = RateLimiter(10)
    limiter.charge("ann", 0.0, 15)
    assert granted(limiter, "ann", 0.0, 100) == 5
    limiter.charge("ann", 0.0, 5)
    assert limiter.take("ann", 0.0) == 600
    limiter.charge("ann", 0.0, 1_000)
    assert limiter.take("ann", 0.0) == 2_100


async def test_a_user_may_have_so_many_unanswered_and_waits_for_more() -> None:
    unanswered, acquired = UnansweredBytes(100), []

    async def acquire(user_id: int, size_bytes: int) -> None:
        await unanswered.acquire(user_id, size_bytes)
        acquired.append((user_id, size_bytes))

    async with trio.open_nursery() as nursery:
        for user_id, size_bytes in [(1, 60), (1, 40), (1, 50), (1, 10), (2, 100), (2, 1)]:
            nursery.start_soon(acquire, user_id, size_bytes)
            await trio.testing.wait_all_tasks_blocked()
        assert acquired == [(1, 60), (1, 40), (2, 100)]
        for user_id, size_bytes in [(1, 40), (1, 60), (2, 100)]:
            unanswered.release(user_id, size_bytes)
            await trio.testing.wait_all_tasks_blocked()
    assert acquired == [(1, 60), (1, 40), (2, 100), (1, 10), (1, 50), (2, 1)]


async def test_a_request_larger_than_that_is_let_in_alone() -> None:
    unanswered = UnansweredBytes(100)
    with trio.fail_after(0):
        await unanswered.acquire(1, 1_000)
    with trio.move_on_after(0) as scope:
        await unanswered.acquire(1, 1)
    assert scope.cancelled_caught
    unanswered.release(1, 1_000)
    await unanswered.acquire(1, 1)


async def test_nothing_is_kept_of_a_user_without_requests_in_hand() -> None:
    unanswered = UnansweredBytes(100)
    await unanswered.acquire(1, 10)
    unanswered.release(1, 10)
    with pytest.raises(KeyError):
        unanswered.release(1, 10)


def test_the_bucket_used_longest_ago_is_forgotten_first() -> None:
    limiter = RateLimiter(1, max_buckets=2)
    granted(limiter, "ann", 0.0, 2)
    granted(limiter, "ben", 0.0, 2)
    granted(limiter, "ann", 0.0, 1)
    assert granted(limiter, "cat", 0.0, 1) == 1
    assert granted(limiter, "ann", 0.0, 1) == 0
    assert granted(limiter, "ben", 0.0, 1) == 1


def test_connections_are_limited_by_address() -> None:
    limiter = ConnectionLimiter(10, 2, 2)
    assert [limiter.acquire("a") for _ in range(3)] == [True, True, False]
    assert limiter.acquire("b")
    limiter.release("a")
    assert limiter.acquire("a")


def test_connections_are_limited_in_all() -> None:
    limiter = ConnectionLimiter(2, 2, 2)
    assert [limiter.acquire(address) for address in "abc"] == [True, True, False]
    limiter.release("b")
    assert limiter.acquire("c")
    for address in "ac":
        limiter.release(address)
    assert limiter.available == 2


def test_the_limit_that_refuses_one_more_connection_is_named() -> None:
    limiter = ConnectionLimiter(3, 2, 1)
    named: list[str | None] = []
    for address in ("a", "a", "b"):
        named.append(limiter.exhausted_limit("a"))
        if not limiter.acquire(address):
            limiter.mark_logged_on("a")
            assert limiter.acquire(address)
    assert named == [None, "max_anonymous_connections_per_address", "max_connections_per_address"]
    assert limiter.exhausted_limit("c") == "max_connections"
    assert limiter.available == 0


def test_a_connection_refused_is_not_counted() -> None:
    limiter = ConnectionLimiter(3, 1, 1)
    assert [limiter.acquire("a") for _ in range(9)] == [True] + [False] * 8
    assert [limiter.acquire(address) for address in "bcd"] == [True, True, False]


def test_nothing_is_kept_of_an_address_without_connections() -> None:
    limiter = ConnectionLimiter(3, 1, 1)
    assert limiter.acquire("a")
    limiter.release("a")
    with pytest.raises(KeyError):
        limiter.release("a")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::5", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::5", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_addresses_is_limited_as_one(address: str, key: str) -> None:
    assert limit_key(address) == key


def test_a_flood_is_detected_after_nothing_but_refusals() -> None:
    detector = FloodDetector(10)
    assert [detector.refused(1000, now_s) for now_s in (0, 5, 9.9, 10, 11)] == [False] * 3 + [True] * 2


def test_one_request_granted_to_a_client_that_waited_starts_the_count_anew() -> None:
    detector = FloodDetector(10)
    assert not detector.refused(1000, 0)
    detector.granted(1)
    assert [detector.refused(1000, now_s) for now_s in (2, 11.9, 12)] == [False, False, True]


def test_a_request_granted_amid_a_flood_does_not_start_the_count_anew() -> None:
    detector = FloodDetector(10)
    for number in range(100):
        assert not detector.refused(100, number / 10)
        assert not detector.refused(50, number / 10 + 0.05)
        detector.granted(number / 10 + 0.1)
    assert detector.refused(100, 10)
