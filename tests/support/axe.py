"""What keeps people out of a page, as axe-core finds it."""

import json

from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import Visitor


def look(visitor: Visitor, place: str, until: str) -> None:
    """Have axe look at what is shown once a selector is there, and see that it is no wider than the window."""
    visitor.see(until)
    visitor.until("document.querySelector('[aria-busy]') === null")
    found = Axe().run(visitor.page).response["violations"]
    told = [(place, item["id"], [node["html"][:160] for node in item["nodes"][:3]]) for item in found]
    assert told == [], json.dumps(told, indent=1)
    assert visitor.run("() => document.documentElement.scrollWidth <= innerWidth"), place
