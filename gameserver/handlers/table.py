"""The handler of each operation."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from gameserver.config import Settings
from gameserver.engine import contents
from gameserver.engine.connection import ClientConnection
from gameserver.engine.context import Reading
from gameserver.engine.details import read_details
from gameserver.errors import Rejected
from gameserver.handlers import (
    administration,
    betting,
    chat,
    closing,
    corrections,
    events,
    friends,
    game_lists,
    games,
    general,
    histories,
    leaderboards,
    match_clock,
    pool_history,
    pool_lists,
    pools,
    predictions,
    receipts,
    resolutions,
    roles,
    sessions,
    sources,
    steering,
    subscriptions,
)
from gameserver.protocol.administration import CreditUser, GetAuditLog, GetServerStatus, ListUsers, UpdateUser
from gameserver.protocol.betting import (
    CancelBet,
    GetMyAvailableBalance,
    GetMyCurrentBalance,
    GetMyExposure,
    PlaceBetInBettingPool,
)
from gameserver.protocol.chat import GetChatHistory, MuteUser, RemoveTextMessage, TextMessage
from gameserver.protocol.closing import CancelGame, PreviewCloseGame, ReopenGame
from gameserver.protocol.correction_previews import PreviewVoidGameEvent
from gameserver.protocol.corrections import (
    AmendGameEvent,
    VoidBettingPool,
    VoidGameEvent,
)
from gameserver.protocol.declare import Message, Request
from gameserver.protocol.events import (
    PreviewGameEvent,
    RegisterGameEvent,
    ResolveBettingPool,
)
from gameserver.protocol.friends import (
    AcceptFriend,
    AddFriend,
    BlockUser,
    ListBlocked,
    ListFriends,
    RemoveFriend,
    UnblockUser,
)
from gameserver.protocol.game_lists import ListGamesForSource, ListGamesIAmAdminOf, ListUpcomingGamesForSource
from gameserver.protocol.games import (
    CloseGame,
    CreateAndOpenGame,
    CreateGame,
    GetGameDetails,
    OpenGame,
    UpdateGameDetails,
)
from gameserver.protocol.general import GetOpcodes, Logon, Ping
from gameserver.protocol.histories import GetMyHistory, GetMyPointsHistory, GetUserStatistics, ListMyRunningBets
from gameserver.protocol.leaderboards import (
    GetFriendsLeaderboard,
    GetFriendsLeaderboardForGame,
    GetFriendsLeaderboardForGameSource,
    GetLeaderboard,
    GetLeaderboardForGame,
    GetLeaderboardForGameSource,
    GetUserTailoredLeaderboard,
    GetUserTailoredLeaderboardForGameSource,
)
from gameserver.protocol.match_clock import SetMatchClock
from gameserver.protocol.pool_history import GetBettingPoolHistory
from gameserver.protocol.pools import (
    CreateAndOpenBettingPool,
    GetBettingPoolBetsDistribution,
    ListAllBettingPoolsForGame,
    ListMyOpenBettingPoolsForGame,
    ListMyResolvedPoolsForGame,
    ListMyRunningPoolsForGame,
    ListResolvedBettingPoolsForGame,
    UpdateBettingPool,
)
from gameserver.protocol.predictions import GetMyFriendsPredictionsForGame, GetMyFriendsPredictionsForPool
from gameserver.protocol.receipts import GetBetReceipt
from gameserver.protocol.roles import (
    AddSourceAdmin,
    AppointAdminForGameByUsername,
    BecomeAnAdminForGame,
    RemoveGameAdmin,
    RemoveSourceAdmin,
)
from gameserver.protocol.sessions import CreateViewKey, EndSession, ListMySessions
from gameserver.protocol.sources import (
    CloseGameSource,
    GetSourceReport,
    ListGameSources,
    ListGameSourcesIAmAdminOf,
    OpenGameSource,
    UpdateGameSource,
)
from gameserver.protocol.steering import (
    AllowBettingForGameAndAction,
    AllowBettingInBettingPool,
    BlockBettingForGameAndAction,
    BlockBettingInBettingPool,
    HoldBettingForGame,
    ReleaseBettingForGame,
    SuggestHotBettingPool,
    SuggestHotBettingPoolForActionAndTarget,
)
from gameserver.protocol.subscriptions import JoinGame, LeaveGame
from gameserver.storage.connection import Connection

ReadHandler = Callable[[Reading, Any], Message]
ConnectionHandler = Callable[[ClientConnection, Any], Awaitable[None]]


Handler = Callable[..., Message]
SetHandler = Callable[[Connection, Sequence[Any]], Sequence[Message | Rejected]]
Parser = Callable[[Any, Settings], Any]


class Write(NamedTuple):
    """The handler of a change.

    What ``parse`` returns is the handler's third argument. Parsing comes before the look-up of a stored reply
    (protocol, "Order of checks"), and before the write transaction, for which others wait. Where it ``hashes`` a
    parameter of this name, the user's role on the server is checked before it. A change ``in_game`` changes one game
    alone, of which the request names something, and what its bettors have: so it runs beside those of other servers.
    """

    handler: Handler
    parse: Parser | None = None
    hashes: str | None = None
    in_game: bool = False


class SetWrite(NamedTuple):
    """The handler of a frequent change, which carries out many at once.

    It gets the arguments of each, as the handler of a `Write` does, and returns the reply or the refusal of each. It
    decides on them in order, and a refusal has changed nothing. It may run beside those of other servers, of other
    users: what they have in common, it adds to with the commit. Other servers hear of it within half a second, or at
    once if it ``is_urgent``. Where no parameter of its own names what it is about, ``games`` gives the ids of its
    games, of what is parsed; if there are none, it may change any.
    """

    handler: SetHandler
    parse: Parser | None = None
    games: Callable[[Any], Sequence[str]] | None = None
    is_urgent: bool = False


READS: dict[type[Request], ReadHandler] = {
    ListUsers: administration.list_users_of_server,
    GetServerStatus: administration.get_server_status,
    GetAuditLog: administration.get_audit_log,
    GetMyCurrentBalance: betting.get_my_current_balance,
    GetMyAvailableBalance: betting.get_my_available_balance,
    GetMyExposure: betting.get_my_exposure,
    PreviewCloseGame: closing.preview_close_game,
    PreviewVoidGameEvent: corrections.preview_void_game_event,
    PreviewGameEvent: events.preview_game_event,
    ListGamesIAmAdminOf: game_lists.list_games_i_am_admin_of,
    ListGamesForSource: game_lists.list_games_for_source,
    ListUpcomingGamesForSource: game_lists.list_upcoming_games_for_source,
    GetMyHistory: histories.get_my_history,
    GetMyPointsHistory: histories.get_my_points_history,
    GetUserStatistics: histories.get_user_statistics,
    ListMyRunningBets: histories.list_my_running_bets,
    GetFriendsLeaderboard: leaderboards.get_friends_leaderboard,
    GetFriendsLeaderboardForGame: leaderboards.get_friends_leaderboard_for_game,
    GetFriendsLeaderboardForGameSource: leaderboards.get_friends_leaderboard_for_game_source,
    GetLeaderboard: leaderboards.get_leaderboard,
    GetLeaderboardForGame: leaderboards.get_leaderboard_for_game,
    GetLeaderboardForGameSource: leaderboards.get_leaderboard_for_game_source,
    GetUserTailoredLeaderboard: leaderboards.get_user_tailored_leaderboard,
    GetUserTailoredLeaderboardForGameSource: leaderboards.get_user_tailored_leaderboard_for_game_source,
    ListAllBettingPoolsForGame: pool_lists.list_all_betting_pools_for_game,
    ListMyOpenBettingPoolsForGame: pool_lists.list_my_open_betting_pools_for_game,
    ListMyRunningPoolsForGame: pool_lists.list_my_running_pools_for_game,
    ListMyResolvedPoolsForGame: pool_lists.list_my_resolved_pools_for_game,
    ListResolvedBettingPoolsForGame: pool_lists.list_resolved_betting_pools_for_game,
    GetBettingPoolBetsDistribution: pool_lists.get_betting_pool_bets_distribution,
    GetBettingPoolHistory: pool_history.get_betting_pool_history,
    GetBetReceipt: receipts.get_bet_receipt,
    ListGameSourcesIAmAdminOf: sources.list_game_sources_i_am_admin_of,
    ListGameSources: sources.list_game_sources,
    GetSourceReport: sources.get_source_report,
    GetGameDetails: read_details,
    GetChatHistory: chat.get_chat_history,
    ListFriends: friends.list_friends,
    ListBlocked: friends.list_blocked,
    GetMyFriendsPredictionsForPool: predictions.get_my_friends_predictions_for_pool,
    GetMyFriendsPredictionsForGame: predictions.get_my_friends_predictions_for_game,
}

WRITES: dict[type[Request], Write | SetWrite] = {
    UpdateUser: Write(administration.update_user, administration.hash_new_password, hashes="password"),
    CreditUser: Write(administration.credit_user, administration.parse_credit),
    PlaceBetInBettingPool: SetWrite(betting.place_bets_in_betting_pools, betting.parse_stake),
    CancelBet: Write(betting.cancel_bet, in_game=True),
    VoidGameEvent: Write(corrections.void_game_event, in_game=True),
    AmendGameEvent: Write(corrections.amend_game_event, corrections.parse_amendment, in_game=True),
    VoidBettingPool: Write(corrections.void_betting_pool, in_game=True),
    ResolveBettingPool: Write(resolutions.resolve_betting_pool, resolutions.parse_resolution, in_game=True),
    RegisterGameEvent: Write(events.register_game_event, events.parse_names, in_game=True),
    CreateAndOpenGame: Write(games.create_and_open_game, contents.parse_contents),
    CreateGame: Write(games.create_game, contents.parse_contents),
    OpenGame: Write(games.open_game, contents.parse_contents),
    BecomeAnAdminForGame: Write(roles.become_an_admin_for_game),
    AppointAdminForGameByUsername: Write(roles.appoint_admin_for_game_by_username),
    UpdateGameDetails: Write(games.update_game_details, games.parse_update),
    SetMatchClock: Write(match_clock.set_match_clock, in_game=True),
    CloseGame: Write(games.close_game, in_game=True),
    CancelGame: Write(closing.cancel_game, in_game=True),
    ReopenGame: Write(closing.reopen_game),
    CreateAndOpenBettingPool: Write(pools.create_and_open_betting_pool, pools.parse_subject, in_game=True),
    UpdateBettingPool: Write(pools.update_betting_pool, pools.parse_update, in_game=True),
    OpenGameSource: Write(sources.open_game_source),
    CloseGameSource: Write(sources.close_game_source),
    AddSourceAdmin: Write(roles.add_source_admin),
    RemoveSourceAdmin: Write(roles.remove_source_admin),
    RemoveGameAdmin: Write(roles.remove_game_admin),
    UpdateGameSource: Write(sources.update_game_source),
    BlockBettingInBettingPool: Write(steering.block_betting_in_betting_pool, in_game=True),
    AllowBettingInBettingPool: Write(steering.allow_betting_in_betting_pool, in_game=True),
    BlockBettingForGameAndAction: Write(
        steering.block_betting_for_game_and_action, steering.parse_action, in_game=True
    ),
    AllowBettingForGameAndAction: Write(
        steering.allow_betting_for_game_and_action, steering.parse_action, in_game=True
    ),
    HoldBettingForGame: Write(steering.hold_betting_for_game, in_game=True),
    ReleaseBettingForGame: Write(steering.release_betting_for_game, in_game=True),
    SuggestHotBettingPool: Write(steering.suggest_hot_betting_pool, in_game=True),
    SuggestHotBettingPoolForActionAndTarget: Write(
        steering.suggest_hot_betting_pool_for_action_and_target, steering.parse_subject, in_game=True
    ),
    AddFriend: Write(friends.add_friend),
    AcceptFriend: Write(friends.accept_friend),
    RemoveFriend: Write(friends.remove_friend),
    BlockUser: Write(friends.block_user),
    UnblockUser: Write(friends.unblock_user),
    TextMessage: SetWrite(chat.text_messages, chat.parse_text_message, chat.games_named, is_urgent=True),
    RemoveTextMessage: Write(chat.remove_text_message),
    MuteUser: Write(chat.mute_user),
}

CONNECTION: dict[type[Request], ConnectionHandler] = {
    Ping: general.ping,
    GetOpcodes: general.get_opcodes,
    Logon: general.logon,
    CreateViewKey: sessions.create_view_key,
    ListMySessions: sessions.list_my_sessions,
    EndSession: sessions.end_session,
    JoinGame: subscriptions.join_game,
    LeaveGame: subscriptions.leave_game,
}
