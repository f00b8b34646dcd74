"""Who is connected, and has joined which games, as handlers ask for it in the database's threads."""

from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.hubs import Hubs


class ServerAudience:
    """Implements `gameserver.engine.context.Audience`."""

    def __init__(self, hubs: Hubs, registry: ConnectionRegistry) -> None:
        self.subscribers_of = hubs.subscribers_of
        self.games_of = hubs.games_of
        self.is_online = registry.is_online
