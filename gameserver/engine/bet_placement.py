"""Placing bets, many at once: each is decided on as the bets before it leave things (protocol, "Bets")."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from gameserver.domain.money import to_minor, to_units
from gameserver.domain.pools import require_accepting
from gameserver.engine.context import Change
from gameserver.errors import ErrorCode, Rejected, decide, invalid, not_found
from gameserver.storage.backing_history import History, continue_history
from gameserver.storage.bets import (
    BetSubject,
    Bettor,
    LinkedBet,
    NewBetRow,
    add_to_stakes,
    insert_bets,
    insert_participations,
    list_bet_subjects,
    list_bettors,
)
from gameserver.storage.connection import Connection
from gameserver.storage.ids import new_uuid
from gameserver.storage.ledger import AccountKind, Balances, Reason, Transfer, account_id, insert_transfers
from gameserver.storage.pools import PoolBets, TargetBets, add_bets_to_sums


class Proposal(NamedTuple):
    """A bet to be decided on; its stake is in units of the game's currency."""

    change: Change
    pool_uuid: str
    target_id: str
    units: Decimal | int


class PlacedBet(NamedTuple):
    """A bet that is placed: its row, the pool and target that it backs, and what its user has then."""

    row: NewBetRow
    subject: BetSubject
    wallet: "_Wallet"
    balances: Balances


class _Wallet:
    """A user's accounts in a currency while bets are decided on; an account that is not open has no id."""

    __slots__ = ("available", "available_id", "staked", "staked_id")

    def __init__(self, bettor: Bettor) -> None:
        self.available_id = bettor.available_id
        self.available = bettor.available or 0
        self.staked_id = bettor.staked_id
        self.staked = bettor.staked or 0


def place_bets(connection: Connection, proposals: Sequence[Proposal]) -> list[PlacedBet | Rejected]:
    """Decide on bets in order, and store those that are placed; their stakes leave the available balances."""
    book = _Book(connection, proposals)
    decisions = [decide(book.accept, proposal) for proposal in proposals]
    placed = [decision for decision in decisions if not isinstance(decision, Rejected)]
    if placed:
        histories = book.continue_histories(placed)
        ids = connection.reserve_ids("bets", len(placed))
        with connection.together():
            insert_bets(connection, book.link(placed, ids))
            insert_transfers(connection, book.list_transfers(placed, ids))
            book.count(placed, ids, histories)
    return decisions


