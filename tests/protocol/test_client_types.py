from pathlib import Path

from gameserver.protocol.client_types import client_types, operations_js

CONSOLE = Path(__file__).parents[2] / "gameserver" / "web" / "console"


def test_the_numbers_of_the_client_are_what_the_declarations_say() -> None:
    assert (CONSOLE / "operations.js").read_text(encoding="utf-8") == operations_js(), "run `make reference`"


def test_the_types_of_the_client_are_what_the_declarations_say() -> None:
    assert (CONSOLE / "client.d.ts").read_text(encoding="utf-8") == client_types(), "run `make reference`"
