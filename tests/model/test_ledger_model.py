"""Whatever is bet, credited and resolved in whatever order: the ledger is what a plain dict says it is."""

from collections import Counter
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from gameserver.admin.commands import CreditUser
from gameserver.storage.check import find_faults
from tests.support.machines import DatabaseMachine, NewDatabase, run_machine

USERS = ("ann", "bob", "cat", "dan")
TEAMS = ("argentina", "brazil", "none")
PLACES = {"DON": 2, "JPY": 0, "BHD": 3}
RATE = Fraction(7, 100)

choices = st.integers(0, 10**6)


class Stake(NamedTuple):
    """A bet in the model, in minor units."""

    user: str
    team: str
    amount: int
    bet: str


class Book:
    """A pool in the model."""

    def __init__(self, uuid: str, game: str, currency: str) -> None:
        self.uuid, self.game, self.currency = uuid, game, currency
        self.stakes: list[Stake] = []
        self.is_open, self.is_blocked = True, False

    def payouts(self, *winners: str) -> list[int]:
        """What each stake is paid, computed in another way than the server does: with fractions.

        Several winners share the pot by their stakes.
        """
        winning = sum(stake.amount for stake in self.stakes if stake.team in winners)
        total = sum(stake.amount for stake in self.stakes)
        if not winning:
            return [stake.amount for stake in self.stakes]
        pot = total - min(int(total * RATE), total - winning)
        due = [Fraction(pot * stake.amount * (stake.team in winners), winning) for stake in self.stakes]
        paid = [int(share) for share in due]
        by_fraction = sorted(range(len(due)), key=lambda index: (paid[index] - due[index], index))
        left = pot - sum(paid)
        for index in by_fraction[:left]:
            paid[index] += 1
        Ledger.shared_unevenly += left > 0
        return paid


