"""Carrying out what a feed tells, each entry once, however often the feed is started."""

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import trio

from gameserver.client import Client, Refused
from gameserver.errors import ErrorCode
from gameserver.feed.mapping import Entry
from gameserver.feed.reading import FeedFailed, NotMapped
from gameserver.protocol.games import PastEvent

_PAGE = 1000
# What a feed cannot go on after, and what says that an entry was carried out before.
_ENDS = (ErrorCode.GAME_CLOSED, ErrorCode.NOT_AUTHORIZED)
_KEY_LENGTH = 40


class Done(NamedTuple):
    """What an entry has come to; ``event_id`` is the event's it concerns."""

    what: str  # "registered", "voided", "amended", "added", or "known" if it had been carried out before
    event_id: str | None = None


class Feed:
    """Registers a feed's events in a game, and corrects them.

    With a ``speed``, entries are told as far apart as they were, divided by it, and events happen when they are told;
    else they are told at once, with the times they have. What the game has already is passed over.
    """

    def __init__(
        self, client: Client, game_id: str, *, speed: float | None, now_s: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._game_id = game_id
        self._speed = speed
        self._now_s = now_s
        self._events: dict[str, str] = {}  # external id → event id
        self._void_ids: set[str] = set()  # external ids of void events
        self._base: tuple[int, float] | None = None  # when an entry had been told, and when it was told now

    async def prepare(self) -> None:
        """Read which events the game has already. Raises `Refused` and `ConnectionLost`."""
        found: dict[str, PastEvent] = {}
        before = None
        while page := await self._page(before):
            found |= page
            before = list(page)[-1]
        # Of several with one external id, all but the last are void.
        for event_id, event in sorted(found.items(), key=lambda item: (not item[1].voided_at, item[1].registered_at)):
            if event.external_id is not None:
                self._note(event.external_id, event_id, is_void=bool(event.voided_at))

    async def _page(self, before: str | None) -> dict[str, PastEvent]:
        details = await self._client.get_game_details(
            game_id=self._game_id, with_voided=True, limit=_PAGE, before=before
        )
        return details.past_events

    def _note(self, external_id: str, event_id: str, *, is_void: bool) -> None:
        self._events[external_id] = event_id
        if is_void:
            self._void_ids.add(external_id)
        else:
            self._void_ids.discard(external_id)

    async def tell(self, entry: Entry) -> Done:
        """Carry out an entry when it is due. Raises `NotMapped`, `FeedFailed` and `ConnectionLost`."""
        is_known = self._is_known(entry)
        if not is_known:
            await self._wait(entry)
        if entry.told_at is not None and (is_known or self._base is None):
            self._base = entry.told_at, trio.current_time()
        if is_known:
            return Done("known", self._events.get(entry.subject))
        try:
            return await self._carry_out(entry)
        except Refused as refused:
            if refused.code == ErrorCode.KEY_REUSED:  # this line was carried out, on the event as it was then
                return Done("known", self._events.get(entry.subject))
            if refused.code in _ENDS:
                raise FeedFailed(refused.text) from None
            raise NotMapped(f"{refused.text} (action {entry.action!r}, target {entry.target!r})") from None

    def _is_known(self, entry: Entry) -> bool:
        if entry.void is not None:
            return entry.void in self._void_ids
        return entry.amend is None and entry.id in self._events

    async def _wait(self, entry: Entry) -> None:
        if self._speed is not None and entry.told_at is not None and self._base is not None:
            began_at, began_s = self._base
            await trio.sleep_until(began_s + (entry.told_at - began_at) / 1000 / self._speed)

    async def _carry_out(self, entry: Entry) -> Done:
        if entry.void is not None:
            return await self._void(entry, entry.void)
        if entry.amend is not None:
            return await self._amend(entry, entry.amend)
        if entry.id is None:
            await self._client.update_game_details(
                game_id=self._game_id, actions=entry.actions, targets=entry.targets, key=self._key(entry)
            )
            return Done("added")
        event = await self._client.register_game_event(
            game_id=self._game_id,
            action_id=entry.action,
            target_id=entry.target or "",
            happened_at=self._happened_at(entry),
            description=entry.description,
            external_id=entry.id,
            key=self._key(entry),
        )
        self._note(entry.id, event.event_id, is_void=False)
        return Done("registered", event.event_id)

    def _happened_at(self, entry: Entry) -> int | None:
        """What to send as an event's time: None is when it arrives."""
        if self._speed is None or entry.happened_at is None:
            return entry.happened_at
        if entry.at is None or entry.at <= entry.happened_at:
            return None
        return round(self._now_s() * 1000 - (entry.at - entry.happened_at) / self._speed)

    async def _void(self, entry: Entry, external_id: str) -> Done:
        event_id = self._event(external_id)
        await self._client.void_game_event(
            game_id=self._game_id, event_id=event_id, reason=entry.reason, key=self._key(entry)
        )
        self._note(external_id, event_id, is_void=True)
        return Done("voided", event_id)

    async def _amend(self, entry: Entry, external_id: str) -> Done:
        amended = await self._client.amend_game_event(
            event_id=self._event(external_id),
            key=self._key(entry),
            action_id=entry.action,
            target_id=entry.target,
            happened_at=self._happened_at(entry),
            description=entry.description,
        )
        self._note(external_id, amended.event_id, is_void=False)
        return Done("amended", amended.event_id)

    def _event(self, external_id: str) -> str:
        try:
            return self._events[external_id]
        except KeyError:
            raise NotMapped(f"the game has no event {external_id!r} to correct") from None

    def _key(self, entry: Entry) -> str:
        """The idempotency key of an entry: the same whenever the feed is started."""
        content = msgspec.json.encode([self._game_id, entry], order="deterministic")
        return hashlib.sha256(content).hexdigest()[:_KEY_LENGTH]
