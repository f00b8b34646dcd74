import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.domain.names import action_id, fold, hashtag, parse_actions, part_id, split_list
from gameserver.errors import Rejected
from tests.support.refusals import refused_parameter

MANY = 1_000_000
FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Yellow Card", "yellow-card"),
        ("YELLOW_card", "yellow-card"),
        ("  Yellow \u00a0 _ Card  ", "yellow-card"),
        ("Yellow\u3000Card", "yellow-card"),
        ("Goal", "goal"),
        ("Émile", "émile"),
        ("E\u0301mile", "émile"),
        ("STRASSE", "strasse"),
        ("İstanbul", "i\u0307stanbul"),
        ("得点", "得点"),
        ("ﾀﾛｳ", "タロウ"),
        ("\uff27\uff4f\uff41\uff4c\uff11", "goal1"),
        ("ﬁnal", "final"),
        ("x²", "x2"),
        (FAMILY, FAMILY),
        ("a-b", "a-b"),
        ("a - b", "a---b"),
        ("\u00a0Goal\u00a0", "goal"),
        ("0", "0"),
    ],
)
def test_an_action_id_is_the_folded_name_with_dashes_for_blanks(name: str, expected: str) -> None:
    assert action_id(name) == expected


@pytest.mark.parametrize(
    "name", ["", "   ", "\u00a0", "a:b", ":", "a\uff1ab", "a\ufe55b", "a\u2a74b", "a\tb", "a\x00b", "a\x07", "a\u0085b"]
)
def test_an_action_is_refused_that_is_empty_or_holds_a_colon_or_a_control_character(name: str) -> None:
    with refused_parameter("actions"):
        action_id(name)


@pytest.mark.parametrize(
    "name",
    [
        *["\ufeffArgentina", "Argentina\u200b", "\u200b", "Arg\u200bentina", "\u200eArgentina", "Argentina\u200f"],
        *["\u202eArgentina\u202c", "\u2066Argentina\u2069", "\u061cArgentina", "Argen\xadtina", "Argen\u2060tina"],
        *["\u200dArgentina", "Argentina\u200c", "Rio \u200dPlate", "Argen\u200d\u200dtina", "A.\u200dB"],
        *["Argentina\u3164", "\uffa0Argentina", "Argentina\u2800", "Argen\u034ftina", "\u115fArgentina"],
        *["Argentina\U000e0061", "\U0001f3f4\U000e0067", "\U000e007f", "Argentina\ufff9", "Argentina\u180e"],
    ],
)
def test_a_name_is_refused_that_holds_what_shows_nothing(name: str) -> None:
    with refused_parameter("actions"):
        action_id(name)
    with pytest.raises(Rejected, match=r"U\+[0-9A-F]{4}"):
        part_id(fold(name, "targets"), "targets")


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # two parts of one Persian word
        "\u06f1\u06f0\u200c\u0646\u0641\u0631\u0647",  # a Persian word that begins with a number
        "क्\u200dष",  # a half letter of Devanagari
        FAMILY,
        "\U0001f3f3\ufe0f\u200d\U0001f308",  # a rainbow flag
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f-england",  # with its flag
        "\u06dd\u0661",  # an end of ayah around its number
        "⚽\ufe0f",
        "e\u0301\u0323",
    ],
)
def test_what_words_and_emoji_are_written_with_stays_in_their_id(name: str) -> None:
    assert action_id(name) == unicodedata.normalize("NFKC", name)


@pytest.mark.parametrize("name", ["a" + "\u0300" * 128, "b:" + "\xe9" * 129 + ":c"])
def test_a_name_is_not_folded_beyond_128_characters_a_part(name: str) -> None:
    with pytest.raises(Rejected, match="targets may hold names of at most 128 characters in each part"):
        fold(name, "targets")
    assert fold(name.replace("\u0300" * 128, "\u0300" * 127).replace("\xe9" * 129, "\xe9" * 128), "targets")


def test_a_part_has_at_most_128_characters() -> None:
    assert part_id("x" * 128, "targets") == "x" * 128
    with refused_parameter("targets"):
        part_id("x" * 129, "targets")


def test_a_part_is_measured_as_it_is_kept() -> None:
    assert part_id("x" * 127 + "   ", "targets") == "x" * 127
    with refused_parameter("actions"):
        action_id("\ufdfa" * 100)  # one character that folds to eighteen


def test_every_character_folds_to_what_folds_to_itself() -> None:
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    assert [hex(ord(one)) for one in characters if fold(fold(one, "x"), "x") != fold(one, "x")] == []


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_an_id_names_itself(name: str) -> None:
    try:
        identifier = action_id(name)
    except Rejected:
        return
    assert action_id(identifier) == identifier


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_all_normal_forms_of_a_name_have_one_id(name: str) -> None:
    forms = {fold(unicodedata.normalize(form, name), "x") for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len(forms) == 1


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", []),
        ([], []),
        (" , ,", []),
        (["", "  "], []),
        ("a, b ,c", ["a", "b", "c"]),
        ([" a", "b "], ["a", "b"]),
        (["a, b"], ["a, b"]),
        ("a,,b", ["a", "b"]),
        ("one", ["one"]),
        ("a,b\r\n", ["a", "b"]),
        ("\ufeffa,\ufeffb", ["\ufeffa", "\ufeffb"]),  # which are refused as names
    ],
)
def test_a_list_is_an_array_or_a_string_with_commas(value: list[str] | str, items: list[str]) -> None:
    assert list(split_list(value)) == items


def test_a_comma_inside_an_array_item_is_part_of_the_name() -> None:
    assert parse_actions(["Goal, own"], "actions", MANY) == {"goal,-own": "Goal, own"}
    assert parse_actions("Goal, own", "actions", MANY) == {"goal": "Goal", "own": "own"}


def test_actions_keep_their_order_and_their_first_spelling() -> None:
    actions = parse_actions(["Yellow Card", "Goal", "yellow_card", "GOAL"], "actions", MANY)
    assert list(actions.items()) == [("yellow-card", "Yellow Card"), ("goal", "Goal")]


def test_actions_are_looked_at_only_until_there_are_too_many() -> None:
    assert len(parse_actions(["a", "A", " a ", "b"], "actions", 2)) == 2
    with refused_parameter("actions", "at most 2 actions"):
        parse_actions(["a", "b", "c", "\x00"], "actions", 2)


def test_a_name_that_is_long_only_as_sent_is_refused_too() -> None:
    with refused_parameter("actions"):
        parse_actions(["a" + "_" * 127 + "b"], "actions", MANY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Argentina - Brazil", "#ArgentinaBrazil"),
        ("argentina vs. brazil", "#ArgentinaVsBrazil"),
        ("São Paulo", "#SãoPaulo"),
        ("Sa\u0303o", "#Sa\u0303o"),
        ("1st half", "#1stHalf"),
        ("FC Köln", "#FCKöln"),
        ("日本 対 韓国", "#日本対韓国"),
        ("!!! ---", None),
        ("", None),
    ],
)
def test_a_hashtag_joins_the_words_of_a_name(name: str, expected: str | None) -> None:
    assert hashtag(name) == expected


def test_blanks_around_items_are_dropped_and_nothing_else() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    dropped = {one for one in characters if list(split_list([f"{one}a{one}"])) == ["a"]}
    assert dropped == set(filter(str.isspace, characters)) - set("\x1c\x1d\x1e\x1f\x85")
