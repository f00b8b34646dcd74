"""What a page is to everybody: looked at by axe-core at both widths in both schemes, and photographed on demand."""

import json
import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import Visitor

PICTURES = os.environ.get("CONSOLE_PICTURES")  # the folder for them
PHONE, DESKTOP, STREAM = (390, 844), (1440, 900), (1920, 1080)
TOO_WIDE = """
() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const sheet = "dialog[open] :is(.sheet__head, .sheet__foot) *";
  return [...document.querySelectorAll(scrollWidth > clientWidth ? "body *" : sheet)]
    .filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
    .map((part) => `${part.tagName}.${part.className}`)
    .slice(0, 5);
}
"""
DRAWN = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"

AXE = Axe().axe_script
VIOLATIONS = """
async () => (await axe.run(document, { resultTypes: ["violations"], preload: false })).violations
"""


def look(
    visitor: Visitor,
    place: str,
    until: str,
    *,
    sizes: Sequence[tuple[int, int]] = (PHONE, DESKTOP),
) -> None:
    """Once a selector is there, see at each size in each scheme that axe finds nothing, and that nothing is too wide.

    A picture shows the whole page, or what a sheet leaves of the window.
    """
    visitor.see(until)
    visitor.until("document.querySelector('[aria-busy]') === null")
    if not visitor.run("() => 'axe' in window"):
        visitor.run(AXE)
    for (width, height), scheme in product(sizes, ("dark", "light")):
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        visitor.run(DRAWN)
        if PICTURES is not None:
            picture = Path(PICTURES) / f"{place}-{width}-{scheme}.png"
            is_page = visitor.page.locator("dialog[open]").count() == 0
            visitor.page.screenshot(path=picture, full_page=is_page, omit_background=sizes == (STREAM,))
        found = visitor.run(VIOLATIONS)
        told = [(item["id"], [node["html"][:160] for node in item["nodes"][:3]]) for item in found]
        assert told == [], (place, width, scheme, json.dumps(told, indent=1))
        assert visitor.run(TOO_WIDE) == [], (place, width)
