"""No message of the server is longer than 1 MiB, whatever it has to tell (contract, section 13)."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gameserver.errors import ErrorCode, Rejected
from gameserver.protocol import codec
from gameserver.protocol.betting import BettingPoolBetsDistributionUpdate
from gameserver.protocol.codec import ResponseHeader, encode_body, with_header
from gameserver.protocol.corrections import GameEventVoided
from gameserver.protocol.declare import Message
from gameserver.protocol.events import (
    BetPoolResolved,
    GameEventPreview,
    NewGameEvent,
    PreviewedPool,
)
from gameserver.protocol.game_lists import AdministeredGame, GameEntry, GamesIAmAdminOfList, GamesListForSource
from gameserver.protocol.games import GameDetails, PastEvent
from gameserver.protocol.pool_history import BettingPoolHistory
from gameserver.protocol.pools import NewBettingPoolBetsDistribution, ShownBet, TargetSumsWithBets
from gameserver.protocol.sources import AdministeredSource, GameSourcesIAmAdminOfList

MIB = 1_048_576
LONG = "€" * 1_000  # 3,000 bytes
ID = "00000000-0000-7000-8000-0000000{:05}"
IDS = [ID.format(number) for number in range(1_000)]


def shown(message: Message) -> dict[str, Any]:
    """What a client reads of a message, which is no longer than it may be."""
    sent = with_header(ResponseHeader(t=2**53, id="\x01" * 64, repeated=True), encode_body(message))
    assert len(sent) <= MIB
    decoded: dict[str, Any] = msgspec.json.decode(sent)
    return decoded


def details(**changes: Any) -> GameDetails:
    fields: dict[str, Any] = dict.fromkeys(GameDetails.__struct_fields__, "")
    fields |= {name: {} for name in ("actions", "targets", "past_events", "game_state")}
    return msgspec.structs.replace(GameDetails(**fields), **changes)


def entry(name: str) -> GameEntry:
    fields: dict[str, Any] = dict.fromkeys(GameEntry.__struct_fields__)
    return GameEntry(**fields | {"name": name})


def event(target_id: str) -> PastEvent:
    fields: dict[str, Any] = dict.fromkeys(PastEvent.__struct_fields__)
    return PastEvent(**fields | {"target_id": target_id})


@pytest.mark.parametrize(
    "page",
    [
        GamesListForSource(source_id=ID, games={id_: entry(LONG) for id_ in IDS}, next=None),
        GamesIAmAdminOfList(games=[AdministeredGame(id_, LONG, "", None, None) for id_ in IDS], next=IDS[-1]),
        GameSourcesIAmAdminOfList(sources=[AdministeredSource(id_, "", LONG, Decimal(0), False) for id_ in IDS]),
    ],
    ids=["345", "620", "621"],
)
def test_a_page_ends_where_a_message_is_full_and_says_where_the_next_begins(page: Message) -> None:
    read = shown(page)
    (listed,) = (value for value in read.values() if isinstance(value, dict | list) and len(value) > 3)
    ids = [item if isinstance(item, str) else item["id"] for item in listed]
    assert ids == IDS[: len(ids)]
    assert read["next"] == ids[-1]
    assert len(ids) * len(LONG.encode()) > 0.85 * MIB


def test_a_page_of_what_is_small_and_large_is_cut_until_it_fits() -> None:
    games = {id_: entry("" if number > 300 else LONG * 5) for number, id_ in enumerate(IDS)}
    read = shown(GamesListForSource(source_id=ID, games=games, next=None))
    assert 0 < len(read["games"]) < 300


def test_a_message_that_fits_is_told_whole() -> None:
    page = GamesListForSource(source_id=ID, games={id_: entry("#" * 700) for id_ in IDS}, next=None)
    assert len(shown(page)["games"]) == 1_000


def test_what_holds_one_entry_too_long_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        encode_body(GamesListForSource(source_id=ID, games={IDS[0]: entry("#" * MIB)}, next=None))
    assert refused.value.code is ErrorCode.CONFLICT


def test_a_games_details_leave_out_the_oldest_events_and_then_counts() -> None:
    events = {id_: event(LONG) for id_ in IDS}
    counts = {action: {f"{LONG}{number}": 1 for number in range(100)} for action in ("goal", "foul")}
    read = shown(details(past_events=events))
    assert list(read["past_events"]) == IDS[: len(read["past_events"])]
    assert len(read["past_events"]) > 300
    read = shown(details(past_events=events, game_state=counts))
    assert 0 < len(read["past_events"]) < 300
    assert read["game_state"] == counts
    more = {action: {f"{LONG}{number}": 1 for number in range(500)} for action in ("goal", "foul", "save")}
    read = shown(details(past_events=events, game_state=more | {"none": {}}))
    assert read["past_events"] == {}
    assert all(0 < len(read["game_state"][action]) < 500 for action in more)


def test_an_event_leaves_out_counts() -> None:
    counts = {f"{LONG}{number}": 1 for number in range(1_000)}
    registered = NewGameEvent(event_id=ID, target_id="a", happened_at=0, registered_at=0, current_count=counts)
    kept = shown(registered)["current_count"]
    assert list(kept) == list(counts)[: len(kept)]
    assert len(kept) > 300


def test_a_distribution_leaves_out_the_older_bets_of_each_target() -> None:
    fields: dict[str, Any] = dict.fromkeys(NewBettingPoolBetsDistribution.__struct_fields__, 0)
    bets = [ShownBet(id_, "", Decimal(1), 0) for id_ in IDS[:100]]
    sums = {f"t{number}": TargetSumsWithBets("T", 1, Decimal(1), Decimal(1), True, bets) for number in range(500)}
    sums["none"] = TargetSumsWithBets("None", 0, Decimal(0), Decimal(1), True, [])
    kept = shown(NewBettingPoolBetsDistribution(**fields | {"distribution": sums}))["distribution"]
    assert list(kept) == list(sums)
    assert {len(target["bets"]) for key, target in kept.items() if key != "none"} == {len(kept["t0"]["bets"])}
    assert [bet["bet_id"] for bet in kept["t0"]["bets"]] == IDS[: len(kept["t0"]["bets"])]
    assert len(kept["t0"]["bets"]) > 10


def test_an_update_leaves_out_the_older_of_the_new_bets() -> None:
    fields: dict[str, Any] = dict.fromkeys(BettingPoolBetsDistributionUpdate.__struct_fields__, 0)
    bets = [ShownBet(id_, LONG * 20, Decimal(1), 0) for id_ in IDS[:50]]
    update = BettingPoolBetsDistributionUpdate(**fields | {"distribution": {}, "new_bets": bets, "new_bets_count": 50})
    read = shown(update)
    kept = [bet["bet_id"] for bet in read["new_bets"]]
    assert kept == IDS[50 - len(kept) : 50]
    assert 0 < len(kept) < 20
    assert read["new_bets_count"] == 50


def test_a_history_leaves_out_times_between_the_first_and_the_last() -> None:
    money = [Decimal(f"{10**9 + number}.25") for number in range(200)]
    history = BettingPoolHistory(
        pool_id=ID, at=list(range(200)), backing_money={f"t{number}": money for number in range(501)}
    )
    read = shown(history)
    assert 100 < len(read["at"]) < 200
    assert (read["at"][0], read["at"][-1]) == (0, 199)
    assert read["backing_money"] == {key: [10**9 + at + 0.25 for at in read["at"]] for key in history.backing_money}


def test_a_preview_leaves_out_who_wins_and_loses_least() -> None:
    nets = {str(number): Decimal(100 - number) for number in range(100)}
    one, nobody = Decimal(1), dict[str, Decimal]()
    pool = PreviewedPool(None, [], False, one, {}, one, one, 100, 100, 0, one, nets, nets, False)
    quiet = msgspec.structs.replace(pool, winners=nobody, losers=nobody)
    pools = dict.fromkeys(IDS[1:], pool) | {IDS[0]: quiet}
    kept = shown(GameEventPreview(pools=pools, untouched=IDS, score=None))["pools"]
    assert len(kept) == 1_000
    for lists in (kept[IDS[1]]["winners"], kept[IDS[1]]["losers"]):
        assert list(lists) == list(nets)[: len(lists)]
        assert 0 < len(lists) < 100


def test_whom_a_correction_overdraws_is_told_as_far_as_there_is_room() -> None:
    overdrawn = {str(number): Decimal(1) for number in range(200_000)}
    fields: dict[str, Any] = {name: {} for name in GameEventVoided.__struct_fields__}
    assert len(shown(GameEventVoided(**fields | {"overdrawn": overdrawn}))["overdrawn"]) > 50_000


def test_the_bound_leaves_room_for_the_longest_header() -> None:
    longest = ResponseHeader(t=2**53, id="\x01" * 64, repeated=True, seq=2**53)
    assert codec.MAX_BODY_BYTES + len(with_header(longest, b"{}")) <= MIB


def ended(targets: list[str]) -> BetPoolResolved:
    """The longest that there is: the most users in each list, and nobody twice."""
    numbers = [2**53 - number for number in range(9_000)]
    amount = Decimal("90071992547409.91")
    return BetPoolResolved(
        pool_id=ID,
        game_id=ID,
        event_id=ID,
        winning_target=None,
        winning_targets=targets,
        price=None,
        prices=dict.fromkeys(targets, Decimal("1234567.1234")),
        description=LONG,
        winners={str(user): amount for user in numbers[:3_000]},
        losers={str(user): amount for user in numbers[3_000:6_000]},
        invalidated_bettors=numbers[6_000:],
        usernames={str(user): "W" * 32 for user in numbers},
        is_money_return=False,
        amount_total=amount,
        participants=9_000,
        version=2**53,
        truncated=True,
        winners_count=9_000,
        losers_count=9_000,
        invalidated_count=9_000,
        resolved_at=2**53,
    )


def test_the_end_of_a_pool_names_all_that_it_lists_however_many() -> None:
    read = shown(ended(["argentina"]))
    assert len(read["usernames"]) == 9_000


def test_the_end_of_a_pool_of_many_long_winners_leaves_out_names_alone() -> None:
    targets = [f"{number:03}" + "€" * 125 for number in range(450)]
    read = shown(ended(targets))
    assert [len(read[name]) for name in ("winners", "losers", "invalidated_bettors", "prices")] == [3_000] * 3 + [450]
    assert 0 < len(read["usernames"]) < 9_000
