from decimal import Decimal
from typing import Any, Literal

from gameserver.protocol.administration import AuditLog, ServerStatus, UserCredited, UsersList, UserUpdated
from gameserver.protocol.betting import (
    BetCancelled,
    BetPlacedInBettingPool,
    YourAvailableBalance,
    YourCurrentBalance,
    YourExposure,
)
from gameserver.protocol.chat import ChatHistory, TextMessageRemovalDone, TextMessageSent, UserMuted
from gameserver.protocol.closing import CloseGamePreview, GameCancelled, GameReopened
from gameserver.protocol.correction_previews import VoidGameEventPreview
from gameserver.protocol.corrections import BettingPoolVoided, GameEventAmended, GameEventVoided
from gameserver.protocol.declare import Message, Operation
from gameserver.protocol.events import BettingPoolResolved, GameEventPreview, NewGameEvent
from gameserver.protocol.friends import (
    BlockedList,
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    FriendsList,
    UserBlocked,
    UserUnblocked,
)
from gameserver.protocol.game_lists import GamesIAmAdminOfList, GamesListForSource, UpcomingGamesListForSource
from gameserver.protocol.games import (
    GameClosed,
    GameCreated,
    GameCreatedAndOpened,
    GameDetails,
    GameDetailsUpdated,
    GameOpened,
)
from gameserver.protocol.general import Opcodes, Pong
from gameserver.protocol.histories import MyHistory, MyPointsHistory, MyRunningBets, UserStatistics
from gameserver.protocol.labels import TargetLabelParameters
from gameserver.protocol.leaderboards import (
    Leaderboard,
    LeaderboardForGame,
    LeaderboardForGameSource,
    LeaderboardForGameSourceTailored,
    LeaderboardForGameTailored,
    LeaderboardFriends,
    LeaderboardFriendsForGame,
    LeaderboardFriendsForGameSource,
    LeaderboardTailored,
)
from gameserver.protocol.match_clock import MatchClockSet
from gameserver.protocol.pool_history import BettingPoolHistory
from gameserver.protocol.pools import (
    AllBettingPoolsForGame,
    BettingPoolCreated,
    BettingPoolUpdated,
    NewBettingPoolBetsDistribution,
    ResolvedBettingPoolsForGame,
    YouOpenPoolsListForGame,
    YourResolvedPoolsForGame,
    YourRunningPoolsForGame,
)
from gameserver.protocol.predictions import MyFriendsPredictionsForGame, MyFriendsPredictionsForPool
from gameserver.protocol.receipts import BetReceipt
from gameserver.protocol.roles import (
    BecomeAnAdminForGameSuccess,
    GameAdminAppointed,
    GameAdminRemoved,
    SourceAdminAdded,
    SourceAdminRemoved,
)
from gameserver.protocol.sessions import MySessionsList, SessionEnded, ViewKeyCreated
from gameserver.protocol.sources import (
    GameSourceClosed,
    GameSourceOpened,
    GameSourcesIAmAdminOfList,
    GameSourcesList,
    GameSourceUpdated,
    SourceReport,
)
from gameserver.protocol.steering import (
    BettingForGameAndActionAllowed,
    BettingForGameAndActionBlocked,
    BettingForGameHeld,
    BettingForGameReleased,
    BettingInPoolAllowed,
    BettingInPoolBlocked,
    HotBettingPoolSuggested,
)

# Written by `make reference` from the declarations in gameserver/protocol; do not edit.

Amount = Decimal | int | str

