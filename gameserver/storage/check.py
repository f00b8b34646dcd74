"""The checks that prove a database sound, as run by ``gameserver check``."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from gameserver.domain.parimutuel import Split
from gameserver.storage import check_records
from gameserver.storage.bets import list_bets_of_pool
from gameserver.storage.broadcasts import unpack
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import AccountKind, Reason
from gameserver.storage.outcomes import Movement, movements_in
from gameserver.storage.schedule import TimerKind
from gameserver.storage.settlements import Settlement, list_settlements_of_pool

MAX_FINDINGS = 100
OnProgress = Callable[[int, int], None]


class CheckedConnection(Connection, Protocol):
    """What the checks need of a connection besides statements."""

    @property
    def damage(self) -> type[Exception]:
        """What is raised where the database cannot be read to its end."""

    def has_current_schema(self) -> bool:
        """Whether the database has the newest schema version."""

    def find_damage(self) -> Iterator[str]:
        """The engine's own checks: the faults found, a sentence each."""


def find_faults(connection: CheckedConnection, on_progress: OnProgress = lambda done, total: None) -> list[str]:
    """The faults of a database, a sentence each, at most 100; empty if it is sound.

    ``on_progress`` is told how many of all rules have been looked at.

    Requires a read transaction, so that all checks see one state. A database of an older version gets only the
    engine's own checks.
    """
    faults: list[str] = []
    try:
        rules = _RULES if connection.has_current_schema() else ()
        for number, found in enumerate((connection.find_damage(), *(rule(connection) for rule in rules))):
            on_progress(number, len(rules) + 1)
            for fault in found:
                faults.append(fault)
                if len(faults) == MAX_FINDINGS:
                    return faults
    except connection.damage as error:
        faults.append(f"the file cannot be read to its end: {error}")
    return faults


def _sequences(connection: Connection) -> Iterator[str]:
    """The log of an open game holds 1 to seq; that of a closed game may have lost its beginning, or all, by age."""
    for uuid, seq, closed, first, last, count in connection.execute(
        "SELECT uuid, games.seq, closed_at IS NOT NULL, min(b.seq - messages + 1), max(b.seq),"
        " coalesce(sum(messages), 0) FROM games LEFT JOIN broadcasts AS b ON b.game_id = games.id GROUP BY games.id"
    ):
        if count == 0:
            if seq != 0 and not closed:
                yield f"game {uuid}: its {seq} broadcasts are missing from the log"
            continue
        if last != seq:
            yield f"game {uuid}: the last broadcast logged is {last}, the last counted is {seq}"
        if count != last - first + 1 or (first != 1 and not closed):
            yield f"game {uuid}: the log of broadcasts {first} to {last} has gaps"


def _logs(connection: Connection) -> Iterator[str]:
    """Each row of a log can be read."""
    for game_id, uuid in connection.execute("SELECT id, uuid FROM games").fetchall():
        for seq, messages, packed in connection.execute(
            "SELECT seq, messages, bodies FROM broadcasts WHERE game_id = ? AND messages > 1 ORDER BY seq", (game_id,)
        ):
            try:
                unpack(seq, messages, packed)
            except ValueError as error:
                yield f"game {uuid}: of the log of broadcasts up to {seq}, {error}"


def _timers(connection: Connection) -> Iterator[str]:
    for (uuid,) in connection.execute(
        "SELECT uuid FROM games WHERE close_at IS NOT NULL AND closed_at IS NULL AND closing_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM timers WHERE game_id = games.id AND kind = ?)",
        (TimerKind.CLOSE_GAME,),
    ):
        yield f"game {uuid}: it has a close_at, but no timer closes it"
    for uuid, timer in connection.execute(
        "SELECT uuid, timer_id FROM timer_exceptions AS e JOIN pools ON pools.id = e.pool_id"
        " JOIN timers ON timers.id = timer_id"
        " WHERE kind <> ? OR coalesce(timers.action_id, 0) <> coalesce(pools.action_id, 0)",
        (TimerKind.ALLOW_ACTION,),
    ):
        yield f"pool {uuid}: it is excepted from timer {timer}, which does not affect it"


