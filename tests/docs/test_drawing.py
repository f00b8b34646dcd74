"""The drawing in docs/architecture.md is of the imports that there are."""

import re

from tests.support.drawing import drawn_layers, ranks, svg, without_the_implied
from tests.support.pages import ROOT


def test_the_drawing_is_of_the_imports_of_today() -> None:
    assert (ROOT / "docs" / "pictures" / "imports.svg").read_text(encoding="utf-8") == svg() + "\n"


def test_the_drawing_has_a_box_for_every_layer_and_an_arrow_for_every_import_that_follows_from_no_other() -> None:
    imports = without_the_implied(drawn_layers())
    picture = svg()
    assert re.findall(r"<text.*?>(\w+)</text>", picture) == sorted(imports)
    assert picture.count("marker-end=") == sum(map(len, imports.values()))


def test_an_import_that_follows_from_others_is_left_out() -> None:
    imports = {"a": {"b", "c"}, "b": {"c"}, "c": set[str]()}
    assert without_the_implied(imports) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_every_layer_stands_above_all_that_it_imports() -> None:
    rank = ranks(drawn_layers())
    assert all(rank[name] > rank[below] for name, imported in drawn_layers().items() for below in imported)
