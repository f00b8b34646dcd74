"""What the servers on one database tell each other: the effects of the changes that one of them has committed."""

from collections.abc import Iterable
from typing import Any

import msgspec

from gameserver.engine.context import Committed, Effects, WithEffects
from gameserver.storage.ledger import Balances

_NONE = Effects()


class _Told(msgspec.Struct, array_like=True):
    """The effects of one change; balances as a list, since their keys are pairs."""

    effects: Effects
    balances: list[tuple[int, str, Balances]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Told])


def announce(results: Iterable[Any]) -> bytes | None:
    """The effects among the results of committed jobs; None if there are none."""
    told = [_told(effects) for effects in map(_effects_of, results) if effects != _NONE]
    return _encoder.encode(told) if told else None


def hear(body: bytes) -> list[Committed]:
    """The changes whose effects another server has announced; their replies are not ours to send."""
    return [Committed(b"", _effects(told)) for told in _decoder.decode(body)]


def _effects_of(result: object) -> Effects:
    return result.effects if isinstance(result, Committed | WithEffects) else _NONE


def _told(effects: Effects) -> _Told:
    balances = [(user, currency, held) for (user, currency), held in effects.balances.items()]
    return _Told(msgspec.structs.replace(effects, balances={}), balances)


def _effects(told: _Told) -> Effects:
    balances = {(user, currency): held for user, currency, held in told.balances}
    return msgspec.structs.replace(told.effects, balances=balances)