def _ledger(connection: Connection) -> Iterator[str]:
    """Every balance is the sum of its transfers; a currency's balances sum to zero; nothing is between accounts."""
    for account, kind, user, currency, balance, moved in connection.execute(
        "SELECT a.id, a.kind, a.user_id, a.currency, a.balance, coalesce(sum(moves.amount), 0) FROM accounts AS a"
        " LEFT JOIN (SELECT credit_id AS account_id, amount FROM transfers"
        "  UNION ALL SELECT debit_id, -amount FROM transfers) AS moves ON moves.account_id = a.id GROUP BY a.id"
    ):
        name = f"account {account} ({kind}, user {user}, {currency})"
        if balance != moved:
            yield f"{name}: its balance is {balance}, its transfers sum to {moved}"
        if kind == "clearing" and balance:
            yield f"{name}: its balance is {balance} between transactions, not zero"
    for currency, total in connection.execute("SELECT currency, sum(balance) FROM accounts GROUP BY currency"):
        if total:
            yield f"the balances in {currency} sum to {total}, not to zero"
    for uuid, amount, moved in connection.execute(
        "SELECT uuid, kept, moved FROM"
        " (SELECT uuid, CASE WHEN cancelled_at IS NULL THEN bets.amount ELSE 0 END AS kept,"
        "  coalesce(sum(CASE reason WHEN 'stake' THEN t.amount ELSE -t.amount END), 0) AS moved"
        "  FROM bets LEFT JOIN transfers AS t ON t.bet_id = bets.id AND t.settlement_id IS NULL"
        "  GROUP BY bets.id) AS b WHERE kept <> moved"
    ):
        yield f"bet {uuid}: its stake is {amount}, {moved} have been moved for it"
    for user, currency, staked, running in connection.execute(
        "SELECT a.user_id, a.currency, a.balance, coalesce(b.amount, 0) FROM accounts AS a LEFT JOIN"
        " (SELECT bets.user_id, games.currency, sum(bets.amount) AS amount FROM valid_bets AS bets"
        "  JOIN pools ON pools.id = bets.pool_id JOIN games ON games.id = pools.game_id"
        "  WHERE pools.status = 'open' GROUP BY bets.user_id, games.currency) AS b"
        " ON b.user_id = a.user_id AND b.currency = a.currency"
        " WHERE a.kind = 'staked' AND a.balance <> coalesce(b.amount, 0)"
    ):
        yield f"user {user}: {staked} {currency} are staked, the running bets sum to {running}"


