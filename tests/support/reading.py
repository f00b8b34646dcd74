"""How the tests read the pages: what a page takes for granted, what is typed differently, and what is not typed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.support.pages import Block, blocks_of
from tests.support.reader import Reader

Known = Mapping[str, str]

# What a page takes for granted: what was typed before.
A_SERVER = ["make run"]
A_GAME = [
    *A_SERVER,
    "gameserver call open_game_source source_name=Cup",
    "gameserver call create_and_open_game source_id=SOURCE_ID game_name=Final type=football actions=Goal,'Yellow Card'"
    " targets=Argentina:Messi,Argentina:'Di María',France:Rabiot,France:Mbappé",
    "gameserver call become_an_admin_for_game game_id=GAME_ID",
]
BEFORE = {
    "docs/feed.md": A_GAME,
    "docs/running.md": ["gameserver serve --db /var/lib/gameserver/gameserver.db"],
    "docs/scaling.md": ["gameserver user add ann --create --db /var/lib/gameserver/gameserver.db"],
}
# What is typed differently, so that it takes no minute (tests/demo plays the match) and leaves the machine alone.
INSTEAD = {
    "make demo": "make demo ARGS=--help",
    "--speed 120": "--speed 20000",
    "sudo -u gameserver /opt/gameserver/.venv/bin/gameserver": "gameserver",
}
NOT_TYPED = {
    "make test": "it is what runs these tests",
    "git clone ": "there is nowhere to clone from",
    "sudo ": "it changes the machine that the tests run on",
    "gameserver demo": "`make demo` is the same",
    "gameserver watch": "it goes on, and says nothing until something happens; tests/e2e/test_watch.py follows it",
    "gameserver migrate-to postgresql://db.example/": "docs/scaling.md has it with a database",
    "virtualenv ": "it needs Python 2.7",
    "autobahn/bin/": "likewise",
}


def as_typed(block: Block) -> Block:
    """A block without the commands that are not typed, and with those that are typed differently."""
    text = block.text
    for printed, typed in INSTEAD.items():
        text = text.replace(printed, typed)
    lines = text.splitlines(keepends=True)
    return block._replace(text="".join(line for line in lines if not line.startswith(tuple(NOT_TYPED))))


@contextmanager
def reading(page: str, folder: Path, known: Known | None = None, variables: Known | None = None) -> Iterator[Reader]:
    """A reader of a page, who has done what it takes for granted."""
    system = {place: str(folder / place.strip("/")) for place in ("/var/lib/gameserver", "/backup")}
    for place in system.values():
        Path(place).mkdir(parents=True)
    (folder / "password.txt").write_text("correct horse battery")
    certificate = trustme.CA().issue_cert("game.example.org")
    certificate.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    reader = Reader(folder, {**system, **(known or {})}, variables)
    for block in blocks_of("docs/feed.md"):
        if block.file is not None:
            reader.follow(block)
    try:
        for command in BEFORE.get(page, []):
            reader.type(command)
        yield reader
    finally:
        reader.close()
