"""Who hears a game: a connection that has joined it, and its subscription."""

from typing import Protocol

from gameserver.net.outbox import Outbox
from gameserver.storage.users import User


class Subscriber(Protocol):
    """What a hub needs of a subscribed connection."""

    @property
    def outbox(self) -> Outbox:
        """The connection's send queue."""

    def drop(self, game_uuid: str) -> None:
        """Drop the subscription to a game that has ended."""


class Subscription:
    """One connection's subscription to a game, from joining until leaving.

    ``user`` is who is present by it, and gets what a game's subscribers are told personally: None for a view key.

    The hub pushes to it once it is active; until then, the connection catches up from the game's log.
    """

    __slots__ = ("subscriber", "user")

    def __init__(self, subscriber: Subscriber, user: User | None) -> None:
        self.subscriber = subscriber
        self.user = user
