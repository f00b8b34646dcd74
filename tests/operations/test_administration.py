"""Admins of the server manage users, see how it fares, and read what admins have done."""

from typing import Any

import pytest

from gameserver.admin.commands import AddUser, BanUser, CreditUser, UnbanUser
from gameserver.domain.credentials import login_digest
from gameserver.engine.passwords import is_password
from gameserver.errors import Rejected
from gameserver.storage.accounts import get_password_hash
from gameserver.storage.connection import Connection
from tests.operations.examples import set_stage
from tests.operations.test_betting import balances
from tests.support.harness import START_MS, Client, Server
from tests.support.settling import accepted
from tests.support.world import World, assert_refused, bearer, handshake_status, is_closed, within

PASSWORD = "correct horse"


async def id_of(admin: Client, name: str) -> int:
    """The id of a user."""
    (found,) = [it for it in (await accepted(admin, 1000, search=name))["users"] if it["username"] == name]
    return int(found["user_id"])


async def names(admin: Client, **parameters: Any) -> tuple[list[str], int | None]:
    """The names on a page of users, and its next."""
    page = await accepted(admin, 1000, **parameters)
    return [user["username"] for user in page["users"]], page["next"]


# Listing users


async def test_a_listed_user_shows_roles_times_and_balances(server: Server) -> None:
    admin, _ = await server.connect("admin"), await server.connect("provider")
    await server.command(CreditUser("provider", "2.50", "EUR"))
    (user,) = (await accepted(admin, 1000, search="PROV"))["users"]
    assert user == {
        "user_id": 2,
        "username": "provider",
        "is_guest": False,
        "is_provider": True,
        "is_admin": False,
        "banned_at": None,
        "created_at": START_MS,
        "last_seen_at": START_MS,
        "balances": {
            "DON": {"current_balance": 1000, "available_balance": 1000},
            "EUR": {"current_balance": 2.5, "available_balance": 2.5},
        },
    }


async def test_users_are_listed_by_name_page_by_page_and_found_by_how_they_begin(server: Server) -> None:
    admin = await server.connect("admin")
    for name in ("bob", "Ann", "anna", "an_n", "carl"):
        await server.add_user(name)
    everybody = ["admin", "an_n", "Ann", "anna", "bob", "carl"]
    found, after = [], None
    while True:
        page, after = await names(admin, limit=4, after=after)
        found += page
        if after is None:
            break
    assert found == everybody
    assert await names(admin, search="AN") == (["an_n", "Ann", "anna"], None)
    assert await names(admin, search="z") == ([], None)
    assert_refused(await admin.call(1000, after=999), 1000, "not_found", "after")


async def test_who_was_never_connected_was_never_seen_and_who_has_left_was_seen_then(server: Server) -> None:
    await server.add_user("bob")
    ann = await server.connect("ann")
    server.clock.time_ms += 5000
    await ann.socket.aclose()
    async with within():
        await server.until_all_are_gone()
    admin = await server.connect("admin")
    seen = {user["username"]: user["last_seen_at"] for user in (await accepted(admin, 1000))["users"]}
    assert seen == {"admin": START_MS + 5000, "ann": START_MS + 5000, "bob": None}


# Roles


async def test_a_role_binds_at_once_also_on_open_connections(server: Server) -> None:
    admin, ann = await server.connect("admin"), await server.connect("ann")
    user = await id_of(admin, "ann")
    assert_refused(await ann.call(365, source_name="Ours"), 365, "not_authorized")
    updated = await accepted(admin, 1001, user_id=user, is_provider="true", is_admin=True)
    assert (updated["is_provider"], updated["is_admin"], updated["banned_at"]) == (True, True, None)
    assert (await ann.call(365, source_name="Ours"))["res"] == 335
    assert (await ann.call(1003))["res"] == 1003
    await accepted(ann, 1001, user_id=user, is_provider=False)
    assert_refused(await ann.call(365, source_name="Ours"), 365, "not_authorized")
    assert (await ann.call(1003))["res"] == 1003
    await accepted(admin, 1001, user_id=user, is_admin=False)
    assert_refused(await ann.call(1003), 1003, "not_authorized")