def _pools(connection: Connection) -> Iterator[str]:
    """The stored sums of each pool and target equal the sums of its valid bets."""
    for uuid, total, people, staked, bettors in connection.execute(
        "SELECT uuid, amount_total, participants, coalesce(b.amount, 0), coalesce(b.people, 0) FROM pools LEFT JOIN"
        " (SELECT pool_id, sum(amount) AS amount, count(DISTINCT user_id) AS people, count(*) AS number"
        "  FROM valid_bets GROUP BY pool_id) AS b ON b.pool_id = pools.id"
        " WHERE amount_total <> coalesce(b.amount, 0) OR participants <> coalesce(b.people, 0)"
    ):
        yield f"pool {uuid}: it counts {total} of {people}, its valid bets are {staked} of {bettors}"
    for uuid, key, money, staked in connection.execute(
        "SELECT pools.uuid, t.key, t.backing_money, coalesce(b.amount, 0) FROM pool_targets AS t"
        " JOIN pools ON pools.id = t.pool_id LEFT JOIN"
        " (SELECT pool_id, position, sum(amount) AS amount FROM valid_bets"
        "  GROUP BY pool_id, position) AS b ON b.pool_id = t.pool_id AND b.position = t.position"
        " WHERE t.backing_money <> coalesce(b.amount, 0)"
    ):
        yield f"pool {uuid}: {money} are counted on {key}, its valid bets are {staked}"
    for uuid, user, position, kept, staked in connection.execute(
        "SELECT uuid, user_id, position, sum(kept), sum(staked) FROM pools JOIN"
        " (SELECT pool_id, user_id, position, amount AS kept, 0 AS staked FROM stakes"
        "  UNION ALL SELECT pool_id, user_id, position, 0, amount FROM valid_bets) AS s"
        " ON s.pool_id = pools.id GROUP BY pools.id, user_id, position HAVING sum(kept) <> sum(staked)"
    ):
        yield f"pool {uuid}: {kept} are kept for user {user} on position {position}, the valid bets sum to {staked}"
    for uuid, newest, position, kept, staked in connection.execute(
        "SELECT uuid, bet_id, position, kept, staked FROM (SELECT pool_id, position, bet_id, kept,"
        "  sum(amount) OVER (PARTITION BY pool_id, position ORDER BY bet_id) AS staked FROM"
        "  (SELECT pool_id, position, newest_bet_id AS bet_id, amount AS kept, 0 AS amount FROM backing_history"
        "   UNION ALL SELECT pool_id, position, id, NULL, amount FROM valid_bets) AS m) AS s"
        " JOIN pools ON pools.id = s.pool_id WHERE kept <> staked"
    ):
        text = f"{kept} are recorded on position {position} up to bet {newest}, the valid bets sum to {staked}"
        yield f"pool {uuid}: {text}"
    for uuid, previous, before in connection.execute(
        "SELECT uuid, previous_id, before FROM (SELECT uuid, previous_id,"
        "  lag(id) OVER (PARTITION BY pool_id, user_id ORDER BY id) AS before FROM bets) AS b"
        " WHERE coalesce(previous_id, 0) <> coalesce(before, 0)"
    ):
        yield f"bet {uuid}: it is kept as following bet {previous}, its user's bet before it in the pool is {before}"
    for uuid, user, position, kept, newest in connection.execute(
        "SELECT uuid, user_id, position, max(kept), max(newest) FROM pools JOIN"
        " (SELECT pool_id, user_id, position, last_bet_id AS kept, 0 AS newest FROM stakes"
        "  UNION ALL SELECT pool_id, user_id, position, 0, id FROM bets) AS s"
        " ON s.pool_id = pools.id GROUP BY pools.id, user_id, position HAVING max(kept) <> max(newest)"
    ):
        yield f"pool {uuid}: the newest bet of user {user} on position {position} is {newest}, {kept} is kept as it"
    for uuid, user in connection.execute(
        "SELECT DISTINCT uuid, s.user_id FROM stakes AS s JOIN pools ON pools.id = s.pool_id WHERE bets > 0"
        " AND NOT EXISTS (SELECT 1 FROM participations AS p WHERE p.user_id = s.user_id AND p.pool_id = s.pool_id)"
    ):
        yield f"pool {uuid}: user {user} has staked, and does not take part"
    for (uuid,) in connection.execute("SELECT uuid FROM pools WHERE status = 'open' AND untold_at IS NOT NULL"):
        yield f"pool {uuid} is open, but a blocking or allowing of its betting has not been broadcast"


def _targets(connection: Connection) -> Iterator[str]:
    """A target is active unless its label, or that of one above it, says otherwise."""
    for uuid, key, is_active in connection.execute(
        "WITH RECURSIVE inactive (id) AS (SELECT target_id FROM target_labels WHERE is_active = 0"
        "  UNION SELECT targets.id FROM inactive JOIN targets ON targets.parent_id = inactive.id)"
        " SELECT uuid, key, is_active FROM targets JOIN games ON games.id = game_id"
        " WHERE is_active = CASE WHEN targets.id IN (SELECT id FROM inactive) THEN 1 ELSE 0 END"
    ):
        yield f"game {uuid}: its target {key} is {'active' if is_active else 'inactive'}, against what the labels say"