class Operations:
    async def carry_out(self, operation: Operation, parameters: dict[str, Any], key: str | None) -> Message: ...
    async def ping(
        self,
    ) -> Pong:
        """Check that the server answers; the reply's header has its time."""
    async def get_opcodes(
        self,
    ) -> Opcodes:
        """List the operation and response codes."""
    async def create_view_key(
        self,
    ) -> ViewKeyCreated:
        """Make a session key that can only join games and read what everybody may read, for an overlay or a
        screen."""
    async def list_my_sessions(
        self,
    ) -> MySessionsList:
        """List the user's live sessions."""
    async def end_session(
        self,
        *,
        session_id: str,
    ) -> SessionEnded:
        """End one of the user's sessions; the connection's own one too, after the reply."""
    async def open_game_source(
        self,
        *,
        source_name: str,
        description: str | None = None,
        takeout: Amount | None = None,
        admins_may_bet: bool | None = None,
        key: str | None = None,
    ) -> GameSourceOpened:
        """Open a game source, under which games are created."""
    async def close_game_source(
        self,
        *,
        source_id: str,
        key: str | None = None,
    ) -> GameSourceClosed:
        """Close a source and every game of it, upcoming ones too, as close_game does."""
    async def add_source_admin(
        self,
        *,
        source_id: str,
        username: str,
        key: str | None = None,
    ) -> SourceAdminAdded:
        """Make another user an admin of the source."""
    async def remove_source_admin(
        self,
        *,
        source_id: str,
        username: str,
        key: str | None = None,
    ) -> SourceAdminRemoved:
        """Remove an admin of the source, other than the user who opened it."""
    async def update_game_source(
        self,
        *,
        source_id: str,
        source_name: str | None = None,
        description: str | None = None,
        takeout: Amount | None = None,
        admins_may_bet: bool | None = None,
        key: str | None = None,
    ) -> GameSourceUpdated:
        """Change the given properties of a source. Pools keep the takeout that they were opened with."""
    async def create_and_open_game(
        self,
        *,
        source_id: str,
        game_name: str,
        type: str,
        actions: list[str] | str | None = None,
        targets: list[str] | str | None = None,
        labels: dict[str, TargetLabelParameters] | None = None,
        action_labels: dict[str, str] | None = None,
        create_at: int | None = None,
        open_at: int | None = None,
        close_at: int | None = None,
        live_start_at: int | None = None,
        live_finish_at: int | None = None,
        currency: str | None = None,
        hashtag: str | None = None,
        image_url: str | None = None,
        scores: dict[str, int] | None = None,
        chat: Literal["all", "accounts", "off"] | None = None,
        key: str | None = None,
    ) -> GameCreatedAndOpened:
        """Create a game with its actions and nested targets, and open it."""
    async def get_game_details(
        self,
        *,
        game_id: str,
        limit: int | None = None,
        before: str | None = None,
        with_voided: bool | None = None,
    ) -> GameDetails:
        """Read a game's details with its newest ``limit`` events, or those older than the event
        ``before``."""
    async def update_game_details(
        self,
        *,
        game_id: str,
        game_name: str | None = None,
        hashtag: str | None = None,
        image_url: str | None = None,
        open_at: int | None = None,
        close_at: int | None = None,
        live_start_at: int | None = None,
        live_finish_at: int | None = None,
        scores: dict[str, int] | None = None,
        chat: Literal["all", "accounts", "off"] | None = None,
        clear: list[str] | str | None = None,
        actions: list[str] | str | None = None,
        targets: list[str] | str | None = None,
        labels: dict[str, TargetLabelParameters] | None = None,
        action_labels: dict[str, str] | None = None,
        key: str | None = None,
    ) -> GameDetailsUpdated:
        """Add actions and targets to a game, and change what is given; ``clear`` names what gets its default
        again."""
    async def set_match_clock(
        self,
        *,
        game_id: str,
        period: str,
        elapsed_ms: int,
        is_running: bool,
        at: int | None = None,
        key: str | None = None,
    ) -> MatchClockSet:
        """Set what the clock of the match shows ``at`` a moment, or now. Nothing depends on it."""
    async def close_game(
        self,
        *,
        game_id: str,
        key: str | None = None,
    ) -> GameClosed:
        """Close a game."""
    async def cancel_game(
        self,
        *,
        game_id: str,
        reason: str | None = None,
        include_resolved: bool | None = None,
        preview: bool | None = None,
        key: str | None = None,
    ) -> GameCancelled:
        """Call a game off: every unresolved pool is voided, with ``include_resolved`` every resolved one
        too."""
    async def reopen_game(
        self,
        *,
        game_id: str,
        close_at: int | None = None,
        preview: bool | None = None,
        key: str | None = None,
    ) -> GameReopened:
        """Take back a close made by mistake, within ``game_log_days``, or free a game that is closing."""
    async def list_games_for_source(
        self,
        *,
        source_id: str,
        status: Literal["open", "closed", "all"] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> GamesListForSource:
        """List the games of a source: those that are open or closing, those that are closed, or all there
        have been."""
    async def list_game_sources(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> GameSourcesList:
        """List the sources that are open."""
    async def get_source_report(
        self,
        *,
        source_id: str,
    ) -> SourceReport:
        """Read what the games of a source have come to so far, closed ones included."""
    async def create_and_open_betting_pool(
        self,
        *,
        game_id: str,
        description: str,
        action_id: str | None = None,
        targets: list[str] | str | None = None,
        type: int | None = None,
        pool_type: int | None = None,
        start_at: int | None = None,
        finish_at: int | None = None,
        stop_accepting_bets_at: int | None = None,
        is_blocked: bool | None = None,
        is_hot: bool | None = None,
        recreate_on_end: bool | None = None,
        unlisted_target: Literal["stay_open", "none", "refund"] | None = None,
        min_stake: Amount | None = None,
        max_stake: Amount | None = None,
        is_cancellable: bool | None = None,
        settle_delay_ms: int | None = None,
        key: str | None = None,
    ) -> BettingPoolCreated:
        """Open a betting pool."""
    async def list_all_betting_pools_for_game(
        self,
        *,
        game_id: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> AllBettingPoolsForGame:
        """List the unresolved pools of a game."""
    async def list_my_open_betting_pools_for_game(
        self,
        *,
        game_id: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> YouOpenPoolsListForGame:
        """List the unresolved pools of a game in which the user has no bet."""
    async def list_my_running_pools_for_game(
        self,
        *,
        game_id: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> YourRunningPoolsForGame:
        """List the unresolved pools of a game in which the user has a bet."""
    async def list_my_resolved_pools_for_game(
        self,
        *,
        game_id: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> YourResolvedPoolsForGame:
        """List the ended pools of a game in which the user had a bet."""
    async def get_bet_receipt(
        self,
        *,
        bet_id: str,
    ) -> BetReceipt:
        """Read one of the user's own bets with what was moved for it in the ledger."""
    async def place_bet_in_betting_pool(
        self,
        *,
        pool_id: str,
        target: str,
        amount: Amount,
        key: str | None = None,
    ) -> BetPlacedInBettingPool:
        """Stake an amount, in units of the game's currency, on a target of a pool."""
    async def get_betting_pool_bets_distribution(
        self,
        *,
        pool_id: str,
    ) -> NewBettingPoolBetsDistribution:
        """Read a pool with its latest bets."""
    async def get_betting_pool_history(
        self,
        *,
        pool_id: str,
        points: int | None = None,
    ) -> BettingPoolHistory:
        """Read how the money behind the targets of a pool has grown, at up to ``points`` times."""
    async def register_game_event(
        self,
        *,
        target_id: str,
        game_id: str | None = None,
        action_id: str | None = None,
        pool_id: str | None = None,
        happened_at: int | None = None,
        description: str | None = None,
        external_id: str | None = None,
        key: str | None = None,
    ) -> NewGameEvent:
        """Register what happened: ``game_id``, ``action_id`` and ``target_id``. Every pool it decides
        ends."""
    async def suggest_hot_betting_pool(
        self,
        *,
        pool_id: str,
        likely_to_happen_at: int | None = None,
        is_hot: bool | None = None,
        key: str | None = None,
    ) -> HotBettingPoolSuggested:
        """Mark a pool as hot, now or at ``likely_to_happen_at``, or with ``is_hot`` false as hot no
        longer."""
    async def block_betting_in_betting_pool(
        self,
        *,
        pool_id: str,
        block_at: int | None = None,
        key: str | None = None,
    ) -> BettingInPoolBlocked:
        """Stop a pool from accepting bets, now or at ``block_at``."""
    async def allow_betting_in_betting_pool(
        self,
        *,
        pool_id: str,
        allow_at: int | None = None,
        key: str | None = None,
    ) -> BettingInPoolAllowed:
        """Let a pool accept bets again, now or at ``allow_at``."""
    async def get_leaderboard(
        self,
        *,
        start: int | None = None,
        end: int | None = None,
        currency: str | None = None,
        game_type: str | None = None,
    ) -> Leaderboard:
        """Read a part of the ranking by net winnings in a currency, in all games or in those of a type."""
    async def get_leaderboard_for_game(
        self,
        *,
        game_id: str,
        start: int | None = None,
        end: int | None = None,
        currency: str | None = None,
    ) -> LeaderboardForGame:
        """Read a part of the ranking in a game; ``currency`` is the game's by default, and nobody is ranked
        in another."""
    async def get_friends_leaderboard(
        self,
        *,
        currency: str | None = None,
        game_type: str | None = None,
    ) -> LeaderboardFriends:
        """Rank the user and the user's friends by all games, or by those of a type."""
    async def get_friends_leaderboard_for_game(
        self,
        *,
        game_id: str,
        currency: str | None = None,
    ) -> LeaderboardFriendsForGame:
        """Rank the user and the user's friends by a game; ``currency`` as in get_leaderboard_for_game."""
    async def get_friends_leaderboard_for_game_source(
        self,
        *,
        source_id: str,
        currency: str | None = None,
        game_type: str | None = None,
    ) -> LeaderboardFriendsForGameSource:
        """Rank the user and the user's friends by the games of a source, or by those of a type."""
    async def get_my_friends_predictions_for_pool(
        self,
        *,
        pool_id: str,
        is_resolved: bool | None = None,
    ) -> MyFriendsPredictionsForPool:
        """Read what friends have bet in a pool; with ``is_resolved``, only the bets that are settled, or
        running."""
    async def get_my_friends_predictions_for_game(
        self,
        *,
        game_id: str,
    ) -> MyFriendsPredictionsForGame:
        """Read what friends have bet in a game."""
    async def add_friend(
        self,
        *,
        username: str,
        key: str | None = None,
    ) -> FriendRequested | FriendAccepted:
        """Ask another user to be a friend; if that user has asked already, accept."""
    async def remove_friend(
        self,
        *,
        user_id: int,
        key: str | None = None,
    ) -> FriendRemoved:
        """Be friends no more; decline the request of another user, or withdraw one's own."""
    async def list_friends(
        self,
    ) -> FriendsList:
        """List the user's friends, and the open requests to be friends."""
    async def accept_friend(
        self,
        *,
        user_id: int,
        key: str | None = None,
    ) -> FriendAccepted:
        """Accept the request of another user to be a friend."""
    async def block_user(
        self,
        *,
        user_id: int,
        key: str | None = None,
    ) -> UserBlocked:
        """Block another user: no requests and no chat of that user any more, who is not told, and a friend no
        longer."""
    async def unblock_user(
        self,
        *,
        user_id: int,
        key: str | None = None,
    ) -> UserUnblocked:
        """Block another user no longer."""
    async def list_blocked(
        self,
    ) -> BlockedList:
        """List the users whom the user has blocked."""
    async def list_games_i_am_admin_of(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> GamesIAmAdminOfList:
        """List the games the user is an admin of; ``after`` takes the ``next`` of the page before."""
    async def list_game_sources_i_am_admin_of(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> GameSourcesIAmAdminOfList:
        """List the sources the user is an admin of; ``after`` takes the ``next`` of the page before."""
    async def become_an_admin_for_game(
        self,
        *,
        game_id: str,
        key: str | None = None,
    ) -> BecomeAnAdminForGameSuccess:
        """Become an admin of the game, as an admin of its source. A repetition succeeds."""
    async def appoint_admin_for_game_by_username(
        self,
        *,
        game_id: str,
        username: str,
        key: str | None = None,
    ) -> GameAdminAppointed:
        """Make another user an admin of the game, who is notified by become_an_admin_for_game_success."""
    async def remove_game_admin(
        self,
        *,
        game_id: str,
        username: str,
        key: str | None = None,
    ) -> GameAdminRemoved:
        """Remove an admin of the game, other than the user who opened its source."""
    async def get_my_current_balance(
        self,
        *,
        currency: str | None = None,
    ) -> YourCurrentBalance:
        """Read what the user has, staked money included."""
    async def get_my_available_balance(
        self,
        *,
        currency: str | None = None,
    ) -> YourAvailableBalance:
        """Read what the user can stake."""
    async def get_my_history(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        currency: str | None = None,
    ) -> MyHistory:
        """List the games in which the user has bet, in one currency or in all."""
    async def get_user_statistics(
        self,
        *,
        user_id: int | None = None,
        currency: str | None = None,
    ) -> UserStatistics:
        """Read what the user's bets that have ended come to, or those of a friend, whom ``user_id`` names."""
    async def get_my_points_history(
        self,
        *,
        days: int | None = None,
        currency: str | None = None,
    ) -> MyPointsHistory:
        """Read how the user's points have changed in the last ``days``, today included."""
    async def get_my_exposure(
        self,
        *,
        currency: str | None = None,
    ) -> YourExposure:
        """Read what the user has staked in running bets."""
    async def text_message(
        self,
        *,
        text: str,
        targets: list[str] | str | None = None,
        key: str | None = None,
    ) -> TextMessageSent:
        """Write in the chat of one or several games that the user has joined, or of all of them; in all or in
        none."""
    async def get_chat_history(
        self,
        *,
        channel: str,
        limit: int | None = None,
        before: str | None = None,
    ) -> ChatHistory:
        """Read the chat of a game; ``before`` takes the id of a message, such as the first that has been
        read."""
    async def remove_text_message(
        self,
        *,
        message_id: str,
        reason: str | None = None,
        key: str | None = None,
    ) -> TextMessageRemovalDone:
        """Remove a message from the chat of a game; its text is erased."""
    async def mute_user(
        self,
        *,
        game_id: str,
        user_id: int,
        duration_s: int,
        reason: str | None = None,
        key: str | None = None,
    ) -> UserMuted:
        """Let a user not write in the chat of a game for some time; a new time replaces the old one."""
    async def list_users(
        self,
        *,
        search: str | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> UsersList:
        """List the users, or those whose names begin with ``search``, in order of their names; deleted ones
        are left out."""
    async def update_user(
        self,
        *,
        user_id: int,
        is_provider: bool | None = None,
        is_admin: bool | None = None,
        is_banned: bool | None = None,
        password: str | None = None,
        void_bets: bool | None = None,
        key: str | None = None,
    ) -> UserUpdated:
        """Give a user a role or take it away, ban it or let it back, give it a password, or return its
        running bets."""
    async def credit_user(
        self,
        *,
        user_id: int,
        amount: Amount,
        currency: str | None = None,
        reason: str | None = None,
        key: str | None = None,
    ) -> UserCredited:
        """Give a user an amount from the mint; a negative one goes back there, at most what is available."""
    async def get_server_status(
        self,
    ) -> ServerStatus:
        """Read how the server fares."""
    async def get_audit_log(
        self,
        *,
        game_id: str | None = None,
        source_id: str | None = None,
        user_id: int | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> AuditLog:
        """List what admins have done, all of them or a user, and in a source or a game."""
    async def create_game(
        self,
        *,
        source_id: str,
        game_name: str,
        type: str,
        actions: list[str] | str | None = None,
        targets: list[str] | str | None = None,
        labels: dict[str, TargetLabelParameters] | None = None,
        action_labels: dict[str, str] | None = None,
        create_at: int | None = None,
        open_at: int | None = None,
        close_at: int | None = None,
        live_start_at: int | None = None,
        live_finish_at: int | None = None,
        currency: str | None = None,
        hashtag: str | None = None,
        image_url: str | None = None,
        scores: dict[str, int] | None = None,
        chat: Literal["all", "accounts", "off"] | None = None,
        key: str | None = None,
    ) -> GameCreated:
        """Create an upcoming game, which open_game opens later."""
    async def open_game(
        self,
        *,
        game_id: str,
        actions: list[str] | str | None = None,
        targets: list[str] | str | None = None,
        labels: dict[str, TargetLabelParameters] | None = None,
        action_labels: dict[str, str] | None = None,
        key: str | None = None,
    ) -> GameOpened:
        """Open an upcoming game."""
    async def preview_close_game(
        self,
        *,
        game_id: str,
    ) -> CloseGamePreview:
        """Read what closing the game would do. Nothing changes."""
    async def list_upcoming_games_for_source(
        self,
        *,
        source_id: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> UpcomingGamesListForSource:
        """List the games of a source that are created and not yet opened."""
    async def update_betting_pool(
        self,
        *,
        pool_id: str,
        description: str | None = None,
        start_at: int | None = None,
        finish_at: int | None = None,
        stop_accepting_bets_at: int | None = None,
        recreate_on_end: bool | None = None,
        min_stake: Amount | None = None,
        max_stake: Amount | None = None,
        clear: list[str] | str | None = None,
        key: str | None = None,
    ) -> BettingPoolUpdated:
        """Change an open pool."""
    async def list_resolved_betting_pools_for_game(
        self,
        *,
        game_id: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> ResolvedBettingPoolsForGame:
        """List the ended pools of a game."""
    async def list_my_running_bets(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> MyRunningBets:
        """List the user's running bets in all games."""
    async def cancel_bet(
        self,
        *,
        bet_id: str,
        key: str | None = None,
    ) -> BetCancelled:
        """Cancel a bet of one's own: in a pool with ``is_cancellable``, while it takes bets and the match has
        not begun."""
    async def preview_game_event(
        self,
        *,
        target_id: str | None = None,
        game_id: str | None = None,
        action_id: str | None = None,
        pool_id: str | None = None,
        winners: list[str] | str | None = None,
        split: Literal["profit", "pot"] | None = None,
        happened_at: int | None = None,
        description: str | None = None,
        external_id: str | None = None,
    ) -> GameEventPreview:
        """Read what registering an event, or resolving a pool by hand, would do. Nothing changes."""
    async def void_game_event(
        self,
        *,
        game_id: str,
        event_id: str,
        reason: str | None = None,
        keep_blocked: bool | None = None,
        key: str | None = None,
    ) -> GameEventVoided:
        """Void an event, and take back the settlement of every pool it ended."""
    async def void_betting_pool(
        self,
        *,
        pool_id: str,
        reason: str | None = None,
        key: str | None = None,
    ) -> BettingPoolVoided:
        """Void a pool: all stakes are returned. If it is resolved, its settlement is taken back first."""
    async def preview_void_game_event(
        self,
        *,
        event_id: str,
        action_id: str | None = None,
        target_id: str | None = None,
        happened_at: int | None = None,
        description: str | None = None,
    ) -> VoidGameEventPreview:
        """Read what voiding an event (3951) would do; with any of the last four parameters, what amending it
        (3954) would."""
    async def amend_game_event(
        self,
        *,
        event_id: str,
        action_id: str | None = None,
        target_id: str | None = None,
        happened_at: int | None = None,
        description: str | None = None,
        key: str | None = None,
    ) -> GameEventAmended:
        """Correct an event in one step: what is given replaces what it was, and pools are settled as if it
        always had been."""
    async def resolve_betting_pool(
        self,
        *,
        pool_id: str,
        winners: list[str] | str,
        happened_at: int | None = None,
        split: Literal["profit", "pot"] | None = None,
        key: str | None = None,
    ) -> BettingPoolResolved:
        """Resolve a pool of any type by hand, to one or several of its targets (a dead heat)."""
    async def suggest_hot_betting_pool_for_action_and_target(
        self,
        *,
        game_id: str,
        action_id: str,
        target_id: str,
        likely_to_happen_at: int | None = None,
        key: str | None = None,
    ) -> HotBettingPoolSuggested:
        """Mark the unresolved pools on an action that hold a target as hot, now or at
        ``likely_to_happen_at``."""
    async def block_betting_for_game_and_action(
        self,
        *,
        game_id: str,
        action_id: str,
        block_at: int | None = None,
        key: str | None = None,
    ) -> BettingForGameAndActionBlocked:
        """Stop the pools on an action from accepting bets, now or at ``block_at``: those that are unresolved
        then."""
    async def hold_betting_for_game(
        self,
        *,
        game_id: str,
        key: str | None = None,
    ) -> BettingForGameHeld:
        """Stop all pools of a game from accepting bets, those too that open while the game is held."""
    async def allow_betting_for_game_and_action(
        self,
        *,
        game_id: str,
        action_id: str,
        allow_at: int | None = None,
        key: str | None = None,
    ) -> BettingForGameAndActionAllowed:
        """Let the pools on an action accept bets again, now or at ``allow_at``: those that are unresolved
        then."""
    async def release_betting_for_game(
        self,
        *,
        game_id: str,
        key: str | None = None,
    ) -> BettingForGameReleased:
        """End the hold of a game: its pools accept bets again, but for those that are blocked otherwise."""
    async def get_user_tailored_leaderboard(
        self,
        *,
        top_count: int | None = None,
        bottom_count: int | None = None,
        surrounding_count: int | None = None,
        game_id: str | None = None,
        currency: str | None = None,
        game_type: str | None = None,
    ) -> LeaderboardTailored | LeaderboardForGameTailored:
        """Read the user's own part of the ranking in all games or in those of a type; with ``game_id``, in
        that game."""
    async def get_leaderboard_for_game_source(
        self,
        *,
        source_id: str,
        start: int | None = None,
        end: int | None = None,
        currency: str | None = None,
        game_type: str | None = None,
    ) -> LeaderboardForGameSource:
        """Read a part of the ranking in the games of a source, or in those of a type."""
    async def get_user_tailored_leaderboard_for_game_source(
        self,
        *,
        source_id: str,
        top_count: int | None = None,
        bottom_count: int | None = None,
        surrounding_count: int | None = None,
        currency: str | None = None,
        game_type: str | None = None,
    ) -> LeaderboardForGameSourceTailored:
        """Read the user's own part of the ranking in the games of a source, or in those of a type."""