@pytest.mark.parametrize("change", [{"is_admin": False}, {"is_banned": True}])
async def test_the_last_admin_who_can_log_on_stays_one(server: Server, change: dict[str, bool]) -> None:
    admin, other = await server.connect("admin"), await server.connect("admin2")
    first, second = await id_of(admin, "admin"), await id_of(admin, "admin2")
    await accepted(admin, 1001, user_id=second, **change)
    assert_refused(await admin.call(1001, user_id=first, is_admin=False), 1001, "conflict")
    with pytest.raises(Rejected, match="last admin"):
        await server.command(BanUser("admin"))
    assert await is_closed(other) == ("is_banned" in change)


async def test_an_unknown_user_is_not_found_and_one_without_the_role_is_refused(server: Server) -> None:
    admin, ann = await server.connect("admin"), await server.connect("ann")
    for op, parameters in ((1001, {"is_admin": True}), (1002, {"amount": 1})):
        assert_refused(await admin.call(op, user_id=99, **parameters), op, "not_found", "user_id")
        assert_refused(await ann.call(op, user_id=1, **parameters), op, "not_authorized")


# Bans


async def test_a_ban_ends_sessions_and_view_keys_and_says_so_to_who_logs_on(server: Server) -> None:
    admin, ann = await server.connect("admin"), await server.connect("ann")
    key, view = await server.key_of("ann"), (await ann.call(101))["session_key"]
    viewer = await server.connect(headers=bearer(view))
    user = await id_of(admin, "ann")
    server.clock.time_ms += 7
    assert (await accepted(admin, 1001, user_id=user, is_banned=True))["banned_at"] == START_MS + 7
    assert [await ann.close_code(), await viewer.close_code()] == [4002, 4002]
    for given in (key, view):
        assert await handshake_status(server, Authorization=f"Bearer {given}") == 403
        nobody = await server.connect()
        reply = await nobody.call(100, header={"session_key": given})
        assert (reply["res"], reply["reason"]) == (110, "banned")
    assert await handshake_status(server, Authorization="Bearer nonsense") == 401
    # Once more changes nothing; lifted, no old key is valid, and a new one is.
    assert (await accepted(admin, 1001, user_id=user, is_banned=True))["banned_at"] == START_MS + 7
    assert (await accepted(admin, 1001, user_id=user, is_banned=False))["banned_at"] is None
    for given in (key, view):
        assert await handshake_status(server, Authorization=f"Bearer {given}") == 401
    assert await handshake_status(server, Authorization=f"Bearer {await server.new_key('ann')}") == 101


async def test_the_command_line_bans_too_and_makes_no_key_for_who_is_banned(server: Server) -> None:
    ann = await server.connect("ann")
    await server.command(BanUser("ANN"))
    assert await ann.close_code() == 4002
    with pytest.raises(Rejected, match="ann is banned"):
        await server.new_key("ann")
    await server.command(UnbanUser("ann"))
    assert await server.new_key("ann")


async def test_an_admin_neither_bans_itself_nor_sets_its_own_password(server: Server) -> None:
    admin, _ = await server.connect("admin"), await server.connect("admin2")
    own = await id_of(admin, "admin")
    for change in ({"is_banned": True}, {"password": PASSWORD}):
        assert_refused(await admin.call(1001, user_id=own, **change), 1001, "conflict")


