import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.domain.names import fold, part_id
from gameserver.domain.targets import (
    Part,
    Path,
    TargetNode,
    TargetRow,
    build_tree,
    missing_rows,
    parse_target,
    parse_targets,
    path_id,
    target_key,
)
from gameserver.errors import Rejected
from tests.support.refusals import refused_parameter

MANY = 1_000_000
NONE = {"symbol": "non", "display_name": "None", "targets": {}}

parts = st.text("abcdeABCDE _é\uff11", min_size=1, max_size=3).filter(lambda part: part.strip() != "")
names = st.lists(parts, min_size=1, max_size=5).map(":".join)


def ids(name: str) -> list[str]:
    return [part.id for part in parse_target(name, "targets", 64)]


def shown(name: str) -> list[str]:
    return [part.display_name for part in parse_target(name, "targets", 64)]


def tree_of(*given_names: str) -> dict[str, TargetNode]:
    return build_tree(missing_rows([], parse_targets(list(given_names), "targets", 64, MANY), 1))


def paths_in(tree: dict[str, TargetNode]) -> list[str]:
    found: list[str] = []
    for key, node in tree.items():
        found += [key, *(f"{key}:{path}" for path in paths_in(node.targets))]
    return found


def prefixes(path: Path) -> set[str]:
    return {path_id(part.id for part in path[:end]) for end in range(1, len(path) + 1)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Argentina", ["argentina"]),
        ("Argentina:1", ["argentina", "1"]),
        (" Argentina : Lionel Messi ", ["argentina", "lionel-messi"]),
        ("Argentina\uff1a\uff11\uff10", ["argentina", "10"]),
        ("a\ufe13b\ufe55c", ["a", "b", "c"]),
        ("São\u00a0Paulo:É", ["são-paulo", "é"]),
        ("巴西:7", ["巴西", "7"]),
        ("👨\u200d👩\u200d👧:x", ["👨\u200d👩\u200d👧", "x"]),
        ("None", ["none"]),
        ("\uff2e\uff4f\uff4e\uff45", ["none"]),
        ("a:none", ["a", "none"]),
    ],
)
def test_a_target_is_a_path_of_folded_parts(name: str, expected: list[str]) -> None:
    assert ids(name) == expected


def test_a_part_is_shown_as_it_was_sent() -> None:
    assert shown(" ARG \uff1a Lionel  Messi ") == ["ARG", "Lionel  Messi"]


def test_every_character_that_folds_to_a_colon_splits_what_is_shown_too() -> None:
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code <= 0xDFFF and fold(chr(code), "x") == ":":
            assert shown(f"a{chr(code)}b") == ["a", "b"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":",
        ":a",
        "a:",
        "a::b",
        "a: :b",
        "a\uff1a",
        "a\u2a74b",
        "a:\x00",
        "a\x1bb",
        "none:a",
        "NONE : a",
        "\uff4e\uff4f\uff4e\uff45:a",
    ],
)
def test_empty_parts_control_characters_and_children_of_none_are_refused(name: str) -> None:
    with refused_parameter("targets"):
        parse_target(name, "targets", 64)


def test_64_levels_are_accepted_and_65_are_not() -> None:
    assert len(parse_target(":".join("x" * 64), "targets", 64)) == 64
    with refused_parameter("targets"):
        parse_target(":".join("x" * 65), "targets", 64)


def test_a_part_of_more_than_128_characters_is_refused() -> None:
    assert ids("x" * 128 + ":a") == ["x" * 128, "a"]
    with refused_parameter("targets"):
        parse_target("a:" + "x" * 129, "targets", 64)


def test_an_id_of_more_than_128_characters_stands_for_no_target() -> None:
    assert target_key("x" * 128, "target", 2) == "x" * 128
    assert target_key("x" * 127 + ":y", "target", 2) == "x" * 127 + ":y"
    with refused_parameter("target"):
        target_key("x" * 129, "target", 2)


def test_a_part_that_is_long_only_as_sent_is_refused_too() -> None:
    with refused_parameter("targets"):
        parse_target("a" + " " * 127 + "b", "targets", 64)


def test_the_refusal_names_the_parameter_that_was_sent() -> None:
    with refused_parameter("target_id"):
        parse_target("a::b", "target_id", 64)


def test_a_comma_separates_targets_only_in_a_string() -> None:
    assert [path_id(part.id for part in path) for path in parse_targets("a:1, b", "targets", 64, MANY)] == ["a:1", "b"]
    assert [path_id(part.id for part in path) for path in parse_targets(["a, b"], "targets", 64, MANY)] == ["a,-b"]


