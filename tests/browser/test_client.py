"""client.js, driven in a browser against a server process."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute

from tests.support.browser import EMPTY, Visitor, files_of_console
from tests.support.process import UNLIMITED, ServerProcess, add_user, playing, run, serving
from tests.support.stage import Visit, key_of
from tests.support.threaded import serving_here

BEGINNING = 1_700_000_000_000  # what a server's clock says while the page's own stands at 0
CONNECT = """
async ([url, sessionKey]) => {
  const module = await import("/client.js");
  window.client = new module.Client({ url, sessionKey });
  Object.assign(window, module, { states: [], heard: [], joins: [] });
  client.on("connection", ({ state, reason }) => states.push(reason ? `${state}: ${reason}` : state));
  client.start();
}
"""
JOIN = """
(game) => {
  window.game = client.join(game, {
    joined: ({ recovered }, isAgain) => joins.push(isAgain ? (recovered ? "recovered" : "reloaded") : "joined"),
    heard: (message) => heard.push([message.res_name, message.response_header.seq ?? null]),
  });
}
"""


class Place:
    """A server, the console's files, and a game with a pool."""

    def __init__(self, database: str, origin: str, url: str) -> None:
        self.database = database
        self.origin = origin
        self.url = url
        self.key = str(add_user(database, "ann")["session_key"])
        with playing(url, self.admin_key()) as admin:
            self.source = admin.call(365, source_name="Cup")["source_id"]
            details: dict[str, Any] = {
                "game_name": "A - B",
                "type": "football",
                "actions": ["Goal"],
                "targets": ["A", "B"],
            }
            self.game = admin.call(370, source_id=self.source, **details)["game_id"]
            admin.call(616, game_id=self.game)
            self.pool = admin.call(385, game_id=self.game, description="?", action_id="goal", targets=["A"])["pool_id"]

    def admin_key(self) -> str:
        """A session key of the game's admin."""
        return key_of(self.database, "dev")

    def balance(self) -> float:
        """What ann can stake."""
        with playing(self.url, self.key) as ann:
            return float(ann.call(810)["available_balance"])

    def bet(self) -> dict[str, Any]:
        """The parameters of a bet."""
        return {"pool_id": self.pool, "target": "A", "amount": 10}


@pytest.fixture
def place(location: str) -> Iterator[Place]:
    """A server and a game."""
    add_user(location, "dev", provider=True)
    with files_of_console() as origin, serving_here(location, allowed_origins=(origin,)) as url:
        yield Place(location, origin, url)


def connected(place: Place, visit: Visit) -> Visitor:
    """A visitor whose page has a live client."""
    visitor = visit(place.origin)
    connect(visitor, place)
    visitor.until("client.connection.state === 'live'")
    return visitor


def connect(visitor: Visitor, place: Place) -> None:
    """Let an empty page beside the module make a client."""
    visitor.page.goto(f"{place.origin}/{EMPTY}")
    visitor.run(CONNECT, [place.url, place.key])


