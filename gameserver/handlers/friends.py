"""Friends, requests to be friends, and blocking (protocol, "Friends")."""

from gameserver.engine.context import Change, Reading
from gameserver.errors import ErrorCode, Rejected, invalid, not_found
from gameserver.protocol.friends import (
    AcceptFriend,
    AddFriend,
    BlockedList,
    BlockUser,
    FriendAccepted,
    FriendChange,
    FriendEntry,
    FriendRemoved,
    FriendRequested,
    FriendsChanged,
    FriendsList,
    ListBlocked,
    ListFriends,
    OtherUser,
    RemoveFriend,
    UnblockUser,
    UserBlocked,
    UserUnblocked,
)
from gameserver.storage.blocks import count_blocked, delete_block, insert_block, is_blocked, list_blocked_users
from gameserver.storage.friend_requests import (
    DECLINED_MS,
    FriendRequest,
    count_open_requests_of,
    find_open_request,
    insert_request,
    is_shown,
    last_declined_at,
    list_requests_from,
    list_requests_to,
    nth_newest_requested_at,
    update_ended,
)
from gameserver.storage.friends import (
    are_friends,
    count_friends,
    delete_friendship,
    insert_friendship,
    list_accepted_friends,
)
from gameserver.storage.users import User, find_user, find_user_by_id

HOUR_MS = 3_600_000
MAX_LISTED_GAMES = 20


def add_friend(change: Change, request: AddFriend) -> FriendRequested | FriendAccepted:
    """Ask another user to be a friend, or accept if that user has asked."""
    other = find_user(change.connection, request.username)
    if other is None:
        raise not_found("username", "user")
    _require_other(change, other, "username")
    _require_not_blocked(change, other)
    if are_friends(change.connection, change.user.id, other.id):
        raise Rejected(ErrorCode.CONFLICT, f"{other.username} is a friend of yours already")
    theirs = find_open_request(change.connection, other.id, change.user.id)
    if theirs is not None:
        _accept(change, theirs, other)
        return FriendAccepted(user_id=other.id, username=other.username)
    if find_open_request(change.connection, change.user.id, other.id) is None:
        _require_may_ask(change)
        _ask(change, other)
    return FriendRequested(user_id=other.id, username=other.username)


def _require_other(change: Change, other: User, field: str) -> None:
    if other.id == change.user.id:
        raise invalid(field, f"{field} names yourself; it must name another user")


def _other(change: Change, user_id: int) -> User:
    """The user with this id. Raises ``not_found``, and ``invalid_parameter`` for oneself."""
    other = find_user_by_id(change.connection, user_id)
    if other is None:
        raise not_found("user_id", "user")
    _require_other(change, other, "user_id")
    return other


def _require_not_blocked(change: Change, other: User) -> None:
    if is_blocked(change.connection, change.user.id, other.id):
        text = f"you have blocked {other.username}; unblock_user (468) comes first"
        raise Rejected(ErrorCode.CONFLICT, text)


def _require_may_ask(change: Change) -> None:
    """Raise `Rejected` at the limits of requests, and for a user who can have no more friends."""
    settings, user_id = change.settings, change.user.id
    _require_room_for_friend(change, change.user)
    most = settings.max_friend_requests
    if count_open_requests_of(change.connection, user_id) >= most:
        raise Rejected(ErrorCode.CONFLICT, f"a user may have at most {most} open requests; withdraw some first")
    per_h = settings.max_friend_requests_per_h
    earlier = nth_newest_requested_at(change.connection, user_id, per_h)
    if earlier is not None and earlier > change.now_ms - HOUR_MS:
        retry_after_ms = earlier + HOUR_MS - change.now_ms
        text = f"a user may make at most {per_h} requests an hour; retry in {retry_after_ms} ms"
        raise Rejected(ErrorCode.RATE_LIMITED, text, retry_after_ms=retry_after_ms)


def _require_room_for_friend(change: Change, user: User) -> None:
    most = change.settings.max_friends
    if count_friends(change.connection, user.id) >= most:
        raise Rejected(ErrorCode.CONFLICT, f"a user may have at most {most} friends, and {user.username} has as many")


def _ask(change: Change, other: User) -> None:
    """Make a request, which is not shown to who has blocked or lately declined the user."""
    connection, now_ms, most = change.connection, change.now_ms, change.settings.max_friend_requests
    declined_at = last_declined_at(connection, change.user.id, other.id)
    shown_at = now_ms if declined_at is None else max(now_ms, declined_at + DECLINED_MS)
    made = insert_request(connection, change.user.id, other.id, now_ms, shown_at)
    _tell(change, change.user.id, other, FriendChange.REQUEST_SENT)
    if not is_shown(connection, made, now_ms):
        return
    _tell(change, other.id, change.user, FriendChange.REQUEST_RECEIVED)
    for dropped in list_requests_to(connection, other.id, now_ms, most, skipped=most):
        update_ended(connection, dropped.id, now_ms)
        _tell(change, dropped.user_id, other, FriendChange.REMOVED)
        _tell(change, other.id, User(dropped.user_id, dropped.username, is_provider=False), FriendChange.REMOVED)


