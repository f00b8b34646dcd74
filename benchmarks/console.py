"""Whether the console keeps up on a slow phone: frames and memory of a game whose pools change all the time.

``python -m benchmarks.console`` takes the extra ``dev``, Chromium, and some eleven minutes (``--minutes``). The server
is a process; one client bets in each of 50 pools ten times a second, which the server tells the page each time. The
page is a phone's whose processor is slowed down by four. Frames are counted by ``requestAnimationFrame``, which other
load spoils: it is printed beside them. What the page holds is told by DevTools after collecting garbage. In the end
DevTools tells the processor time of the page's main thread at full speed, which little else can spoil; not before,
since the page holds more from then on.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, sync_playwright

from tests.support.browser import CHROMIUM, Visitor, visitor_of
from tests.support.process import UNLIMITED, Player, add_user, playing, run, serving
from tests.support.stage import Stage, staged

POOLS, UPDATES_PER_S, SLOWED = 50, 10, 4
FRAMES_S = 20
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
FRAMES = """
async (seconds) => {
  const { session } = await import("./app/session.js");
  let updates = 0;
  const stop = session.client.on("message", ({ res_name: name }) => {
    updates += name === "betting_pool_bets_distribution_update";
  });
  const at = [];
  await new Promise((resolve) => {
    const end = performance.now() + 1000 * seconds;
    const frame = (now) => (at.push(now), now < end ? requestAnimationFrame(frame) : resolve());
    requestAnimationFrame(frame);
  });
  stop();
  const gaps = at.slice(1).map((now, index) => now - at[index]);
  const late = gaps.filter((gap) => gap > 25).length / gaps.length;
  const fps = (1000 * gaps.length) / (at.at(-1) - at[0]);
  return { fps, late, longest: Math.max(...gaps), updates: updates / seconds };
}
"""


@contextmanager
def betting(stage: Stage, pools: list[str]) -> Iterator[None]:
    """Somebody bets in every pool, in all ten times a second each, until the context exits."""
    stage.user("bettor")
    assert run("user", "credit", "bettor", "100000000", "DON", "--db", stage.database).code == 0
    over = threading.Event()

    def bet(player: Player) -> None:
        due_s = time.monotonic()
        for number, target in enumerate(cycle(("argentina", "brazil", "none", "brazil"))):
            for pool in pools:
                bet = {"pool_id": pool, "target": target, "amount": 1 + number % 7}
                player.socket.send(json.dumps({"header": {"id": 1}, "op": 392, **bet}))
            answered = 0
            while answered < len(pools):
                answered += player.receive()["response_header"].get("id") == 1
            due_s += 1 / UPDATES_PER_S
            if over.wait(max(0.0, due_s - time.monotonic())):
                return

    with playing(stage.url, stage.key("bettor")) as player:
        thread = threading.Thread(target=bet, args=(player,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def scrolled_to(page: Visitor) -> Iterator[str]:
    """The page at two places, at each of which it has rested."""
    for place, scrolled in (("at the top", 0), ("in the middle", 4_000)):
        page.run(f"() => scrollTo(0, {scrolled})")
        page.run("() => new Promise((resolve) => setTimeout(resolve, 2000))")
        yield place


def spent_s(devtools: CDPSession) -> float:
    """The processor time of the page's main thread."""
    metrics = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def held(devtools: CDPSession) -> tuple[float, int]:
    """The megabytes of JavaScript's heap and the nodes of the document that are in use."""
    devtools.send("HeapProfiler.collectGarbage")
    used = devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    return used, devtools.send("Memory.getDOMCounters")["nodes"]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10, help="for how long memory is watched (default: 10)")
    minutes = parser.parse_args().minutes
    file = Path(tempfile.mkdtemp()) / "game.db"
    add_user(file, "dev", provider=True)
    with serving(file, *UNLIMITED) as server, staged(file, server.url) as stage, sync_playwright() as playwright:
        pools = [stage.open_pool(f"Who scores goal {number + 1}?", is_hot=number == 0) for number in range(POOLS)]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = stage.sign_in(visitor_of(browser, stage.origin, **PHONE), "nadia", f"game/{stage.game}")
        page.see(".pool--hot")
        devtools = page.context.new_cdp_session(page.page)
        with betting(stage, pools):
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
            for place in scrolled_to(page):
                told = page.run(FRAMES, FRAMES_S)
                print(
                    f"{place}: {told['fps']:.1f} frames/s, {100 * told['late']:.1f} % after more than 25 ms,"
                    f" the longest after {told['longest']:.0f} ms; {told['updates']:.0f} updates/s;"
                    f" load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )
            for minute in range(minutes + 1):
                megabytes, nodes = held(devtools)
                print(f"after {minute} minutes: {megabytes:.2f} MB of heap, {nodes} nodes", flush=True)
                if minute < minutes:
                    page.run("() => new Promise((resolve) => setTimeout(resolve, 60_000))")
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
            devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
            for place in scrolled_to(page):
                before_s = spent_s(devtools)
                updates = FRAMES_S * page.run(FRAMES, FRAMES_S)["updates"]
                print(f"{place}: {1e6 * (spent_s(devtools) - before_s) / updates:.0f} us an update", flush=True)
        page.context.close()
        browser.close()
    page.check()


if __name__ == "__main__":
    main()
