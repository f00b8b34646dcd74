"""What a page is to everybody: looked at by axe-core at both widths in both schemes, and photographed on demand."""

import json
import os
from collections.abc import Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import Visitor

PICTURES = os.environ.get("CONSOLE_PICTURES")  # the folder for them
Scheme = Literal["dark", "light"]
SCHEMES: tuple[Scheme, Scheme] = ("dark", "light")
PHONE, TABLET, DESKTOP, STREAM = (390, 844), (820, 1180), (1440, 900), (1920, 1080)
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
CUT_OFF = """
() => {
  const overflow = (part) => getComputedStyle(part).overflowX;
  const isCut = (part) => {
    if (part.closest(".slip--dock") !== null && innerWidth < 720) return false; // it is fixed, and nothing cuts it
    let around = part.parentElement;
    while (around !== null && overflow(around) === "visible") around = around.parentElement;
    if (around === null || ["auto", "scroll"].includes(overflow(around))) return false; // can be brought into sight
    const [inner, outer] = [part.getBoundingClientRect(), around.getBoundingClientRect()];
    return inner.left < outer.left - 1 || inner.right > outer.right + 1;
  };
  const isOverfull = (part) => part.tagName === "BUTTON" && part.scrollWidth > part.clientWidth + 1;
  return [...(document.querySelector("dialog[open]") ?? document).querySelectorAll("a, b, button, input, select, .tag")]
    .filter((part) => part.checkVisibility() && part.closest(".cut, .skip, .vh") === null)
    .filter((part) => isCut(part) || isOverfull(part))
    .map((part) => `${part.tagName}.${part.className} ${part.textContent.slice(0, 40)}`)
    .slice(0, 5);
}
"""
CONTROLS = ".btn:not(.linkbtn), .pill, .stake, .act, .shirt, .input, button.trow, .switch input"
MARKS = ".dot, .mline__ev, .mline__now, .mline__run, .fuse i, .mix i, .split i, .score__dash, .tl__mark"
CHOSEN = '[aria-checked="true"], [aria-pressed="true"], [aria-selected="true"], :is(.seg, .tabbar) > [aria-current]'
LOST = f"""
() => {{
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((part) => part.checkVisibility());
  const system = (name) => {{
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = name;
    const {{ color }} = getComputedStyle(probe);
    probe.remove();
    return color;
  }};
  const unseen = new Set([system("Canvas"), "rgba(0, 0, 0, 0)"]);
  const styles = (part) => [undefined, "::before", "::after"].map((pseudo) => getComputedStyle(part, pseudo));
  const hasEdge = (part) => {{
    const {{ borderBottomWidth: width, borderBottomColor: color, boxShadow }} = getComputedStyle(part);
    return (parseFloat(width) > 0 && !unseen.has(color)) || boxShadow !== "none";
  }};
  const hasGround = (part) => !unseen.has(getComputedStyle(part).backgroundColor);
  const looks = (part) =>
    styles(part)
      .map((style) => [style.backgroundColor, style.borderTopColor, style.borderTopWidth, style.outline])
      .join();
  const others = (part) =>
    [...part.parentElement.children].filter((other) => other.tagName === part.tagName && !other.matches('{CHOSEN}'));
  const on = shown(".switch input:checked");
  const off = shown(".switch input:not(:checked)");
  const lost = [
    ...shown("{CONTROLS}").filter((part) => !hasEdge(part) && !hasGround(part)),
    ...shown("{MARKS}").filter((part) => !hasEdge(part) && !hasGround(part)),
    ...shown('{CHOSEN}').filter((part) => others(part).some((other) => looks(other) === looks(part))),
    ...shown(".qr").filter((part) => getComputedStyle(part).fill === getComputedStyle(part).backgroundColor),
    ...on.filter((part) => off.some((other) => looks(other) === looks(part))),
  ];
  return lost.map((part) => part.outerHTML.slice(0, 120)).slice(0, 5);
}}
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
    """Once a selector is there, see at each size in each scheme that axe finds nothing, and nothing is too wide or cut.

    Nor is anything lost in forced colours, but of a stream.
    """
    visitor.see(until)
    visitor.until("document.querySelector('[aria-busy]') === null")
    if not visitor.run("() => 'axe' in window"):
        visitor.run(AXE)
    for (width, height), scheme in product(sizes, SCHEMES):
        _show(visitor, width, height, scheme)
        _photograph(visitor, f"{place}-{width}-{scheme}", is_transparent=sizes == (STREAM,))
        found = visitor.run(VIOLATIONS)
        told = [(item["id"], [node["html"][:160] for node in item["nodes"][:3]]) for item in found]
        assert told == [], (place, width, scheme, json.dumps(told, indent=1))
        for fault in (TOO_WIDE, CUT_OFF):
            found_wrong = visitor.run(fault)
            assert found_wrong == [], (place, width, found_wrong)
    if sizes != (STREAM,):  # which nobody operates
        _look_in_forced_colours(visitor, place, sizes)


def _look_in_forced_colours(visitor: Visitor, place: str, sizes: Sequence[tuple[int, int]]) -> None:
    """See that what only a ground or a shadow shows elsewhere is drawn in the colours of the system, too."""
    visitor.page.emulate_media(forced_colors="active")
    for (width, height), scheme in zip(sizes, cycle(SCHEMES), strict=False):
        _show(visitor, width, height, scheme)
        _photograph(visitor, f"{place}-{width}-forced")
        assert visitor.run(LOST) == [], (place, width, "forced colours")
    visitor.page.emulate_media(forced_colors="none")


def _show(visitor: Visitor, width: int, height: int, scheme: Scheme) -> None:
    visitor.page.set_viewport_size({"width": width, "height": height})
    visitor.page.emulate_media(color_scheme=scheme)
    visitor.run(DRAWN)


def _photograph(visitor: Visitor, name: str, *, is_transparent: bool = False) -> None:
    """Keep a picture of the whole page, or of the window if there is a sheet, if pictures are wanted."""
    if PICTURES is not None:
        is_page = visitor.page.locator("dialog[open]").count() == 0
        path = Path(PICTURES) / f"{name}.png"
        visitor.page.screenshot(path=path, full_page=is_page, omit_background=is_transparent)