def _scores(connection: Connection) -> Iterator[str]:
    """What is kept of each score is what the events that are not voided sum to."""
    for uuid, key, points, scored in connection.execute(
        "WITH RECURSIVE roots (id, root_id) AS (SELECT id, id FROM targets WHERE parent_id IS NULL"
        "  UNION ALL SELECT targets.id, root_id FROM roots JOIN targets ON targets.parent_id = roots.id),"
        " scored AS (SELECT root_id, sum(points) AS points FROM events JOIN actions ON actions.id = action_id"
        "  JOIN roots ON roots.id = target_id WHERE voided_at IS NULL GROUP BY root_id)"
        " SELECT uuid, key, targets.points, coalesce(scored.points, 0) FROM targets JOIN games ON games.id = game_id"
        " LEFT JOIN scored ON scored.root_id = targets.id WHERE targets.points <> coalesce(scored.points, 0)"
    ):
        yield f"game {uuid}: {points} points are kept for {key}, its events score {scored}"
    for uuid, to_all, scored in connection.execute(
        "SELECT uuid, points_to_all, scored FROM games LEFT JOIN"
        " (SELECT actions.game_id, coalesce(sum(CASE WHEN points < 0 AND events.id > 0 THEN -points END), 0) AS scored"
        "  FROM actions LEFT JOIN events ON action_id = actions.id AND voided_at IS NULL WHERE points IS NOT NULL"
        "  GROUP BY actions.game_id) AS s ON s.game_id = games.id"
        " WHERE points_to_all <> scored OR (points_to_all IS NULL) <> (scored IS NULL)"
    ):
        yield f"game {uuid}: {to_all} points are kept for everybody, its events score {scored}"


def _sources(connection: Connection) -> Iterator[str]:
    """What is kept of each source is what its games, pools and participations come to."""
    for uuid, currency, kept, found in connection.execute(
        "WITH ended AS (SELECT game_id, bet_count, amount_total, coalesce(takeout, 0) AS takeout, s.id,"
        "  CASE WHEN EXISTS (SELECT 1 FROM divisions WHERE settlement_id = s.id) THEN amount_total - takeout"
        "   ELSE 0 END AS paid"
        "  FROM pools LEFT JOIN settlements AS s ON s.id = settlement_id),"
        " found AS (SELECT source_id, currency, '[' || count(DISTINCT games.id) || ',' || count(game_id) || ','"
        "  || coalesce(sum(bet_count), 0) || ',' || coalesce(sum(amount_total), 0) || ','"
        "  || coalesce(sum(paid), 0) || ','"
        "  || coalesce(sum(CASE WHEN ended.id IS NULL THEN 0 ELSE amount_total - paid - takeout END), 0) || ','"
        "  || coalesce(sum(takeout), 0) || ']' AS sums FROM games LEFT JOIN ended ON game_id = games.id"
        "  GROUP BY source_id, currency),"
        " kept AS (SELECT source_id, currency, '[' || games || ',' || pools || ',' || bets || ',' || staked || ','"
        "  || paid || ',' || refunded || ',' || takeout || ']' AS sums FROM source_sums)"
        " SELECT sources.uuid, found.currency, kept.sums, found.sums"
        " FROM found JOIN sources ON sources.id = found.source_id LEFT JOIN kept"
        " ON kept.source_id = found.source_id AND kept.currency = found.currency"
        " WHERE coalesce(kept.sums, '') <> found.sums"
    ):
        yield f"source {uuid}: {kept or 'no sums'} are kept of its games in {currency}, they come to {found}"
    for uuid, user, kept, found in connection.execute(
        "SELECT uuid, user_id, sum(kept), sum(found) FROM sources JOIN"
        " (SELECT source_id, user_id, pools AS kept, 0 AS found FROM source_bettors"
        "  UNION ALL SELECT source_id, user_id, 0, 1 FROM participations JOIN games ON games.id = game_id) AS s"
        " ON s.source_id = sources.id GROUP BY sources.id, user_id HAVING sum(kept) <> sum(found)"
    ):
        yield f"source {uuid}: {kept} pools are kept of user {user}, who takes part in {found}"


class _Way(NamedTuple):
    """How money was moved: between which accounts, of which users (None: the house's), why and when."""

    debited: str
    debited_user: int | None
    credited: str
    credited_user: int | None
    reason: str
    made_at: int

    def __str__(self) -> str:
        user = self.credited_user if self.debited_user is None else self.debited_user
        owner = "the house" if user is None else f"user {user}"
        return f"of {owner} from {self.debited} to {self.credited} ({self.reason})"


def _settlements(connection: Connection) -> Iterator[str]:
    """Each settlement divides its pot, and has moved of each user's money the sum of the shares of the user's bets."""
    for uuid, in_force, count, newest in connection.execute(
        "SELECT uuid, settlement_id, count(s.id), max(s.id) FROM pools"
        " LEFT JOIN settlements AS s ON s.pool_id = pools.id AND s.taken_back_at IS NULL"
        " GROUP BY pools.id HAVING count(s.id) > 1 OR coalesce(max(s.id), 0) <> coalesce(settlement_id, 0)"
    ):
        yield f"pool {uuid}: settlement {in_force} is in force, {count} are not taken back, the newest {newest}"
    pools = connection.execute("SELECT id, uuid FROM pools WHERE id IN (SELECT pool_id FROM settlements)").fetchall()
    for pool_id, uuid in pools:
        for fault in _settlements_of_pool(connection, pool_id):
            yield f"pool {uuid}: {fault}"