class _Book:
    """What the bets depend on, read at once, and kept up with the bets that are placed."""

    def __init__(self, connection: Connection, proposals: Iterable[Proposal]) -> None:
        self._connection = connection
        named = dict.fromkeys((proposal.pool_uuid, proposal.target_id) for proposal in proposals)
        self._subjects = {subject[:2]: subject for subject in list_bet_subjects(connection, named)}
        bettors = dict.fromkeys(
            (proposal.change.user.id, subject.pool_id, subject.position)
            for proposal in proposals
            if (subject := self._subjects.get((proposal.pool_uuid, proposal.target_id)))
            and subject.position is not None
        )
        self._bettors = {bettor[:3]: bettor for bettor in list_bettors(connection, bettors)} if bettors else {}
        self._wallets: dict[tuple[int, str], _Wallet] = {}
        self._in_pool: dict[tuple[int, int], int] = {}

    def accept(self, proposal: Proposal) -> PlacedBet:
        """Place a bet. Raises `Rejected`."""
        user, now_ms, target_id = proposal.change.user, proposal.change.now_ms, proposal.target_id
        subject = self._subjects.get((proposal.pool_uuid, target_id))
        if subject is None:
            raise not_found("pool_id", "pool")
        amount = to_minor(proposal.units, subject.currency, "amount")
        if subject.position is None:
            raise invalid("target", f"this pool has no target {target_id[:80]!r}")
        bettor = self._bettors[user.id, subject.pool_id, subject.position]
        if not bettor.may_bet:
            text = f"admins may not bet; {user.username} is or was an admin of this game or its source"
            raise Rejected(ErrorCode.NOT_AUTHORIZED, text)
        require_accepting(subject.status, subject.times, now_ms, is_blocked=bool(subject.is_blocked))
        if not subject.is_active:
            text = f"no more bets are taken on {target_id[:80]!r}: it, or what it belongs to, is out of the game"
            raise Rejected(ErrorCode.BETTING_BLOCKED, text, "target")
        wallet = self._wallets.get((user.id, subject.currency))
        if wallet is None:
            wallet = self._wallets[user.id, subject.currency] = _Wallet(bettor)
        in_pool = self._in_pool.get((user.id, subject.pool_id), bettor.in_pool)
        most = subject.max_stake
        if amount < subject.min_stake or (most is not None and in_pool + amount > most) or wallet.available < amount:
            raise _refusal(subject, wallet.available, in_pool, amount)
        if most is not None:
            self._in_pool[user.id, subject.pool_id] = in_pool + amount
        wallet.available -= amount
        wallet.staked += amount
        row = NewBetRow(new_uuid(now_ms), subject.pool_id, user.id, subject.position, amount, now_ms)
        return PlacedBet(row, subject, wallet, Balances(wallet.available, wallet.staked))

    def link(self, placed: Iterable[PlacedBet], ids: Iterable[int]) -> list[LinkedBet]:
        """The rows of bets with their ids, and those of the bets before them of their users in the pools."""
        newest: dict[tuple[int, int], int] = {}
        linked = []
        for bet_id, (row, *_) in zip(ids, placed, strict=True):
            key = row.user_id, row.pool_id
            before = newest.get(key, self._bettors[*key, row.position].last_bet_id)
            linked.append(LinkedBet(bet_id, before, row))
            newest[key] = bet_id
        return linked

    def list_transfers(self, placed: Iterable[PlacedBet], ids: Iterable[int]) -> list[Transfer]:
        """The transfers of the bets' stakes between accounts, which are opened if they are missing."""
        transfers = []
        for bet_id, ((_, _, user_id, _, amount, placed_at), subject, wallet, _) in zip(ids, placed, strict=True):
            if wallet.available_id is None:
                wallet.available_id = account_id(self._connection, AccountKind.AVAILABLE, subject.currency, user_id)
            if wallet.staked_id is None:
                wallet.staked_id = account_id(self._connection, AccountKind.STAKED, subject.currency, user_id)
            accounts = wallet.available_id, wallet.staked_id
            transfers.append(Transfer(*accounts, amount, Reason.STAKE, bet_id, None, placed_at))
        return transfers

    def continue_histories(self, placed: Iterable[PlacedBet]) -> dict[int, History]:
        """The histories of the bets' pools with them; what the sums are before them is recorded where it is time."""
        last: dict[int, tuple[History, int]] = {}
        for (_, pool_id, _, _, _, placed_at), subject, _, _ in placed:
            last[pool_id] = (subject.history, placed_at)
        return {pool_id: continue_history(self._connection, pool_id, *it) for pool_id, it in last.items()}

    def count(self, placed: Iterable[PlacedBet], ids: Iterable[int], histories: Mapping[int, History]) -> None:
        """Add bets to the sums of their users, then to those that all have in common."""
        stakes: dict[tuple[int, int, int], list[int]] = {}
        pools: dict[int, list[int]] = {}
        targets: dict[tuple[int, int], list[int]] = {}
        participations: dict[tuple[int, int, int], int] = {}
        for bet_id, ((_, pool_id, user_id, position, amount, placed_at), subject, _, _) in zip(
            ids, placed, strict=True
        ):
            bettor = self._bettors[user_id, pool_id, position]
            pool = pools.setdefault(pool_id, [0, 0, 0])
            target = targets.setdefault((pool_id, position), [0, 0])
            pool[0] += amount
            pool[1] += 1
            target[0] += amount
            if not bettor.is_backer and (user_id, pool_id, position) not in stakes:
                target[1] += 1
                participation = user_id, subject.game_id, pool_id
                if not bettor.is_participant and participation not in participations:
                    participations[participation] = placed_at
                    pool[2] += 1
            stake = stakes.setdefault((user_id, pool_id, position), [0, 0, 0])
            stake[0] += amount
            stake[1] += 1
            stake[2] = bet_id
        add_to_stakes(self._connection, ((*key, amount, bets, last) for key, (amount, bets, last) in stakes.items()))
        if participations:
            insert_participations(self._connection, ((*key, placed_at) for key, placed_at in participations.items()))
        of_pools = [PoolBets._make((pool_id, *sums, *histories[pool_id])) for pool_id, sums in pools.items()]
        of_targets = [TargetBets(*target, *sums) for target, sums in targets.items()]
        self._connection.defer(partial(add_bets_to_sums, pools=of_pools, targets=of_targets))


def _refusal(subject: BetSubject, available: int, in_pool: int, asked: int) -> Rejected:
    """The refusal of a stake, with the amounts that it depends on."""

    def units(amount: int) -> Decimal:
        return to_units(amount, subject.currency)

    currency, most = subject.currency, subject.max_stake
    limits: dict[str, Decimal] = {"asked": units(asked), "available": units(available)}
    limits["min_stake"] = units(subject.min_stake)
    if most is not None:
        limits |= {"max_stake": units(most), "left": units(max(0, most - in_pool))}
    if asked < subject.min_stake:
        text = (
            f"stake too small: this pool takes {units(subject.min_stake)} {currency} or more, {units(asked)} requested"
        )
        return Rejected(ErrorCode.STAKE_LIMIT, text, "amount", **limits)
    if most is not None and in_pool + asked > most:
        text = (
            f"stake limit reached: a user may stake {units(most)} {currency} in this pool, of which"
            f" {limits['left']} are left, {units(asked)} requested"
        )
        return Rejected(ErrorCode.STAKE_LIMIT, text, "amount", **limits)
    text = f"insufficient funds: {units(available)} {currency} available, {units(asked)} requested"
    return Rejected(ErrorCode.INSUFFICIENT_FUNDS, text, "amount", **limits)