def _tell(change: Change, user_id: int, other: User, what: FriendChange) -> None:
    """Tell a user what has changed between him and another (466)."""
    change.notify(user_id, FriendsChanged(user_id=other.id, username=other.username, change=what))


def _tell_both(change: Change, other: User, what: FriendChange) -> None:
    _tell(change, change.user.id, other, what)
    _tell(change, other.id, change.user, what)


def accept_friend(change: Change, request: AcceptFriend) -> FriendAccepted:
    """Accept a request that the user is shown."""
    other = _other(change, request.user_id)
    theirs = find_open_request(change.connection, other.id, change.user.id)
    if theirs is None or not is_shown(change.connection, theirs, change.now_ms):
        raise Rejected(ErrorCode.CONFLICT, f"{other.username} has not asked to be a friend of yours")
    _accept(change, theirs, other)
    return FriendAccepted(user_id=other.id, username=other.username)


def _accept(change: Change, theirs: FriendRequest, other: User) -> None:
    for user in (change.user, other):
        _require_room_for_friend(change, user)
    update_ended(change.connection, theirs.id, change.now_ms)
    insert_friendship(change.connection, change.user.id, other.id, change.now_ms)
    _tell_both(change, other, FriendChange.ACCEPTED)


def remove_friend(change: Change, request: RemoveFriend) -> FriendRemoved:
    """End a friendship, withdraw a request, or decline one that the user is shown."""
    other = _other(change, request.user_id)
    if delete_friendship(change.connection, change.user.id, other.id):
        _tell_both(change, other, FriendChange.REMOVED)
    elif not _withdraw(change, other) and not _decline(change, other):
        text = f"{other.username} is no friend of yours, and neither of you has asked to be"
        raise Rejected(ErrorCode.CONFLICT, text)
    return FriendRemoved(user_id=other.id, username=other.username)


def _withdraw(change: Change, other: User) -> bool:
    """Withdraw the user's own request; whether there was one. Who was not shown it is not told."""
    mine = find_open_request(change.connection, change.user.id, other.id)
    if mine is None:
        return False
    if is_shown(change.connection, mine, change.now_ms):
        _tell(change, other.id, change.user, FriendChange.REMOVED)
    _tell(change, change.user.id, other, FriendChange.REMOVED)
    update_ended(change.connection, mine.id, change.now_ms)
    return True


def _decline(change: Change, other: User) -> bool:
    """Decline a request that the user is shown; whether there was one."""
    theirs = find_open_request(change.connection, other.id, change.user.id)
    if theirs is None or not is_shown(change.connection, theirs, change.now_ms):
        return False
    update_ended(change.connection, theirs.id, change.now_ms, is_declined=True)
    _tell_both(change, other, FriendChange.REMOVED)
    return True


def block_user(change: Change, request: BlockUser) -> UserBlocked:
    """Block a user, who sees no more of it than a friend does who is one no longer."""
    other, connection = _other(change, request.user_id), change.connection
    if not is_blocked(connection, change.user.id, other.id):
        most = change.settings.max_blocked_users
        if count_blocked(connection, change.user.id) >= most:
            raise Rejected(ErrorCode.CONFLICT, f"a user may block at most {most} users; unblock some first")
        if delete_friendship(connection, change.user.id, other.id):
            _tell_both(change, other, FriendChange.REMOVED)
        _withdraw(change, other)
        insert_block(connection, change.user.id, other.id, change.now_ms)
        _tell(change, change.user.id, other, FriendChange.BLOCKED)
    return UserBlocked(user_id=other.id, username=other.username)


def unblock_user(change: Change, request: UnblockUser) -> UserUnblocked:
    """Block a user no longer; an open request of that user is shown again."""
    other = _other(change, request.user_id)
    if not delete_block(change.connection, change.user.id, other.id):
        raise Rejected(ErrorCode.CONFLICT, f"you have not blocked {other.username}")
    _tell(change, change.user.id, other, FriendChange.UNBLOCKED)
    return UserUnblocked(user_id=other.id, username=other.username)


def list_blocked(reading: Reading, request: ListBlocked) -> BlockedList:
    """List whom the user has blocked."""
    return BlockedList(users=[OtherUser(*row) for row in list_blocked_users(reading.connection, reading.user.id)])


def list_friends(reading: Reading, request: ListFriends) -> FriendsList:
    """List the user's friends, with where they are, and open requests."""
    connection, audience, user_id = reading.connection, reading.audience, reading.user.id
    most = reading.settings.max_friend_requests
    return FriendsList(
        friends=[
            FriendEntry(
                user_id=friend.user_id,
                username=friend.username,
                online=audience.is_online(friend.user_id),
                games=audience.games_of(friend.user_id)[-MAX_LISTED_GAMES:],
                last_seen_at=friend.last_seen_at,
            )
            for friend in list_accepted_friends(connection, user_id)
        ],
        incoming=[OtherUser(*row[1:]) for row in list_requests_to(connection, user_id, reading.now_ms, most)],
        outgoing=[OtherUser(*row[1:]) for row in list_requests_from(connection, user_id)],
    )
