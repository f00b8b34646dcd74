"""A demo from its beginning to its end."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

import segno
import trio
from rich.console import Console

from gameserver.config import Settings, SettingsError
from gameserver.demo.bettors import Bettor, chat
from gameserver.demo.figures import Figures
from gameserver.demo.match import LENGTH_S, open_match, play
from gameserver.demo.spectators import spectate
from gameserver.embedding import EmbeddedServer, running
from gameserver.net.descriptors import raise_descriptor_limit
from gameserver.net.own_address import LOOPBACK, authority, is_everywhere, nearest, own_address
from gameserver.ops.signals import Signals
from gameserver.show.view import GameView
from gameserver.show.watching import keep_up, show

BETTORS, CHATTERS, SPECTATORS = 200, 8, 20
LASTS_S, SAMPLE_S = 60.0, 0.5
_UNLIMITED = 100_000_000


class Options(NamedTuple):
    """What a demo may be told: how fast, where to listen, how many spectators there are, the file to be kept."""

    speed: float = LENGTH_S / LASTS_S
    host: str = LOOPBACK
    port: int = 0
    spectators: int = SPECTATORS
    bettors: int = BETTORS
    db: str | None = None


async def demonstrate(options: Options, console: Console, say: Callable[[str], object]) -> bool:
    """Play the final on a server of its own, and show it; whether it was played to its end.

    Raises `SettingsError`, if it cannot listen where it is told.
    """
    with TemporaryDirectory(prefix="gameserver-demo-") as folder:
        settings = Settings(
            db=options.db or str(Path(folder) / "demo.db"),
            host=options.host,
            port=options.port,
            max_requests_per_s=_UNLIMITED,
            max_requests_per_s_per_address=_UNLIMITED,
            max_connections_per_address=_UNLIMITED,
            max_connections_per_user=_UNLIMITED,
        )
        raise_descriptor_limit(2 * options.spectators + options.bettors)  # both ends are in this process
        signals = Signals(hangup_stops=True)
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.handle)
            async with running(settings) as server:
                await _Demo(server, options, console, say).run(signals.stop)
            nursery.cancel_scope.cancel()
        return not signals.stop.is_set()


class _Demo:
    def __init__(
        self, server: EmbeddedServer, options: Options, console: Console, say: Callable[[str], object]
    ) -> None:
        self._server = server
        self._options = options
        self._console = console
        self._say = say
        self._figures = Figures()

    async def run(self, stop: trio.Event) -> None:
        """Play the match to its end, or until told to stop; the figures are told in any case."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._play_and_end, nursery.cancel_scope)
            await stop.wait()
            nursery.cancel_scope.cancel()
        for line in self._figures.summary():
            self._say(line)

    async def _play_and_end(self, waiting: trio.CancelScope) -> None:
        await self._play()
        waiting.cancel()

    async def _play(self) -> None:
        key = await self._server.add_user("director", is_provider=True)
        async with self._server.connect(key) as director, trio.open_nursery() as crowd:
            match = await open_match(director)
            link = self._link(match.game_id)
            self._tell_link(link)
            view = GameView(match.game_id)
            await crowd.start(partial(keep_up, director, view, lambda at, line: None))
            watcher = await self._server.add_user("watcher")
            for _ in range(self._options.spectators):
                crowd.start_soon(spectate, *self._address, watcher, match.game_id, self._figures)
            for number in range(self._options.bettors):
                crowd.start_soon(self._bet, number, view)
            crowd.start_soon(self._sample)
            async with trio.open_nursery() as playing:
                shown = GameView(match.game_id)
                figures = partial(self._figures_with, link)
                playing.start_soon(show, director, shown, self._console, self._say, figures)
                playing.start_soon(play, director, match, self._options.speed)
            crowd.cancel_scope.cancel()

    @property
    def _address(self) -> tuple[str, int]:
        """Where clients on this machine reach the server. Raises `SettingsError` if it listens at no TCP port."""
        parts = urlsplit(self._server.urls[0])
        if parts.hostname is None or parts.port is None:
            raise SettingsError("the demo needs an address to listen on")
        return nearest(parts.hostname), parts.port

    async def _sample(self) -> None:
        """Look at the rates now and then, so that their peaks are known."""
        while True:
            self._figures.shown()
            await trio.sleep(SAMPLE_S)

    async def _bet(self, number: int, view: GameView) -> None:
        key = await self._server.add_user(f"fan{number:03d}")
        async with self._server.connect(key) as client, trio.open_nursery() as nursery:
            nursery.start_soon(Bettor(number, client, view, self._figures, self._options.speed).bet)
            if number < CHATTERS:
                nursery.start_soon(chat, client, view, number)

    def _link(self, game_id: str) -> str:
        """Where the game is watched in the console."""
        host = urlsplit(self._server.urls[0]).hostname or ""
        shown = own_address() if is_everywhere(host) else host
        return f"http://{authority(shown, self._address[1])}/#/game/{game_id}"

    def _tell_link(self, link: str) -> None:
        self._say(f"watch it at {link}")
        if self._console.is_terminal:
            code = io.StringIO()
            segno.make(link, micro=False).terminal(out=code, compact=True)
            self._say(code.getvalue())

    def _figures_with(self, link: str) -> Mapping[str, str]:
        """What the picture tells besides the game; on a small terminal, it covers the link that was printed before."""
        return {**self._figures.shown(), "watch it at": link}
