from pathlib import Path

from gameserver.protocol.reference import reference


def test_the_reference_is_what_the_declarations_say() -> None:
    written = Path(__file__).parents[2] / "docs" / "reference.md"
    assert written.read_text(encoding="utf-8") == reference(), "run `make reference`"
