"""What a process makes of the signals that it is sent."""

import logging
import signal
from collections.abc import Callable

import trio

from gameserver.ops.log import log

logger = logging.getLogger(__name__)

# A terminal's Ctrl-C reaches parent and child, and a parent such as that of an executable by PyInstaller passes it on.
SAME_INTERRUPT_S = 0.3


class Signals:
    """Handles the process's signals: SIGTERM and SIGINT set ``stop``, SIGHUP calls ``on_reload``.

    With ``hangup_stops``, SIGHUP, which a closed terminal sends, sets ``stop`` too, unless the process was started with
    SIGHUP ignored (nohup). A second SIGINT ends the process at once, unless it comes within `SAME_INTERRUPT_S`.
    """

    def __init__(self, *, hangup_stops: bool = False) -> None:
        self.stop = trio.Event()
        self.on_reload: Callable[[], None] = lambda: None
        self._hangup_stops = hangup_stops

    async def handle(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Handle signals, until cancelled."""
        handled = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        if self._hangup_stops and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            handled.remove(signal.SIGHUP)
        before = {int(number): signal.getsignal(number) or signal.SIG_DFL for number in handled}

        def take_unreceived(number: int, _: object) -> None:
            """Let a signal that the receiver does not take do what it did before; nothing once all is to be closed."""
            if not self.stop.is_set():
                signal.signal(number, before[number])
                signal.raise_signal(number)

        for number in before:
            signal.signal(number, take_unreceived)
        try:
            async with trio.open_nursery() as later:
                with trio.open_signal_receiver(*handled) as signals:
                    task_status.started()
                    async for number in signals:
                        self._take(signal.Signals(number), later)
        finally:  # where all is closed, a further signal must not change the exit status
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if self.stop.is_set() else handler)

    def _take(self, number: signal.Signals, later: trio.Nursery) -> None:
        if number == signal.SIGHUP and not self._hangup_stops:
            self.on_reload()
            return
        if not self.stop.is_set():
            log(logger, logging.INFO, "stopping", "shutting down", signal=number.name)
        self.stop.set()
        if number == signal.SIGINT:
            later.start_soon(_let_interrupts_end_the_process)


async def _let_interrupts_end_the_process() -> None:
    await trio.sleep(SAME_INTERRUPT_S)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
