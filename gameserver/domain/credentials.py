"""Session keys and the proofs made with them (protocol, "Logging on")."""

import base64
import hashlib
import hmac


def session_key(secret: bytes, session_id: str) -> str:
    """The key of a session, ``SESSION_ID.MAC``: the MAC needs the server's secret, which the database does not hold."""
    mac = hmac.new(secret, session_id.encode(), hashlib.sha256).digest()
    return f"{session_id}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def session_id_of(secret: bytes, key: str) -> str | None:
    """The id of the session that ``key`` proves, or None for a key that was not made with ``secret``."""
    session_id = key.partition(".")[0]
    genuine = session_key(secret, session_id)
    return session_id if hmac.compare_digest(genuine.encode(), key.encode()) else None


def login_digest(user_id: int, nonce: str, key: str) -> str:
    """``h`` of a login by digest: lower-case hex of sha256(str(ID) + NONCE + SESSION_KEY)."""
    return hashlib.sha256(f"{user_id}{nonce}{key}".encode()).hexdigest()


def digest_matches(proof: str, user_id: int, nonce: str, key: str) -> bool:
    """Whether ``proof`` is the login digest, compared in constant time."""
    return hmac.compare_digest(login_digest(user_id, nonce, key).encode(), proof.encode())


def address_digest(secret: bytes, user_id: int, address: str) -> bytes:
    """A digest by which the server knows again from where a user logs in, and from which nobody else learns it."""
    return hmac.new(secret, f"gameserver, log-in of {user_id} from {address}".encode(), hashlib.sha256).digest()


def secret_fingerprint(secret: bytes) -> bytes:
    """A digest that identifies a secret, and from which neither it nor a session key can be derived."""
    return hashlib.sha256(b"gameserver, fingerprint of a secret: " + secret).digest()
