"""Session keys and the proofs made with them (protocol, "Logging on")."""

import base64
import hashlib
import hmac


def session_key(secret: bytes, session_id: str) -> str:
    """``SESSION_ID.MAC``: cannot be made from what the database holds, only with the server's secret."""
    mac = hmac.new(secret, session_id.encode(), hashlib.sha256).digest()
    return f"{session_id}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def session_id_of(secret: bytes, key: str) -> str | None:
    """The session that ``key`` proves, or None for a key this server did not make."""
    session_id = key.partition(".")[0]
    genuine = session_key(secret, session_id)
    return session_id if hmac.compare_digest(genuine.encode(), key.encode()) else None


def login_digest(user_id: int, nonce: str, key: str) -> str:
    """``h`` of a login by digest: lower-case hex of sha256(str(ID) + NONCE + SESSION_KEY)."""
    return hashlib.sha256(f"{user_id}{nonce}{key}".encode()).hexdigest()


def digest_matches(proof: str, user_id: int, nonce: str, key: str) -> bool:
    """Whether ``proof`` is the digest, compared in constant time."""
    return hmac.compare_digest(login_digest(user_id, nonce, key).encode(), proof.encode())


def secret_fingerprint(secret: bytes) -> bytes:
    """By which a secret is known again, and from which neither it nor any session key can be made."""
    return hashlib.sha256(b"gameserver, fingerprint of a secret: " + secret).digest()
