"""What the pages in docs/ show for a browser, in a browser: the example of client.js, and the site."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.browser import CONSOLE, EMPTY, files_of
from tests.support.pages import ROOT, blocks_of
from tests.support.process import add_user
from tests.support.stage import Visit, key_of, staged
from tests.support.threaded import serving_here

FOLLOW = """
async ([url, sessionKey, gameId]) => {
  const { follow } = await import("/example.js");
  window.told = [];
  window.game = follow({ url, sessionKey, gameId, tell: (...what) => told.push(what[0]) });
}
"""


def test_the_example_of_client_js_follows_a_game_and_bets_in_it(tmp_path: Path, visit: Visit) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("client.js", "operations.js", "icon.svg"):
        shutil.copy(CONSOLE / name, folder)
    (example,) = (block for block in blocks_of("docs/console.md") if block.file == "example.js")
    (folder / "example.js").write_text(example.text, encoding="utf-8")
    file = tmp_path / "game.db"
    add_user(file, "dev", provider=True)
    with (
        files_of(folder) as origin,
        serving_here(file, allowed_origins=(origin,)) as url,
        staged(file, url) as stage,
    ):
        visitor = visit(origin)
        visitor.page.goto(f"{origin}/{EMPTY}")
        visitor.run(FOLLOW, [url, key_of(file, "ann"), stage.game])
        visitor.until("told.includes('read everything')")
        pool = stage.open_pool()
        visitor.until("told.includes('new_betting_pool')")
        assert visitor.run("(pool) => game.bet(pool, 'Argentina', 10).then((reply) => reply.amount)", pool) == 10
        visitor.run("(pool) => game.bet(pool, 'Argentina', 1000)", pool)
        visitor.until("told.includes('insufficient_funds')")
        visitor.run("() => game.leave()")


def test_the_site_asks_nothing_of_other_hosts_and_finds_what_is_searched(tmp_path: Path, visit: Visit) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    with files_of(tmp_path) as origin:
        visitor = visit(origin)
        visitor.page.goto(f"{origin}/index.html")
        visitor.see("h1:has-text('gameserver')")
        visitor.page.goto(f"{origin}/architecture.html")
        visitor.see("img[src='pictures/imports.svg']")
        visitor.until("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
        visitor.page.goto(f"{origin}/concepts.html?q=takeout")
        visitor.until("document.querySelectorAll('#mkdocs-search-results a').length > 1")