async def test_running_bets_stay_with_a_ban_unless_they_are_returned(world: World) -> None:
    stage = await set_stage(world)
    user = await id_of(world.admin, "user")
    pool = (await world.game_admin.call(385, game_id=world.game, type=3, description="Rain?"))["pool_id"]
    for target in ("yes", "yes", "no"):
        await accepted(world.user, 392, pool_id=pool, target=target, amount=10)
    watcher = await world.server.connect("watcher")
    await accepted(watcher, 363, game_id=world.game)
    assert (await accepted(world.admin, 1001, user_id=user, is_banned=True))["bets"] == 0
    assert (await accepted(watcher, 393, pool_id=pool))["amount_total"] == 30
    returned = await accepted(world.admin, 1001, user_id=user, void_bets=True, is_banned=False)
    assert (returned["bets"], returned["banned_at"]) == (4, None)
    for each in (pool, stage.pool):
        shown = await accepted(watcher, 393, pool_id=each)
        assert (shown["amount_total"], shown["bet_count"], shown["participants"]) == (0, 0, 0)
    told: set[str] = set()
    while told != {pool, stage.pool}:
        told.add((await watcher.expect(361))["pool_id"])
    again = await world.server.connect(headers=bearer(await world.server.new_key("user")))
    assert await balances(again) == (1000, 1000, 0)
    assert (await accepted(again, 391, bet_id=stage.bet))["status"] == "voided"
    assert (await accepted(world.admin, 1001, user_id=user, void_bets=True))["bets"] == 0


# Passwords


async def test_a_new_password_ends_the_users_sessions(server: Server) -> None:
    admin, ann = await server.connect("admin"), await server.connect("ann")
    user = await id_of(admin, "ann")
    await accepted(admin, 1001, user_id=user, password=PASSWORD)
    assert await ann.close_code() == 4002

    def read(connection: Connection) -> str | None:
        return get_password_hash(connection, user)

    stored = await server.context.store.read(read)
    assert is_password(PASSWORD, stored)
    assert not is_password(PASSWORD + "!", stored)


@pytest.mark.parametrize("password", ["a" * 7, "e\u0301" * 7, "a" * 129])
async def test_a_password_too_short_or_too_long_is_refused(server: Server, password: str) -> None:
    admin = await server.connect("admin")
    await server.add_user("ann")
    reply = await admin.call(1001, user_id=2, password=password)
    assert_refused(reply, 1001, "invalid_parameter", "password")


async def test_an_empty_password_is_none(server: Server) -> None:
    admin, ann = await server.connect("admin"), await server.connect("ann")
    assert (await accepted(admin, 1001, user_id=2, password="", is_provider=True))["is_provider"]
    assert (await ann.call(365, source_name="S"))["res"] == 335  # its session goes on


