"""The chat of games, and its moderation (protocol, "Chat")."""

from collections.abc import Sequence

import msgspec

from gameserver.config import Settings
from gameserver.domain.chat import next_used_until, require_writable, wait_ms
from gameserver.domain.names import different, split_list
from gameserver.engine.context import Change, Reading
from gameserver.errors import ErrorCode, Rejected, decide, invalid, not_found
from gameserver.protocol.chat import (
    ChatHistory,
    ChatMessage,
    GetChatHistory,
    MuteUser,
    NewTextMessage,
    RemoveTextMessage,
    TextMessage,
    TextMessageRemovalDone,
    TextMessageRemoved,
    TextMessageSent,
    UserMuted,
    YouWereMuted,
)
from gameserver.protocol.fields import Uuid
from gameserver.storage.blocks import list_blockers
from gameserver.storage.chat import (
    erase_line,
    find_line,
    get_muted_until,
    get_used_until,
    insert_line,
    list_latest_lines,
    nth_newest_received_at,
    update_muted_until,
    update_used_until,
)
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game, find_game, get_game
from gameserver.storage.users import find_user_by_id

MAX_CHANNELS = 100  # in which one request writes
SECOND_MS = 1_000


def parse_text_message(request: TextMessage, settings: Settings) -> list[str]:
    """The ids of the games that are named, each once. Raises ``invalid_parameter``, for the text too."""
    require_writable(request.text, "text")
    channels = list(different(split_list(request.targets or [])))
    if len(channels) > MAX_CHANNELS:
        raise invalid("targets", f"targets may name at most {MAX_CHANNELS} games")
    for channel in channels:
        try:
            msgspec.convert(channel, Uuid)
        except msgspec.ValidationError:
            raise invalid("targets", "targets must be the id of a game, or several, each a lower-case UUID") from None
    return channels


def games_named(channels: list[str]) -> list[str]:
    """The ids of the games: a channel has that of its game."""
    return channels


def text_messages(
    _: Connection, calls: Sequence[tuple[Change, TextMessage, list[str]]]
) -> list[TextMessageSent | Rejected]:
    """Write in the chat of the games named, or of all that the user is present in."""
    return [decide(_write, change, request.text, channels) for change, request, channels in calls]


def _write(change: Change, text: str, channels: list[str]) -> TextMessageSent:
    joined = change.audience.games_of(change.user.id)
    games = [_game(change, channel) for channel in channels or joined[-MAX_CHANNELS:]]
    if not games:
        raise Rejected(ErrorCode.CONFLICT, "you have joined no game to write in; join_game (363) comes first")
    for game in games:
        _require_may_write(change, game)
        if game.uuid not in joined and not change.over_http:
            raise Rejected(ErrorCode.CONFLICT, f"you have not joined the game {game.uuid}; join_game (363) comes first")
    used_until = _keep_pace(change)
    for game in games:
        _require_pace_of_game(change, game)
    update_used_until(change.connection, change.user.id, used_until)
    blockers = list_blockers(change.connection, change.user.id)
    return TextMessageSent(message_ids=[_write_in(change, game, text, blockers) for game in games])


def _game(change: Change, channel: str) -> Game:
    game = find_game(change.connection, channel)
    if game is None:
        raise not_found("targets", "game")
    return game


def _require_may_write(change: Change, game: Game) -> None:
    """Raise `Rejected` for who is muted in the game, a guest where only accounts write, and where nobody writes."""
    muted_until = get_muted_until(change.connection, game.id, change.user.id)
    if muted_until > change.now_ms:
        text = f"you are muted in the game {game.uuid} until {muted_until} (epoch milliseconds)"
        raise Rejected(ErrorCode.NOT_AUTHORIZED, text)
    if game.chat == "accounts" and change.user.is_guest:
        text = f"in the game {game.uuid} only accounts may write; a guest becomes one by setting a password"
        raise Rejected(ErrorCode.NOT_AUTHORIZED, text)
    if game.closed_at is not None:
        raise Rejected(ErrorCode.GAME_CLOSED, f"the game {game.uuid} is closed")
    if game.chat == "off":
        raise Rejected(ErrorCode.CONFLICT, f"the game {game.uuid} has no chat")