def _settlements_of_pool(connection: Connection, pool_id: int) -> Iterator[str]:
    settlements = list_settlements_of_pool(connection, pool_id)
    due: dict[int, Counter[_Way]] = {settlement.id: Counter() for settlement in settlements}
    divided: dict[int, Counter[tuple[int, str]]] = {settlement.id: Counter() for settlement in settlements}
    for settlement in settlements:
        for moved in _takeout_moves(settlement):
            due[settlement.id][_way(moved, None)] += moved.amount
    for bet in list_bets_of_pool(connection, pool_id):
        for settlement in settlements:
            for moved in movements_in(settlement, bet):
                due[settlement.id][_way(moved, bet.user_id)] += moved.amount
                divided[settlement.id][bet.position, moved.reason] += moved.amount
    for settlement in settlements:
        made = _moved_by(connection, settlement.id)
        for way in sorted(due[settlement.id].keys() | made.keys(), key=str):
            if (amount := made[way]) != (shares := due[settlement.id][way]):
                yield f"settlement {settlement.id}: {amount} were moved {way}, the shares sum to {shares}"
        yield from _division_faults(settlement, divided[settlement.id])


def _takeout_moves(settlement: Settlement) -> Iterator[Movement]:
    if settlement.takeout:
        kinds = (AccountKind.CLEARING, AccountKind.HOUSE)
        taken = Movement(*kinds, settlement.takeout, Reason.TAKEOUT, settlement.settled_at)
        yield taken
        if settlement.taken_back_at is not None:
            yield taken.taken_back(settlement.taken_back_at)


def _way(moved: Movement, user_id: int | None) -> _Way:
    of_users = (AccountKind.AVAILABLE, AccountKind.STAKED)
    debited, credited = (user_id if kind in of_users else None for kind in (moved.debited, moved.credited))
    return _Way(moved.debited, debited, moved.credited, credited, moved.reason, moved.made_at)


def _moved_by(connection: Connection, settlement_id: int) -> Counter[_Way]:
    rows = connection.execute(
        "SELECT debited.kind, debited.user_id, credited.kind, credited.user_id, reason, made_at, sum(amount)"
        " FROM transfers JOIN accounts AS debited ON debited.id = debit_id"
        " JOIN accounts AS credited ON credited.id = credit_id WHERE settlement_id = ? GROUP BY 1, 2, 3, 4, 5, 6",
        (settlement_id,),
    )
    return Counter({_Way(*way): amount for *way, amount in rows})


def _division_faults(settlement: Settlement, moved: Counter[tuple[int, str]]) -> Iterator[str]:
    """The faults of a settlement's facts, by what they move for the bets on each position."""
    pots = settlement.takeout
    groups = [tuple(settlement.divisions)] if settlement.split is Split.POT else [(at,) for at in settlement.divisions]
    for positions in filter(None, groups):
        (division, *others) = {settlement.divisions[position] for position in positions}
        if others:
            yield f"settlement {settlement.id}: its winning positions have several divisions of one pot"
        pots += division.pot
        facts = (division.pot, division.winning_total)
        bets = tuple(sum(moved[at, reason] for at in positions) for reason in (Reason.PAYOUT, Reason.POT))
        if facts != bets:
            text = "of the winning position {} it divides {} among {}, its bets share {} among {}"
            named = " and ".join(map(str, positions))
            yield f"settlement {settlement.id}: " + text.format(named, *facts, *bets)
    staked = sum(amount for (_, reason), amount in moved.items() if reason == Reason.POT)
    if pots != staked:
        yield f"settlement {settlement.id}: it divides {pots}, its valid bets are {staked}"


_RULES = (_sequences, _logs, _timers, _targets, _scores, _sources, _ledger, _pools, _settlements, *check_records.CHECKS)