def test_targets_are_looked_at_only_until_there_are_too_many() -> None:
    assert len(parse_targets(["a", "A", " a ", "b"], "targets", 64, 2)) == 2
    with refused_parameter("targets", "at most 2 targets"):
        parse_targets(["a", "b", "c", "\x00"], "targets", 64, 2)


@given(st.text("aB1- _", min_size=1, max_size=5).filter(str.strip) | st.integers(120, 130).map("x".__mul__))
def test_a_plain_name_becomes_what_the_rules_for_all_names_make_of_it(name: str) -> None:
    name = name.strip()
    try:
        expected = (Part(part_id(fold(name, "targets"), "targets"), name),)
    except Rejected:
        with refused_parameter("targets"):
            parse_target(name, "targets", 64)
    else:
        assert parse_target(name, "targets", 64) == expected


def test_a_game_without_targets_has_none() -> None:
    assert msgspec.to_builtins(tree_of()) == {"none": NONE}


def test_missing_ancestors_are_made() -> None:
    assert msgspec.to_builtins(tree_of("Argentina:Messi")) == {
        "argentina": {
            "symbol": "arg",
            "display_name": "Argentina",
            "targets": {"messi": {"symbol": "mes", "display_name": "Messi", "targets": {}}},
        },
        "none": NONE,
    }


def test_a_target_sent_twice_is_one_and_keeps_its_first_spelling() -> None:
    tree = tree_of("ARGENTINA:1", "Argentina", "argentina:\uff11")
    assert paths_in(tree) == ["argentina", "argentina:1", "none"]
    assert tree["argentina"].display_name == "ARGENTINA"


def test_none_is_shown_as_sent_and_where_it_was_sent() -> None:
    tree = tree_of("NONE", "a")
    assert [(key, node.display_name) for key, node in tree.items()] == [("none", "NONE"), ("a", "a")]


def test_what_exists_keeps_its_number_and_its_spelling() -> None:
    existing = [TargetRow(4, None, "a", "A"), TargetRow(7, None, "none", "None")]
    added = missing_rows(existing, parse_targets(["a:b"], "targets", 64, MANY), 9)
    assert added == [TargetRow(9, 4, "b", "b")]


def test_a_symbol_is_the_first_three_characters_of_the_id() -> None:
    assert [node.symbol for node in tree_of("\uff21rgentina", "巴", "x y z").values()] == ["arg", "巴", "x-y", "non"]


def test_64_levels_make_a_tree_that_can_be_encoded() -> None:
    encoded = msgspec.json.encode(tree_of(":".join("x" * 64)))
    assert encoded.count(b'"targets"') == 64 + 1


def test_20000_targets_make_one_tree() -> None:
    tree = tree_of(*(f"t{number % 200}:{number}" for number in range(19_799)))
    assert len(paths_in(tree)) == 200 + 19_799 + 1


@given(st.lists(names, max_size=12))
def test_a_tree_holds_each_path_once_with_its_ancestors_and_none(given_names: list[str]) -> None:
    paths = parse_targets(given_names, "targets", 64, MANY)
    found = paths_in(build_tree(missing_rows([], paths, 1)))
    assert len(found) == len(set(found))
    assert set(found) == {"none"}.union(*map(prefixes, paths))


@given(st.lists(names, max_size=12))
def test_adding_the_same_targets_again_adds_nothing(given_names: list[str]) -> None:
    paths = parse_targets(given_names, "targets", 64, MANY)
    rows = missing_rows([], paths, 1)
    assert missing_rows(rows, paths, len(rows) + 1) == []


@given(st.lists(names, max_size=8), st.lists(names, max_size=8))
def test_adding_in_two_steps_gives_the_same_targets_as_in_one(first: list[str], second: list[str]) -> None:
    earlier = missing_rows([], parse_targets(first, "targets", 64, MANY), 1)
    later = missing_rows(earlier, parse_targets(second, "targets", 64, MANY), len(earlier) + 1)
    in_one = missing_rows([], parse_targets(first + second, "targets", 64, MANY), 1)
    assert set(paths_in(build_tree(earlier + later))) == set(paths_in(build_tree(in_one)))


@given(st.lists(names, max_size=12), st.integers(1, 10**6))
def test_rows_are_numbered_on_from_the_next_number_parents_first(given_names: list[str], start: int) -> None:
    rows = missing_rows([], parse_targets(given_names, "targets", 64, MANY), start)
    assert [row.number for row in rows] == list(range(start, start + len(rows)))
    assert all(row.parent is None or start <= row.parent < row.number for row in rows)