def test_a_call_resolves_to_its_reply(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    reply = visitor.run("() => client.call('get_my_available_balance', {})")
    assert (reply["res_name"], reply["available_balance"], reply["currency"]) == ("your_available_balance", 1000, "DON")


def test_a_refusal_is_an_error_with_its_code_and_field(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    catch = """
    (parameters) => client.call("place_bet_in_betting_pool", parameters).catch(
      (error) => [error instanceof Refused, error.code, error.field, error.retryable, error.details.available]
    )
    """
    told = visitor.run(catch, place.bet() | {"amount": 1001})
    assert told == [True, "insufficient_funds", "amount", False, 1000]
    assert visitor.run(catch, place.bet() | {"target": "C"})[1:3] == ["invalid_parameter", "target"]


def test_two_taps_with_one_key_are_one_bet(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    tap_twice = """
    async (bet) => {
      const tap = () => client.call("place_bet_in_betting_pool", bet, { key: "slip" });
      return (await Promise.all([tap(), tap()])).map((reply) => reply.bet_id);
    }
    """
    first, second = visitor.run(tap_twice, place.bet())
    assert first == second
    assert place.balance() == 990


def test_a_bet_whose_reply_is_lost_is_sent_again_and_placed_once(place: Place, visit: Visit) -> None:
    visitor = visit(place.origin)
    lost: list[str] = []

    def lose_first_reply(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if '"res":356' in str(message) and not lost:
                lost.append(str(message))
                page.close(code=4009)
                server.close()
            else:
                page.send(message)

        server.on_message(pass_on)

    visitor.page.route_web_socket(re.compile("^ws:"), lose_first_reply)
    connect(visitor, place)
    reply = visitor.run("(bet) => client.call('place_bet_in_betting_pool', bet)", place.bet())
    assert len(lost) == 1
    assert reply["response_header"]["repeated"] is True
    assert reply["bet_id"] in lost[0]
    assert place.balance() == 990


@pytest.fixture
def mortal(location: str, tmp_path: Path) -> Iterator[tuple[Place, ServerProcess]]:
    """A server that can be killed, and a game."""
    add_user(location, "dev", provider=True)
    with (
        files_of_console() as origin,
        serving(location, *UNLIMITED, "--allowed-origins", origin, folder=tmp_path) as server,
    ):
        yield Place(location, origin, server.url), server


def test_after_a_restart_a_game_goes_on_where_it_was_left(
    mortal: tuple[Place, ServerProcess], visit: Visit, tmp_path: Path
) -> None:
    place, server = mortal
    visitor = connected(place, visit)
    visitor.forgive("WebSocket connection to")
    visitor.forgive("ERR_CONNECTION_REFUSED")
    visitor.forgive("/r/me/")
    visitor.run(JOIN, place.game)
    visitor.until("joins.length === 1")
    port = str(server.address[1])
    server.kill()
    visitor.until("states.includes('waiting: unreachable')")
    serve = partial(serving, place.database, *UNLIMITED, "--allowed-origins", place.origin, folder=tmp_path)
    with serve() as elsewhere, playing(elsewhere.url, place.admin_key()) as admin:
        for _ in range(3):
            admin.call(395, game_id=place.game, action_id="goal", target_id="b")
        elsewhere.stop()
    with serve("--port", port) as again, playing(again.url, place.admin_key()) as admin:
        visitor.run("() => client.check()")
        visitor.until("joins.length === 2")
        admin.call(395, game_id=place.game, action_id="goal", target_id="b")
        visitor.until("heard.filter(([name]) => name === 'new_game_event').length >= 4")
    assert visitor.run("() => joins") == ["joined", "recovered"]
    seqs = [seq for _, seq in visitor.run("() => heard") if seq is not None]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_a_session_that_ends_is_not_tried_again(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    run("user", "key", "ann", "--db", place.database)
    visitor.until("client.connection.state === 'ended'")
    assert visitor.run("() => client.connection.reason") == "signed_out"
    assert visitor.run("() => client.call('ping').catch((error) => error.name)") == "Unanswered"


def test_the_sources_watched_tell_of_new_games(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    visitor.run("() => client.on('message', ({ res_name }) => heard.push(res_name))")
    visitor.run("(source) => client.watch([source])", place.source)
    visitor.until("states.filter((state) => state === 'live').length === 2")
    with playing(place.url, place.admin_key()) as admin:
        admin.call(370, source_id=place.source, game_name="C - D", type="football")
    visitor.until("heard.includes('game_created_and_opened')")


def test_the_clock_is_the_servers(place: Place, visit: Visit) -> None:
    visitor = visit(place.origin)
    visitor.page.add_init_script("Date.now = () => 1577836800000")
    connect(visitor, place)
    visitor.until("client.connection.state === 'live'")  # and so the client has asked first
    reply = visitor.run("() => client.call('ping')")
    assert abs(visitor.run("() => client.now()") - reply["response_header"]["t"]) < 5_000


def test_the_clock_goes_by_the_quickest_answer(place: Place, visit: Visit) -> None:
    visitor = visit(place.origin)
    visitor.page.add_init_script("window.elapsed = 0; performance.now = () => elapsed")
    routes: list[WebSocketRoute] = []
    held: list[str] = []
    is_slow = False

    def answer_pings(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            request = json.loads(text)
            pong = json.dumps({"res": 1, "response_header": {"t": BEGINNING, "id": request["header"]["id"]}})
            if request["op"] != 1:
                server.send(text)
            elif is_slow:
                held.append(pong)
            else:
                page.send(pong)

        page.on_message(pass_on)
        routes.append(page)

    visitor.page.route_web_socket(re.compile("^ws:"), answer_pings)
    connect(visitor, place)
    for _ in range(4):  # what a new connection asks by itself is answered meanwhile
        visitor.run("() => client.call('ping')")
    is_slow = True
    visitor.run("() => { client.check(); elapsed += 1000; return client.call('get_my_exposure'); }")
    for pong in held:
        routes[0].send(pong)
    visitor.run("() => client.call('get_my_exposure')")
    assert len(held) == 1
    assert visitor.run("() => client.now()") == BEGINNING + 1_000


def test_of_each_field_of_a_pool_the_newest_version_is_known(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    merge = """
    (views) => {
      const pools = new PoolViews();
      const merged = views.map(([version, fields]) => pools.merge("p", version, fields));
      return [merged, pools.pools.get("p")];
    }
    """
    views = [[3, {"bets": 5, "blocked": False}], [5, {"bets": 7}], [4, {"bets": 6, "blocked": True}], [2, {"bets": 1}]]
    assert visitor.run(merge, views) == [[True, True, True, False], {"bets": 7, "blocked": True, "version": 5}]


def test_a_refusal_that_may_be_retried_is_sent_again_with_its_key(place: Place, visit: Visit) -> None:
    visitor = visit(place.origin)
    sent: list[dict[str, Any]] = []

    def be_busy_once(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            request = json.loads(text)
            if request["op"] == 392:
                sent.append(request)
            if len(sent) == 1 and request["op"] == 392:
                busy = {"res": 666, "code": "busy", "text": "later", "retryable": True, "retry_after_ms": 5}
                page.send(json.dumps({"response_header": {"t": 0, "id": request["header"]["id"]}, **busy}))
            else:
                server.send(text)

        page.on_message(pass_on)

    visitor.page.route_web_socket(re.compile("^ws:"), be_busy_once)
    connect(visitor, place)
    bet = """
    async (bet) => {
      const retries = [];
      const retrying = ({ code }, inMs) => retries.push([code, inMs]);
      await client.call("place_bet_in_betting_pool", bet, { retrying });
      return retries;
    }
    """
    assert visitor.run(bet, place.bet()) == [["busy", 5]]
    assert [request["header"]["key"] for request in sent] == [sent[0]["header"]["key"]] * 2
    assert place.balance() == 990


@pytest.mark.parametrize(
    ("code", "reason", "least_ms"),
    # What is left of the wait is read a moment later.
    [(1001, "restarting", -1_000), (4008, "slow", -1_000), (4009, "unreachable", -1_000), (4029, "flood", 9_000)],
)
def test_a_connection_that_is_closed_says_why_and_comes_back(
    place: Place, visit: Visit, code: int, reason: str, least_ms: int
) -> None:
    visitor = visit(place.origin)
    routes = visitor.keep_sockets()
    connect(visitor, place)
    visitor.run("() => client.call('ping')")
    visitor.run("() => client.on('connection', ({ retryAt }) => { window.waits ??= retryAt && retryAt - Date.now(); })")
    routes[0].close(code=code)
    visitor.until(f"states.includes('waiting: {reason}')")
    assert visitor.run("() => waits") >= least_ms
    visitor.run("() => client.check()")
    visitor.until("client.connection.state === 'live'")


def test_a_game_read_anew_after_a_restored_backup_is_not_called_recovered(place: Place, visit: Visit) -> None:
    visitor = visit(place.origin)
    epochs: list[str] = []

    def change_epoch(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            request = json.loads(text)
            if request["op"] == 363 and "epoch" in request:
                epochs.append(request["epoch"])
                request["epoch"] = "of another life"
            server.send(json.dumps(request))

        page.on_message(pass_on)

    visitor.page.route_web_socket(re.compile("^ws:"), change_epoch)
    connect(visitor, place)
    visitor.run(JOIN, place.game)
    visitor.until("joins.length === 1")
    visitor.run("() => client.watch(['" + place.source + "'])")
    visitor.until("joins.length === 2")
    assert visitor.run("() => joins") == ["joined", "reloaded"]
    assert len(epochs) == 1


def test_what_is_asked_before_the_connection_is_there_is_answered_once_it_is(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)  # a page that closes what is not yet open complains
    ask_first = """
    async ([url, sessionKey]) => {
      client.stop();
      window.client = new Client({ url, sessionKey });
      const names = ["ping", "get_my_exposure", "create_view_key", "list_my_sessions"];
      const asked = names.map((name) => client.call(name));
      client.start();
      return (await Promise.all(asked)).map((reply) => reply.res_name);
    }
    """
    told = visitor.run(ask_first, [place.url, place.key])
    assert told == ["pong", "your_exposure", "view_key_created", "my_sessions_list"]


def test_what_is_asked_the_moment_the_connection_is_there_is_sent_once(place: Place, visit: Visit) -> None:
    visitor = connected(place, visit)
    sent: list[dict[str, Any]] = []
    visitor.page.on(
        "websocket", lambda socket: socket.on("framesent", lambda payload: sent.append(json.loads(payload)))
    )
    ask_at_once = """
    ([url, sessionKey]) => {
      client.stop();
      window.client = new Client({ url, sessionKey });
      return new Promise((resolve, reject) => {
        const ask = () => client.call("list_my_sessions").then(resolve, reject);
        client.on("connection", ({ state }) => state === "live" && ask());
        client.start();
      });
    }
    """
    sessions = visitor.run(ask_at_once, [place.url, place.key])["sessions"]
    assert len(sessions) == 1
    visitor.run("() => client.call('ping')")
    assert [request["op"] for request in sent].count(102) == 1
