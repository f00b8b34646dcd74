"""Names and descriptions are data: they come back as they were sent, whatever is in them."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import inspect

from gameserver.protocol.fields import VISIBLE
from gameserver.protocol.registry import OPERATIONS
from tests.support.world import World, assert_refused

# Parameters of free text that come back to somebody; each is tried below.
SHOWN = {"source_name", "description", "game_name", "type", "hashtag", "reason", "actions", "targets", "period"}
SHOWN |= {"labels", "action_labels", "external_id"}
# Those that must name something there is, and are not shown as sent.
LOOKED_UP = {
    "action_id",
    "target_id",
    "target",
    "winners",
    "username",
    "session_id",
    "n",
    "scores",
    "clear",
    "epoch",
    "search",
    "game_type",
    "password",
    "h",
}

TEXTS = [
    pytest.param("<script>alert('x')</script>&amp;<!--", id="HTML"),
    pytest.param('\'; DROP TABLE users; --" OR "1"="1', id="quotes and SQL"),
    pytest.param('\\" \\u0041 \\ \\\\ {"op": 1} ]}', id="backslashes and JSON"),
    pytest.param("a\x00b", id="NUL"),
    pytest.param("a\x01\x1b[31m\x7f\x85\r\n\tb", id="control characters"),
    pytest.param("\u202eesrever\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", id="right to left"),
    pytest.param("\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e6\U0001f1f7 1\ufe0f\u20e3", id="emoji"),
    pytest.param("a\u2028b\u2029c\ufeffd\u200b", id="line separators and invisible characters"),
    pytest.param("\ufdd0\uffff\U0010ffff\ue000", id="what is no character"),
    pytest.param("Z\u0351\u036b\u0343a\u0300 \xe0 \ufb01", id="combining marks and what NFKC would change"),
    pytest.param("%s %(x)s {0} {x.__class__} ${x} $(x) `x`", id="formats"),
    pytest.param("../../etc/passwd", id="a path"),
    pytest.param("None", id="None"),
]


def texts_of(kind: inspect.Type) -> Iterator[inspect.StrType]:
    """The strings that a parameter may be made of."""
    if isinstance(kind, inspect.StrType):
        yield kind
    elif isinstance(kind, inspect.Metadata):
        yield from texts_of(kind.type)
    elif isinstance(kind, inspect.ListType):
        yield from texts_of(kind.item_type)
    elif isinstance(kind, inspect.DictType):
        yield from texts_of(kind.key_type)
        yield from texts_of(kind.value_type)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from texts_of(field.type)
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from texts_of(member)


def test_every_parameter_of_free_text_is_known_here() -> None:
    found = set()
    for operation in OPERATIONS.values():
        declared = inspect.type_info(operation.request)
        assert isinstance(declared, inspect.StructType)
        for field in declared.fields:
            if field.name != "header" and any(text.pattern in (None, VISIBLE) for text in texts_of(field.type)):
                found.add(field.name)
    assert found == SHOWN | LOOKED_UP


@pytest.mark.parametrize("text", TEXTS)
async def test_text_comes_back_as_it_was_sent_whatever_it_contains(world: World, text: str) -> None:
    admin, watcher = world.game_admin, await world.server.connect("watcher")
    source = (await world.provider.call(365, source_name=text, description=text))["source_id"]
    sources = {entry["id"]: entry for entry in (await world.provider.call(611))["sources"]}
    assert (sources[source]["name"], sources[source]["description"]) == (text, text)

    game = (await world.provider.call(370, source_id=source, game_name=text, type=text, hashtag=text))["game_id"]
    details = await watcher.call(372, game_id=game)
    assert (details["name"], details["type"], details["hashtag"]) == (text, text, text)
    assert (await watcher.call(380, source_id=source))["games"][game]["name"] == text

    assert (await watcher.call(363, game_id=world.game))["res"] == 333
    pool = (await admin.call(385, game_id=world.game, description=text, action_id="goal", targets="Brazil"))["pool_id"]
    heard = {message["res"]: message for message in await watcher.heard()}
    assert heard[352]["description"] == text
    assert (await watcher.call(387, game_id=world.game))["pools_list"][pool]["description"] == text


@pytest.mark.parametrize("text", TEXTS)
async def test_what_an_admin_says_of_an_event_or_a_pool_comes_back_as_it_was_sent(world: World, text: str) -> None:
    admin, watcher = world.game_admin, await world.server.connect("watcher")
    assert (await watcher.call(363, game_id=world.game))["res"] == 333
    pool = (await admin.call(385, game_id=world.game, description="Rain?", type=3))["pool_id"]
    event = await admin.call(395, game_id=world.game, action_id="offside", target_id="brazil:7", description=text)
    assert event["description"] == text
    assert (await admin.call(3951, game_id=world.game, event_id=event["event_id"], reason=text))["reason"] == text
    assert (await admin.call(3952, pool_id=pool, reason=text))["reason"] == text
    heard = {message["res"]: message for message in await watcher.heard()}
    said = [heard[366]["description"], heard[3661]["reason"], heard[3662]["reason"]]
    assert said == [text] * 3


@pytest.mark.parametrize("text", TEXTS)
async def test_what_an_admin_shows_of_a_match_comes_back_as_it_was_sent(world: World, text: str) -> None:
    watcher = await world.server.connect("watcher")
    assert (await watcher.call(363, game_id=world.game))["res"] == 333
    labels: dict[str, Any] = {
        "labels": {"brazil": {"display_name": text, "symbol": text[:8]}},
        "action_labels": {"goal": text},
    }
    assert (await world.provider.call(373, game_id=world.game, **labels))["res"] == 343
    clock: dict[str, Any] = {"period": text[:32], "elapsed_ms": 0, "is_running": False}
    assert (await world.game_admin.call(374, game_id=world.game, **clock))["period"] == text[:32]
    heard = {message["res"]: message for message in await watcher.heard()}
    assert {name: heard[3422][name] for name in labels} == labels
    assert heard[3421]["period"] == text[:32]
    details = await watcher.call(372, game_id=world.game)
    assert (details["actions"]["goal"]["name"], details["clock"]["period"]) == (text, text[:32])
    assert (details["targets"]["brazil"]["display_name"], details["targets"]["brazil"]["symbol"]) == (text, text[:8])


INVISIBLE = ("NUL", "control characters", "right to left", "line separators and invisible characters")


@pytest.mark.parametrize("text", [param for param in TEXTS if param.id not in INVISIBLE])
async def test_the_names_of_actions_and_targets_are_shown_as_they_were_sent(world: World, text: str) -> None:
    text = text.translate({ord(":"): ";", ord(","): ";"})  # which would make two of it
    game = await world.server.open_game(world.provider, world.source, actions=[text], targets=[text])
    details = await world.user.call(372, game_id=game)
    assert text in [action["name"] for action in details["actions"].values()]
    assert text in [target["display_name"] for target in details["targets"].values()]


@pytest.mark.parametrize("text", [param for param in TEXTS if param.id in INVISIBLE])
@pytest.mark.parametrize("op", [370, 373, 3702])
async def test_a_name_that_would_look_like_another_is_refused(world: World, text: str, op: int) -> None:
    new, known = {"source_id": world.source, "game_name": "G", "type": "t"}, {"game_id": world.upcoming}
    for parameter in ("actions", "targets"):
        request: dict[str, Any] = {**(new if op == 370 else known), parameter: [text]}
        reply = await world.provider.call(op, **request)
        assert_refused(reply, op, "invalid_parameter", parameter)
    reply = await world.game_admin.call(385, game_id=world.game, description="D", type=3, targets=["No", text])
    assert_refused(reply, 385, "invalid_parameter", "targets")


@pytest.mark.parametrize("text", ["\u200b", "\ufeff \u200b", "\u2066\u2069", "\x00", "\u3164", "\xad\xa0"])
async def test_a_text_in_which_nothing_can_be_seen_is_refused(world: World, text: str) -> None:
    game = {"source_id": world.source, "game_name": "G", "type": "t"}
    pool = {"game_id": world.game, "description": "D", "type": 3}
    requests: list[tuple[int, dict[str, Any], list[str]]] = [
        (365, {"source_name": "S"}, ["source_name"]),
        (370, game, ["game_name", "type", "hashtag"]),
        (385, pool, ["description"]),
    ]
    for op, parameters, names in requests:
        for name in names:
            reply = await world.provider.call(op, **{**parameters, name: text})
            assert_refused(reply, op, "invalid_parameter", name)


@pytest.mark.parametrize("names", ["\ufeffArgentina,Brazil", "Argentina,\ufeffBrazil", ["\ufeffArgentina"], "\ufeff"])
@pytest.mark.parametrize("name", ["actions", "targets"])
async def test_a_name_that_begins_with_a_byte_order_mark_is_refused_wherever_it_stands(
    world: World, name: str, names: str | list[str]
) -> None:
    game: dict[str, Any] = {"source_id": world.source, "game_name": "Final", "type": "football", name: names}
    assert_refused(await world.provider.call(370, **game), 370, "invalid_parameter", name)


async def test_a_message_that_begins_with_a_byte_order_mark_is_told_so(world: World) -> None:
    await world.provider.send('\ufeff{"op": 1}')
    refusal = await world.provider.receive()
    assert (refusal["code"], "byte order mark" in refusal["text"]) == ("bad_json", True)


@pytest.mark.parametrize("escape", [r"\ud83d", r"\ude00", r"\ude00\ud83d", r"a\udfff"])
async def test_half_a_character_is_refused(world: World, escape: str) -> None:
    await world.provider.send(f'{{"header": {{"id": "half"}}, "op": 365, "source_name": "{escape}"}}')
    refusal = await world.provider.receive()
    assert (refusal["res"], refusal["code"]) == (666, "bad_json")
    await world.provider.send(r'{"header": {"id": "whole"}, "op": 365, "source_name": "\ud83d\ude00\u0000"}')
    assert (await world.provider.receive())["res"] == 335
    assert "\U0001f600\0" in [entry["name"] for entry in (await world.provider.call(611))["sources"]]
