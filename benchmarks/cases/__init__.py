"""The cases, by the names they are chosen with."""

from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.bench import Bench
from benchmarks.cases.attacking import attack
from benchmarks.cases.betting import bets
from benchmarks.cases.broadcasting import broadcast, crowd
from benchmarks.cases.conflating import conflation
from benchmarks.cases.events import events
from benchmarks.cases.http_requests import http
from benchmarks.cases.idling import idle
from benchmarks.cases.nodes import nodes
from benchmarks.cases.ranking import ranking
from benchmarks.cases.requests import details, ping
from benchmarks.cases.settling import settlement
from benchmarks.cases.stalling import stalled
from benchmarks.cases.storming import storm
from benchmarks.cases.tallying import tally
from benchmarks.figures import Figure

Case = Callable[[Bench], Coroutine[Any, Any, list[Figure]]]

CASES: dict[str, Case] = {
    "broadcast": broadcast,
    "crowd": crowd,
    "bets": bets,
    "events": events,
    "ping": ping,
    "details": details,
    "http": http,
    "idle": idle,
    "stalled": stalled,
    "settlement": settlement,
    "ranking": ranking,
    "tally": tally,
    "storm": storm,
    "conflation": conflation,
    "attack": attack,
    "nodes": nodes,
}
