"""What a line of a feed says."""

from typing import Any

import pytest

from gameserver.feed.mapping import BadMapping, Entry, Mapping
from gameserver.feed.reading import NotMapped

EVENT = {"id": "e1", "action": "Goal", "target": "Argentina:Messi"}
ENTRY = Entry(id="e1", action="Goal", target="Argentina:Messi")
KICK_OFF_MS = 1_671_375_600_000


@pytest.mark.parametrize(
    ("record", "entry"),
    [
        (EVENT, ENTRY),
        ({"external_id": "e1", "action_id": "Goal", "target_id": "Argentina:Messi"}, ENTRY),
        ({**EVENT, "description": "", "minute": 23, "at": None}, ENTRY),
        ({"id": 7, "action": 1, "target": "A"}, Entry(id="7", action="1", target="A")),
        ({"void": "e1", "reason": "offside"}, Entry(void="e1", reason="offside")),
        ({"amend": "e1", "target": "A:2"}, Entry(amend="e1", target="A:2")),
        ({"targets": ["A", "B"], "actions": ["Goal"]}, Entry(targets=["A", "B"], actions=["Goal"])),
    ],
)
def test_a_record_is_an_event_a_correction_or_what_the_game_may_have(record: dict[str, Any], entry: Entry) -> None:
    assert Mapping([]).entry(record) == entry


@pytest.mark.parametrize("value", [KICK_OFF_MS, str(KICK_OFF_MS), "2022-12-18T15:00:00Z", "2022-12-18T18:00:00+03:00"])
def test_a_time_is_epoch_milliseconds_or_iso_8601(value: int | str) -> None:
    assert Mapping([]).entry({**EVENT, "happened_at": value}).happened_at == KICK_OFF_MS


@pytest.mark.parametrize(
    ("given", "record"),
    [
        (["action=type"], {"id": "e1", "type": "Goal", "target": "Argentina:Messi", "action": "not this"}),
        (["target=team:player"], {"id": "e1", "action": "Goal", "team": "Argentina", "player": "Messi"}),
        (
            ["target=team.name:player.name", "id=event.id"],
            {
                "event": {"id": "e1"},
                "action": "Goal",
                "team": {"name": "Argentina"},
                "player": {"name": "Messi"},
            },
        ),
        (["target=a.b"], {"id": "e1", "action": "Goal", "a.b": "Argentina:Messi"}),
    ],
)
def test_fields_may_have_other_names_lie_within_others_and_be_joined(given: list[str], record: dict[str, Any]) -> None:
    assert Mapping(given).entry(record) == ENTRY


def test_of_joined_fields_empty_ones_are_left_out() -> None:
    record = {"id": "e1", "action": "Goal", "team": "Argentina", "player": ""}
    assert Mapping(["target=team:player"]).entry(record).target == "Argentina"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"action": "Goal", "target": "A"}, r"no id \(id or external_id\)"),
        ({"id": "e1", "target": "A"}, "no action"),
        ({"id": "e1", "action": "Goal", "target": ""}, "no target"),
        ({**EVENT, "action": ["Goal"]}, "action is no text"),
        ({**EVENT, "action": True}, "action is no text"),
        ({**EVENT, "happened_at": "23'"}, "happened_at is no time"),
        ({**EVENT, "at": "2022-12-18T15:00:00"}, "at is no time"),
        ({"targets": "A,B"}, "targets is no list"),
        ({}, "no id"),
    ],
)
def test_what_no_event_can_be_made_of_is_told_in_words(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotMapped, match=reason):
        Mapping([]).entry(record)


@pytest.mark.parametrize("given", ["action", "=type", "action=", "nothing=type"])
def test_a_mapping_that_is_none_is_told_with_the_names(given: str) -> None:
    with pytest.raises(BadMapping, match="the names are id, action, target"):
        Mapping([given])