async def test_no_password_is_hashed_for_who_is_no_admin(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr("gameserver.handlers.administration.hash_password", hashed.append)
    ann = await server.connect("ann")
    assert_refused(await ann.call(1001, user_id=1, password=PASSWORD), 1001, "not_authorized")
    assert hashed == []


async def test_a_stored_request_does_not_tell_a_password_by_its_digest(server: Server) -> None:
    admin = await server.connect("admin")
    await server.add_user("ann")
    first = await admin.call(1001, user_id=2, password=PASSWORD, header={"key": "k"})
    again = await admin.call(1001, user_id=2, password="another password", header={"key": "k"})
    assert (again["response_header"]["repeated"], again["res"]) == (True, first["res"])
    other = await admin.call(1001, user_id=2, is_provider=True, password=PASSWORD, header={"key": "k"})
    assert_refused(other, 1001, "key_reused", "header.key")


# Credits


async def test_an_amount_is_given_or_goes_back_as_far_as_it_is_available(world: World) -> None:
    user = await id_of(world.admin, "user")
    stage = await set_stage(world)  # one unit is staked
    await world.user.heard()
    given = await accepted(world.admin, 1002, user_id=user, amount="2.50", currency="DON", reason="A gift")
    assert [given[name] for name in ("user_id", "amount", "currency")] == [user, 2.5, "DON"]
    assert (given["current_balance"], given["available_balance"]) == (1002.5, 1001.5)
    assert (await world.user.expect(815))["available_balance"] == 1001.5
    taken = await accepted(world.admin, 1002, user_id=user, amount=-1.5)
    assert (taken["amount"], taken["available_balance"]) == (-1.5, 1000)
    everything = await accepted(world.admin, 1002, user_id=user, amount="-5000")
    assert (everything["amount"], everything["available_balance"], everything["current_balance"]) == (-1000, 0, 1)
    nothing = await accepted(world.admin, 1002, user_id=user, amount=-1)
    assert (nothing["amount"], nothing["current_balance"]) == (0, 1)
    assert (await accepted(world.user, 391, bet_id=stage.bet))["status"] == "running"


@pytest.mark.parametrize("amount", [0, "0", "-0", "--1", "-", "+1", -0.001, "-1_0", "1e3", 10**13, -(10**13), True])
async def test_an_amount_that_is_none_is_refused(server: Server, amount: object) -> None:
    admin = await server.connect("admin")
    reply = await admin.call(1002, user_id=1, amount=amount)
    assert_refused(reply, 1002, "invalid_parameter", "amount")
    assert not any(wrong in reply["text"] for wrong in ("without a sign", "more than 0"))


@pytest.mark.parametrize("amount", [None, "", "None"])
async def test_an_absent_amount_is_missing(server: Server, amount: object) -> None:
    admin = await server.connect("admin")
    assert_refused(await admin.call(1002, user_id=1, amount=amount), 1002, "missing_parameter", "amount")


# The server's status


async def test_the_status_has_what_the_server_does(world: World) -> None:
    await set_stage(world)
    await accepted(world.user, 363, game_id=world.game)
    status = await accepted(world.admin, 1003)
    del status["response_header"]
    assert status["started_at"] == START_MS
    assert (status["connections"], status["users_online"], status["subscribers"]) == (6, 6, 1)
    assert (status["games_open"], status["waiting_writes"]) == (2, 0)
    assert status["commit_p99_ms"] > 0
    assert status["database_bytes"] > 0
    assert all(status[name] >= 0 for name in ("requests_per_s", "bets_per_s", "deliveries_per_s", "loop_delay_ms"))
    assert len(status) == 15
    assert isinstance(status["version"], str)
    assert isinstance(status["log_bytes"], int)


# The audit


async def audit(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    """Entries of the audit, newest first."""
    entries: list[dict[str, Any]] = (await accepted(client, 1004, **parameters))["entries"]
    return entries


async def test_every_act_of_an_admin_is_recorded_and_nothing_else(world: World) -> None:
    await set_stage(world)
    assert_refused(await world.user.call(375, game_id=world.game), 375, "not_authorized")
    await world.user.call(616, game_id=world.game)
    await accepted(world.game_admin, 3950, game_id=world.game, action_id="goal", target_id="brazil")
    entries = await audit(world.admin, game_id=world.game)
    assert [(entry["op"], entry["username"], entry["game_id"]) for entry in entries] == [
        (395, "game_admin", world.game),
        (385, "game_admin", world.game),
        (617, "provider", world.game),
        (370, "provider", world.game),
    ]
    assert entries[0]["name"] == "register_game_event"
    assert entries[0]["parameters"] == {"game_id": world.game, "action_id": "offside", "target_id": "brazil:7"}
    assert entries[0]["at"] == START_MS
    source = await audit(world.admin, source_id=world.source)
    assert [entry["op"] for entry in source] == [395, 385, 617, 367, 3701, 370, 365]
    assert [entry["op"] for entry in await audit(world.admin, source_id=world.source, user_id=3)] == [395, 385]
    assert await audit(world.admin, user_id=5) == []


async def test_an_act_that_is_done_in_part_is_recorded_and_one_repeated_is_not(world: World) -> None:
    await accepted(world.game_admin, 385, game_id=world.game, type=3, description="Rain?")
    assert (await world.game_admin.call(375, game_id=world.game))["code"] == "manual_pools_remain"
    await accepted(world.source_admin, 616, game_id=world.upcoming, header={"key": "k"})
    await accepted(world.source_admin, 616, game_id=world.upcoming, header={"key": "k"})
    assert [entry["op"] for entry in await audit(world.admin, limit=3)] == [616, 375, 385]


async def test_a_feed_that_sends_an_event_again_acts_once(world: World) -> None:
    event: dict[str, Any] = {"game_id": world.game, "action_id": "goal", "target_id": "brazil:7", "external_id": "e1"}
    for _ in range(2):
        await accepted(world.game_admin, 395, **event)
    assert [entry["op"] for entry in await audit(world.admin, game_id=world.game, limit=2)] == [395, 617]


async def test_what_is_only_previewed_is_no_act(world: World) -> None:
    await accepted(world.game_admin, 376, game_id=world.game, preview=True)
    await accepted(world.game_admin, 375, game_id=world.game)
    await accepted(world.source_admin, 378, game_id=world.game, preview=True)
    acts = [entry["op"] for entry in await audit(world.admin)]
    assert (acts[0], {376, 378} & {*acts}) == (375, set())


async def test_what_is_done_by_the_command_line_is_nobodys(world: World) -> None:
    await world.server.command(CreditUser("user", "5", "DON"))
    await world.server.command(AddUser("zoe", password_hash="$argon2id$secret"))
    newest, before = await audit(world.admin, limit=2)
    assert (newest["user_id"], newest["op"], newest["username"]) == (None, None, "the command line")
    assert (newest["name"], newest["parameters"]) == ("add_user", {"username": "zoe"})
    assert (before["name"], before["parameters"]["amount"]) == ("credit_user", "5")


async def test_an_admin_of_a_game_reads_what_concerns_it_and_nothing_else(world: World) -> None:
    assert (await audit(world.game_admin, game_id=world.game))[0]["op"] == 617
    refused: list[dict[str, Any]] = [{}, {"game_id": world.upcoming}, {"source_id": world.source}]
    for parameters in refused:
        assert_refused(await world.game_admin.call(1004, **parameters), 1004, "not_authorized")
    assert_refused(await world.source_admin.call(1004, game_id=world.game), 1004, "not_authorized")


async def test_pages_of_the_audit_go_on_without_loss_or_repetition_also_within_a_millisecond(world: World) -> None:
    for number in range(7):
        await accepted(world.game_admin, 374, game_id=world.game, period="1H", elapsed_ms=number, is_running=True)
        world.server.clock.time_ms += number // 4
    found: list[int] = []
    before = None
    while True:
        page = await accepted(world.admin, 1004, game_id=world.game, limit=2, before=before)
        found += [entry["parameters"]["elapsed_ms"] for entry in page["entries"] if entry["op"] == 374]
        before = page["next"]
        if before is None:
            break
    assert found == [6, 5, 4, 3, 2, 1, 0]
    last = await audit(world.admin, game_id=world.game, before=START_MS + 1, limit=1)
    assert last[0]["parameters"]["elapsed_ms"] == 4


async def test_secrets_are_no_part_of_the_audit(server: Server) -> None:
    admin = await server.connect("admin")
    await server.add_user("ann")
    await accepted(admin, 1001, user_id=2, password=PASSWORD)
    (entry,) = await audit(admin, limit=1)
    assert (entry["op"], entry["parameters"]) == (1001, {"user_id": 2})


async def test_a_proof_of_who_is_banned_spends_no_nonce(server: Server) -> None:
    admin, ann = await server.connect("admin"), await server.add_user("ann")
    proof = login_digest(ann["id"], "n", ann["session_key"])
    path = f"/?id={ann['id']}&n=n&h={proof}"
    await accepted(admin, 1001, user_id=ann["id"], is_banned=True)
    assert await handshake_status(server, path) == 403
    assert await handshake_status(server, path[:-1] + "x") == 401
    nobody = await server.connect()
    reply = await nobody.call(100, id=ann["id"], n="n", h=proof)
    assert (reply["res"], reply["reason"]) == (110, "banned")
