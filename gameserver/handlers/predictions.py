"""What friends have bet (protocol, "Friends")."""

from collections.abc import Iterator

from gameserver.domain.money import to_units
from gameserver.engine.context import Reading
from gameserver.protocol.predictions import (
    GetMyFriendsPredictionsForGame,
    GetMyFriendsPredictionsForPool,
    MyFriendsPredictionsForGame,
    MyFriendsPredictionsForPool,
    Prediction,
    PredictionInGame,
    PredictionsInGame,
)
from gameserver.storage.friends_bets import FriendsBet, list_bets_of_friends
from gameserver.storage.outcomes import BetStatus, outcome_of
from gameserver.storage.settlements import Settlement, list_settlements_of_pool

MAX_PREDICTIONS = 1_000


def get_my_friends_predictions_for_pool(
    reading: Reading, request: GetMyFriendsPredictionsForPool
) -> MyFriendsPredictionsForPool:
    """Read what friends have bet in a pool."""
    pool = reading.pool(request, request.pool_id)
    found = list_bets_of_friends(reading.connection, reading.user.id, pool.game_id, MAX_PREDICTIONS, pool_id=pool.id)
    predictions = [
        Prediction(it.user_id, it.username, it.target, it.amount, it.status, it.payout)
        for it in _predictions(reading, found, pool.currency)
        if request.is_resolved is None or request.is_resolved is (it.status != BetStatus.RUNNING)
    ]
    return MyFriendsPredictionsForPool(pool_id=pool.uuid, predictions=predictions)


def get_my_friends_predictions_for_game(
    reading: Reading, request: GetMyFriendsPredictionsForGame
) -> MyFriendsPredictionsForGame:
    """Read what friends have bet in a game."""
    game = reading.game(request, request.game_id)
    found = list_bets_of_friends(reading.connection, reading.user.id, game.id, MAX_PREDICTIONS)
    predictions = PredictionsInGame([], [])
    for prediction in _predictions(reading, found, game.currency):
        is_running = prediction.status == BetStatus.RUNNING
        (predictions.running if is_running else predictions.resolved).append(prediction)
    return MyFriendsPredictionsForGame(game_id=game.uuid, predictions=predictions)


def _predictions(reading: Reading, found: list[FriendsBet], currency: str) -> Iterator[PredictionInGame]:
    """The bets with what has become of them."""
    settlements: dict[int, list[Settlement]] = {}
    for bet in found:
        if bet.bet.pool_id not in settlements:
            settlements[bet.bet.pool_id] = list_settlements_of_pool(reading.connection, bet.bet.pool_id)
        outcome = outcome_of(bet.bet, settlements[bet.bet.pool_id])
        yield PredictionInGame(
            user_id=bet.bet.user_id,
            username=bet.username,
            target=bet.target,
            amount=to_units(bet.bet.amount, currency),
            status=outcome.status,
            payout=None if outcome.settlement is None else to_units(outcome.payout, currency),
            pool_id=bet.pool_uuid,
        )