def _keep_pace(change: Change) -> int:
    """Up to which time the user has then used up what he may write. Raises ``rate_limited`` for a message too many."""
    used_until = next_used_until(get_used_until(change.connection, change.user.id), change.now_ms)
    wait = wait_ms(used_until, change.now_ms)
    if wait > 0:
        raise _too_many("a user may write once a second, and at most five times at once", wait)
    return used_until


def _require_pace_of_game(change: Change, game: Game) -> None:
    """Raise ``rate_limited`` if as much as may be has been written in the game within a second."""
    per_s = change.settings.max_chat_per_game_per_s
    earlier = nth_newest_received_at(change.connection, game.id, per_s)
    if earlier is not None and earlier > change.now_ms - SECOND_MS:
        text = f"at most {per_s} messages a second may be written in a game"
        raise _too_many(text, earlier + SECOND_MS - change.now_ms)


def _too_many(what: str, retry_after_ms: int) -> Rejected:
    text = f"{what}; retry in {retry_after_ms} ms"
    return Rejected(ErrorCode.RATE_LIMITED, text, retry_after_ms=retry_after_ms)


def _write_in(change: Change, game: Game, text: str, blockers: list[int]) -> str:
    """Store a message, and tell it to all but those who have blocked the user; returns its id."""
    user, now_ms = change.user, change.now_ms
    uuid = insert_line(change.connection, game.id, user.id, text, now_ms)
    message = NewTextMessage(
        message_id=uuid, sender=user.username, sender_id=user.id, text=text, received_at=now_ms, channel=game.uuid
    )
    change.announce(game, message, but_for=blockers)
    return uuid


def get_chat_history(reading: Reading, request: GetChatHistory) -> ChatHistory:
    """Read the newest messages of a game, or those before a message."""
    game = find_game(reading.connection, request.channel)
    if game is None:
        raise not_found("channel", "game")
    before = None
    if request.before is not None:
        line = find_line(reading.connection, request.before)
        if line is None or line.game_id != game.id:
            raise not_found("before", "message of this game")
        before = line.id
    lines = list_latest_lines(reading.connection, game.id, reading.user.id, before, request.limit)
    return ChatHistory(
        channel=game.uuid,
        messages=[
            ChatMessage(
                message_id=line.uuid,
                sender=line.sender,
                sender_id=line.sender_id,
                text=line.text,
                received_at=line.received_at,
                channel=game.uuid,
            )
            for line in lines
            if line.text is not None
        ],
    )


def remove_text_message(change: Change, request: RemoveTextMessage) -> TextMessageRemovalDone:
    """Remove a message from its game's chat, and erase its text."""
    line = find_line(change.connection, request.message_id)
    if line is None:
        raise not_found("message_id", "message")
    game = get_game(change.connection, line.game_id)
    change.admit(request, source_id=game.source_id, game_id=game.id)
    change.game_id = game.id
    if line.text is None:
        raise Rejected(ErrorCode.CONFLICT, "this message has been removed already")
    erase_line(change.connection, line.id)
    change.announce(game, TextMessageRemoved(message_id=line.uuid, channel=game.uuid, reason=request.reason))
    return TextMessageRemovalDone(message_id=line.uuid)


def mute_user(change: Change, request: MuteUser) -> UserMuted:
    """Let a user not write in a game for some time, or let him write again, and tell that user."""
    user = find_user_by_id(change.connection, request.user_id)
    if user is None:
        raise not_found("user_id", "user")
    game = change.game(request, request.game_id)
    muted_until = change.now_ms + request.duration_s * SECOND_MS
    update_muted_until(change.connection, game.id, user.id, muted_until)
    until = muted_until if request.duration_s else None
    change.notify(user.id, YouWereMuted(game_id=game.uuid, until=until, reason=request.reason))
    return UserMuted(game_id=game.uuid, user_id=user.id, username=user.username, until=until, reason=request.reason)
