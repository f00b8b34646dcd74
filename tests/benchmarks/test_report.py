"""What the benchmarks print."""

import json

from benchmarks.bench import FULL, QUICK
from benchmarks.figures import GAMESERVER, Figure, at_least, at_most
from benchmarks.report import as_json, number, table, unreached


def deliveries() -> Figure:
    figure = Figure("one broadcast", "deliveries/s", (at_least(1.4, "websockets"), at_least(0.8, "bare loop")))
    for value in (70_000, 90_000, 80_000):
        figure.add(GAMESERVER, value, 0.5)
    figure.add("websockets", 50_000, 0.4)
    figure.add("bare loop", 110_000, 0.97)
    return figure


def test_each_contestant_has_a_line_with_its_median_ratio_and_verdict() -> None:
    heading, name, ours, websockets, bare = table([deliveries()]).splitlines()
    assert heading.split() == ["median", "ours", "is", "target", "reached", "client", "rounds"]
    assert name == "one broadcast, deliveries/s"
    assert ours.split() == ["gameserver", "80,000", "50%", "70,000", "-", "90,000"]
    assert websockets.split() == ["websockets", "50,000", "1.60x", "≥", "1.4x", "yes", "40%"]
    assert bare.split() == ["bare", "loop", "110,000", "0.73x", "≥", "0.8x", "NO", "97%", "!"]


def test_a_target_of_the_value_itself_stands_in_our_own_line() -> None:
    figure = Figure("p99", "ms", (at_most(25),))
    figure.add(GAMESERVER, 26)
    assert table([figure]).splitlines()[2].split() == ["gameserver", "26.0", "≤", "25", "NO"]


def test_the_columns_stand_below_one_another() -> None:
    lines = table([deliveries()]).splitlines()
    assert (
        len(
            {
                line.index(unit) + len(unit)
                for line, unit in zip(lines[2:], ("80,000", "50,000", "110,000"), strict=True)
            }
        )
        == 1
    )


def test_what_was_missed_is_said_in_words() -> None:
    assert unreached([deliveries()]) == ["one broadcast: ≥ 0.8x bare loop"]


def test_json_has_the_rounds_the_verdicts_and_the_machine() -> None:
    document = json.loads(json.dumps(as_json([deliveries()], {"mode": "full"})))
    assert document["mode"] == "full"
    assert document["machine"]["cores"] >= 1
    assert document["machine"]["libraries"]["trio"]
    (figure,) = document["figures"]
    assert figure["rounds"][GAMESERVER] == [70_000, 90_000, 80_000]
    assert figure["medians"]["websockets"] == 50_000
    assert figure["ratios"] == {"websockets": 1.6, "bare loop": 80 / 110}
    assert [(target["against"], target["reached"]) for target in figure["targets"]] == [
        ("websockets", True),
        ("bare loop", False),
    ]


def test_numbers_have_as_many_places_as_they_need() -> None:
    assert [number(value) for value in (12_345.6, 100, 99.94, 10, 9.999, 0.123)] == [
        "12,346", "100", "99.9", "10.0", "10.00", "0.12",
    ]  # fmt: skip


def test_the_quick_mode_does_no_more_of_anything() -> None:
    for name in FULL.__dataclass_fields__:
        assert getattr(QUICK, name) <= getattr(FULL, name), name
