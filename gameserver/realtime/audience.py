"""Who is connected, and has joined which games, as handlers ask for it in the database's threads."""

from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.elsewhere import encode_present
from gameserver.realtime.hubs import Hubs


class ServerAudience:
    """Implements `gameserver.engine.context.Audience`, of all servers on the database."""

    def __init__(self, hubs: Hubs, registry: ConnectionRegistry) -> None:
        self._hubs = hubs
        self._registry = registry
        self.subscribers_of = hubs.subscribers_of
        self.games_of = hubs.games_of

    def is_online(self, user_id: int) -> bool:
        """Whether a user is connected to any server, view keys aside."""
        return self._registry.is_online(user_id) or self._hubs.elsewhere.is_online(user_id)

    def present(self) -> bytes:
        """Who is connected to this server, for the others."""
        online = [user_id for user_id in self._registry.user_ids if self._registry.is_online(user_id)]
        return encode_present(self._hubs.present(online))