class Ledger(DatabaseMachine):
    """Games in three currencies, many pools in each, and the dicts that say who has what."""

    shared_unevenly = 0  # settlements, of all runs, in which some got a unit more than their share rounded down

    def __init__(self) -> None:
        super().__init__()
        self.offline = self.open_offline()
        self.available: Counter[tuple[str, str]] = Counter()
        self.staked: Counter[tuple[str, str]] = Counter()
        self.house: Counter[str] = Counter()
        self.minted: Counter[str] = Counter()
        self.games: dict[str, str] = {}
        self.books: list[Book] = []

    def do(self, op: int, /, **parameters: Any) -> dict[str, Any]:
        """What the admin asks for and must get."""
        reply = self.offline.call("admin", op, **parameters)
        assert reply["res"] != 666, reply
        return reply

    @initialize()
    def begin(self) -> None:
        for name in (*USERS, "admin"):
            self.offline.add_user(name, provider=name == "admin")
            self.available[name, "DON"] = 1000_00
        self.minted["DON"] = 5000_00
        source = self.do(365, source_name="Cup", takeout="0.07")["source_id"]
        game: dict[str, Any] = {"source_id": source, "game_name": "A - B", "type": "football", "actions": "Goal"}
        game["live_start_at"] = self.offline.now_ms + 86_400_000  # until then bets can be cancelled
        for currency in PLACES:
            uuid = self.do(370, **game, targets="Argentina, Brazil", currency=currency)["game_id"]
            self.games[uuid] = currency
            self.do(616, game_id=uuid)
            self.open_pool(list(self.games).index(uuid))

    @rule(which=choices)
    def open_pool(self, which: int) -> None:
        game, currency = list(self.games.items())[which % len(self.games)]
        subject = {"description": "Who?", "action_id": "goal", "targets": "Argentina, Brazil"}
        pool = self.do(385, game_id=game, is_cancellable=True, **subject)
        self.books.append(Book(pool["pool_id"], game, currency))

    @rule(user=st.sampled_from(USERS), currency=st.sampled_from(list(PLACES)), amount=st.integers(1, 10**7))
    def credit(self, user: str, currency: str, amount: int) -> None:
        self.offline.command(CreditUser(user, units(amount, currency), currency))
        self.available[user, currency] += amount
        self.minted[currency] += amount

    @rule(
        which=choices,
        user=st.sampled_from(USERS),
        team=st.sampled_from(TEAMS),
        amount=st.integers(1, 500) | st.integers(1, 10**6),
    )
    def bet(self, which: int, user: str, team: str, amount: int) -> None:
        book = self.books[which % len(self.books)]
        self.place(book, user, team, amount)

    @rule(which=choices, user=st.sampled_from(USERS), team=st.sampled_from(TEAMS))
    def bet_everything(self, which: int, user: str, team: str) -> None:
        book = self.books[which % len(self.books)]
        self.place(book, user, team, max(1, self.available[user, book.currency]))

    @rule(which=choices, stakes=st.lists(st.integers(1, 500), min_size=3, max_size=5))
    def bet_together(self, which: int, stakes: list[int]) -> None:
        """Many bet in one pool, on either team: who wins shares with others."""
        open_books = [book for book in self.books if book.is_open and not book.is_blocked]
        if open_books:
            book = open_books[which % len(open_books)]
            for number, amount in enumerate(stakes):
                self.place(book, USERS[number % len(USERS)], TEAMS[number % 2], amount)

    def place(self, book: Book, user: str, team: str, amount: int) -> None:
        reply = self.offline.call(user, 392, pool_id=book.uuid, target=team, amount=units(amount, book.currency))
        if not book.is_open:
            assert reply["code"] == "pool_resolved"
        elif book.is_blocked:
            assert reply["code"] == "betting_blocked"
        elif self.available[user, book.currency] < amount:
            assert reply["code"] == "insufficient_funds"
        else:
            assert reply["res"] == 356, reply
            self.available[user, book.currency] -= amount
            self.staked[user, book.currency] += amount
            book.stakes.append(Stake(user, team, amount, reply["bet_id"]))

    @precondition(lambda self: any(book.stakes for book in self.books))
    @rule(which=choices, bet=choices)
    def cancel(self, which: int, bet: int) -> None:
        books = [book for book in self.books if book.stakes]
        book = books[which % len(books)]
        stake = book.stakes[bet % len(book.stakes)]
        reply = self.offline.call(stake.user, 3921, bet_id=stake.bet)
        if not book.is_open:
            assert reply["code"] == "pool_resolved"
        elif book.is_blocked:
            assert reply["code"] == "betting_blocked"
        else:
            assert reply["res"] == 3561, reply
            book.stakes.remove(stake)
            self.give_back(book, [stake])

    def give_back(self, book: Book, stakes: list[Stake]) -> None:
        for stake in stakes:
            self.staked[stake.user, book.currency] -= stake.amount
            self.available[stake.user, book.currency] += stake.amount

    @rule(which=choices, sure=st.integers(0, 3))
    def void(self, which: int, sure: int) -> None:
        open_books = [book for book in self.books if book.is_open]
        if open_books and not sure:
            book = open_books[which % len(open_books)]
            self.do(3952, pool_id=book.uuid)
            self.give_back(book, book.stakes)
            book.is_open = False

    @precondition(lambda self: any(book.is_open for book in self.books))
    @rule(
        which=choices,
        winners=st.lists(st.sampled_from(TEAMS), min_size=1, max_size=3, unique=True),
        stakes=st.lists(st.integers(1, 500), min_size=5, max_size=9),
    )
    def dead_heat(self, which: int, winners: list[str], stakes: list[int]) -> None:
        """Many bet, and one or several win."""
        books = [book for book in self.books if book.is_open]
        book = books[which % len(books)]
        for number, amount in enumerate(stakes):
            self.place(book, USERS[number % len(USERS)], TEAMS[number % len(TEAMS)], amount)
        self.offline.let_time_pass(1)
        self.do(3955, pool_id=book.uuid, winners=winners, split="pot")
        self.settle(book, *winners)

    @rule(which=choices)
    def block_or_allow(self, which: int) -> None:
        book = self.books[which % len(self.books)]
        if book.is_open:
            self.do(398 if book.is_blocked else 397, pool_id=book.uuid)
            book.is_blocked = not book.is_blocked

    @precondition(lambda self: any(book.is_open and book.stakes for book in self.books))
    @rule(which=choices, team=st.sampled_from(TEAMS[:2]))
    def goal(self, which: int, team: str) -> None:
        game = list(self.games)[which % len(self.games)]
        self.offline.let_time_pass(1)
        self.do(395, game_id=game, action_id="goal", target_id=team)
        for book in self.books:
            if book.is_open and book.game == game:
                self.settle(book, team)

    def settle(self, book: Book, *winners: str) -> None:
        paid = book.payouts(*winners)
        for stake, payout in zip(book.stakes, paid, strict=True):
            self.staked[stake.user, book.currency] -= stake.amount
            self.available[stake.user, book.currency] += payout
        self.house[book.currency] += sum(stake.amount for stake in book.stakes) - sum(paid)
        book.is_open = False

    @rule()
    def restart(self) -> None:
        self.offline.reopen()

    @invariant()
    def every_balance_is_what_the_dicts_say(self) -> None:
        for user in USERS:
            for currency, places in PLACES.items():
                kinds = {810: "available_balance", 840: "exposure", 800: "current_balance"}
                shown = [self.offline.call(user, op, currency=currency)[kind] for op, kind in kinds.items()]
                held, staked = self.available[user, currency], self.staked[user, currency]
                assert shown == [amount / 10**places for amount in (held, staked, held + staked)]
                assert min(shown) >= 0

    @invariant()
    def no_unit_of_money_is_lost_or_made(self) -> None:
        held: Counter[tuple[str, str]] = Counter()
        for kind, currency, balance in self.offline.query("SELECT kind, currency, balance FROM accounts"):
            held[kind, currency] += balance
        for currency in PLACES:
            assert sum(held[kind, currency] for kind in KINDS) == 0
            assert held["mint", currency] == -self.minted[currency]
            assert held["house", currency] == self.house[currency]
            assert held["clearing", currency] == 0

    @invariant()
    def the_file_is_sound(self) -> None:
        assert find_faults(self.offline.connection) == []

    def teardown(self) -> None:
        self.offline.close()
        super().teardown()


KINDS = ("available", "staked", "clearing", "house", "mint")


def units(amount: int, currency: str) -> str:
    """An amount of minor units as it is written in a request."""
    places = PLACES[currency]
    return f"{amount / 10**places:.{places}f}"


@pytest.mark.time_limit(300)
def test_whatever_is_bet_and_resolved_the_ledger_is_what_a_plain_dict_says(new_database: NewDatabase) -> None:
    run_machine(Ledger, new_database, examples=25, steps=40)
    assert Ledger.shared_unevenly
