"""What has become of a user's bets (protocol, "Histories")."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gameserver.domain.money import to_units
from gameserver.engine.context import DAY_MS, Reading
from gameserver.engine.receipts import ReceiptReader
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.histories import (
    GetMyHistory,
    GetMyPointsHistory,
    GetUserStatistics,
    ListMyRunningBets,
    MyHistory,
    MyPointsHistory,
    MyRunningBets,
    PlayedGame,
    PointsAt,
    RunningBet,
    StatisticsShown,
    UserStatistics,
)
from gameserver.storage.bets import Bet, find_bet
from gameserver.storage.boards import Scope, count_standings
from gameserver.storage.friends import are_friends
from gameserver.storage.games import find_game
from gameserver.storage.histories import (
    GameHistory,
    Statistics,
    get_points,
    list_days_of_points,
    list_game_histories,
    list_running_bets,
    list_statistics,
)
from gameserver.storage.standings import count_above, find_board, find_standing
from gameserver.storage.users import find_user_by_id

_LAST_ROW = 2**62


def get_my_history(reading: Reading, request: GetMyHistory) -> MyHistory:
    """List the games in which the user has bet. Raises ``not_found`` for an unknown ``after``."""
    before = _LAST_ROW
    if request.after is not None:
        game = find_game(reading.connection, request.after)
        if game is None:
            raise not_found("after", "game")
        before = game.id
    found = list_game_histories(reading.connection, reading.user.id, request.currency, before, request.limit + 1)
    page = found[: request.limit]
    return MyHistory(
        games=[_played_game(reading, game) for game in page],
        next=page[-1].game_uuid if len(found) > len(page) else None,
    )


def _played_game(reading: Reading, game: GameHistory) -> PlayedGame:
    rank, ranked = _rank_in_game(reading, game)
    joined = [at for at in (game.joined_at, game.first_running_at) if at is not None]
    return PlayedGame(
        game_id=game.game_uuid,
        game_name=game.name,
        joined=min(joined),
        bets=game.bets + game.running_bets,
        staked=to_units(game.staked + game.running_staked, game.currency),
        won=game.won,
        lost=game.lost,
        net=to_units(game.net, game.currency),
        rank=rank,
        ranked=ranked,
        closed_at=game.closed_at,
    )


def _rank_in_game(reading: Reading, game: GameHistory) -> tuple[int | None, int]:
    """The user's rank in a game, None where there is none, and how many are ranked in it."""
    board_id = find_board(reading.connection, Scope(0, game.game_id, "", game.currency))
    if board_id is None:
        return None, 0
    ranked = count_standings(reading.connection, board_id)
    own = find_standing(reading.connection, board_id, reading.user.id)
    return (None if own is None else count_above(reading.connection, board_id, own.points) + 1), ranked


def get_user_statistics(reading: Reading, request: GetUserStatistics) -> UserStatistics:
    """Read the statistics of the user or a friend.

    Raises ``not_found`` for an unknown user, ``not_authorized`` for one who is no friend.
    """
    user = find_user_by_id(reading.connection, request.user_id or reading.user.id)
    if user is None:
        raise not_found("user_id", "user")
    if user.id != reading.user.id and not are_friends(reading.connection, reading.user.id, user.id):
        raise Rejected(ErrorCode.NOT_AUTHORIZED, "statistics are shown to their user and the user's friends alone")
    rows = list_statistics(reading.connection, user.id)
    own = [row for row in rows if row.currency == request.currency]
    return UserStatistics(
        user_id=user.id,
        username=user.username,
        currency=request.currency,
        **msgspec.structs.asdict(_sum_up(own, request.currency)),
        by_currency={
            currency: _sum_up([row for row in rows if row.currency == currency], currency)
            for currency in dict.fromkeys(row.currency for row in rows)
        },
        by_type={row.type: _sum_up([row], row.currency) for row in own},
    )


def _sum_up(rows: Iterable[Statistics], currency: str) -> StatisticsShown:
    """Statistics in one currency, of all types of game together."""
    rows = list(rows)
    bets, won, lost, staked = (sum(getattr(row, name) for row in rows) for name in ("bets", "won", "lost", "staked"))
    pools = sum(row.pools for row in rows)
    return StatisticsShown(
        games=sum(row.games for row in rows),
        bets=bets,
        won=won,
        lost=lost,
        refunded=sum(row.refunded for row in rows),
        staked=to_units(staked, currency),
        net=to_units(sum(row.net for row in rows), currency),
        best_win=to_units(max((row.best_win for row in rows), default=0), currency),
        average_stake=to_units(staked // bets, currency) if bets else None,
        win_rate=Decimal(won * 10_000 // (won + lost)).scaleb(-4) if won + lost else None,
        average_reaction_ms=sum(row.reaction_ms for row in rows) // pools if pools else None,
    )


def get_my_points_history(reading: Reading, request: GetMyPointsHistory) -> MyPointsHistory:
    """Read the user's points on the days on which they have changed."""
    currency = request.currency
    since_ms = reading.now_ms - (request.days - 1) * DAY_MS
    points = get_points(reading.connection, reading.user.id, currency)
    shown: list[PointsAt] = []
    for day in reversed(list_days_of_points(reading.connection, reading.user.id, currency, since_ms)):
        shown.append(PointsAt(day.at_ms, to_units(points, currency)))
        points -= day.net
    return MyPointsHistory(currency=currency, points=shown[::-1])


def list_my_running_bets(reading: Reading, request: ListMyRunningBets) -> MyRunningBets:
    """List the user's running bets. Raises ``not_found`` if ``after`` is no bet of the user's."""
    before = _LAST_ROW
    if request.after is not None:
        bet = find_bet(reading.connection, request.after)
        if bet is None or bet.user_id != reading.user.id:
            raise not_found("after", "bet of yours")
        before = bet.id
    found = list_running_bets(reading.connection, reading.user.id, before, request.limit + 1)
    page = found[: request.limit]
    receipts = ReceiptReader(reading)
    return MyRunningBets(
        bets=[_running_bet(receipts, bet) for bet in page], next=page[-1].uuid if len(found) > len(page) else None
    )


def _running_bet(receipts: ReceiptReader, bet: Bet) -> RunningBet:
    context, receipt = receipts.context(bet.pool_id), receipts.receipt(bet)
    return RunningBet(
        bet_id=receipt.bet_id,
        pool_id=receipt.pool_id,
        game_id=receipt.game_id,
        target=receipt.target,
        amount=receipt.amount,
        placed_at=receipt.placed_at,
        status=receipt.status,
        transfers=receipt.transfers,
        game_name=context.game_name,
        description=context.pool.description,
    )
