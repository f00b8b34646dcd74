"""A client of the server for Trio programs: typed operations, games to listen to, and one connection that lasts."""

from gameserver.client.client import Client, connect
from gameserver.client.errors import ClientError, ConnectionLost, Refused
from gameserver.client.listener import Listener
from gameserver.client.subscription import Subscription

__all__ = ["Client", "ClientError", "ConnectionLost", "Listener", "Refused", "Subscription", "connect"]
