"""What a client raises."""

from gameserver.errors import OperatorError
from gameserver.protocol.declare import ErrorReply, Message, snake_case


class ClientError(OperatorError):
    """A request or a subscription that came to nothing; the text is a sentence that says why."""


class ConnectionLost(ClientError):
    """There is no connection, and trying again does not help: the server refuses it, or has ended the session.

    Also raised where a connection broke before the reply to a request that must not be sent twice.
    """


class Refused(ClientError):
    """A refused request.

    ``code`` is that of the error reply, or the name of the reply that says no (as ``become_an_admin_for_game_fail``).
    ``field`` names the parameter at fault, ``retry_after_ms`` is when to try again if ``retryable``; ``reply`` is all
    that the server said.
    """

    def __init__(self, reply: Message) -> None:
        self.reply = reply
        self.code = snake_case(type(reply).__name__)
        self.text = str(getattr(reply, "reason", None) or self.code)
        self.field: str | None = None
        self.retryable = False
        self.retry_after_ms: int | None = None
        if isinstance(reply, ErrorReply):
            self.code, self.text, self.field = reply.code, reply.text, reply.field
            self.retryable, self.retry_after_ms = reply.retryable, reply.retry_after_ms
        super().__init__(f"{self.code}: {self.text}")
