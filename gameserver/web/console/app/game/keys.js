// Single keys for players. They do nothing while a field has the focus, and can be switched off.
import { html, useLayoutEffect } from "../html.js";
import { preferences } from "../preferences.js";
import { router, to } from "../router.js";
import { session } from "../session.js";
import { Sheet } from "../ui.js";
import { shownPools } from "./deck.js";
import { stateOf, takesBets, targetsInOrder } from "./pool_states.js";

const KEYS = [
  ["J K", "next and previous pool"],
  ["1–9", "choose a target of the pool"],
  ["S", "next stake"],
  ["Enter", "place the bet on the slip"],
  ["Esc", "close the slip"],
  ["B", "my bets, and back"],
  ["C", "say something"],
  ["M", "sounds on or off"],
  ["?", "these keys"],
];

export function useKeys(game, slip, { showHelp, tab }) {
  useLayoutEffect(() => {
    const press = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !preferences.get("keys")) return;
      if (event.target.closest("input, textarea, select, dialog")) return;
      const act = actionOf(event.key, { game, slip, showHelp, tab, on: event.target });
      if (act === null) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [game, slip, tab]);
}

function actionOf(key, { game, slip, showHelp, tab, on }) {
  if (/^[1-9]$/.test(key)) return () => choose(game, slip, Number(key) - 1, on);
  switch (key.toLowerCase()) {
    case "j":
      return () => step(on, 1);
    case "k":
      return () => step(on, -1);
    case "s":
      return () => nextStake(slip);
    case "enter":
      return slip.poolId !== null && !on.closest("button, a, summary") ? () => slip.confirm() : null;
    case "escape":
      return slip.poolId === null ? null : () => slip.close();
    case "b":
      return () => router.go(tab === "bets" ? to("game", game.id) : to("game", game.id, "bets"));
    case "c":
      return () => {
        if (matchMedia("(max-width: 719px)").matches) router.go(to("game", game.id, "chat"));
        requestAnimationFrame(() => document.getElementById("say")?.focus());
      };
    case "m":
      return () => preferences.set("sounds", !preferences.get("sounds"));
    case "?":
      return showHelp;
    default:
      return null;
  }
}

/** Move the focus to the pool after or before the one that has it. */
function step(on, by) {
  const cards = [...document.querySelectorAll("[data-pool]")];
  const at = cards.indexOf(on.closest("[data-pool]"));
  const card = cards[at === -1 ? (by > 0 ? 0 : cards.length - 1) : (at + by + cards.length) % cards.length];
  const inside = card?.querySelector('[role="radio"][tabindex="0"]') ?? card;
  if (inside === card) card?.setAttribute("tabindex", "-1");
  inside?.focus();
  card?.scrollIntoView({ block: "nearest" });
}

/** Of the pool that has the focus, or is on the slip, or else is first. */
function choose(game, slip, index, on) {
  const now = session.now();
  const focused = on.closest("[data-pool]")?.dataset.pool ?? slip.poolId;
  const pools = shownPools(game, now).filter((pool) => takesBets(stateOf(pool, now)));
  const pool = pools.find(({ pool_id: id }) => id === focused) ?? pools[0];
  const target = pool && targetsInOrder(pool)[index];
  if (target !== undefined && pool.distribution[target].is_active) slip.choose(pool.pool_id, target);
}

function nextStake(slip) {
  if (slip.poolId === null) return;
  const stakes = preferences.get("stakes").map(String);
  slip.setStake(stakes[(stakes.indexOf(slip.text) + 1) % stakes.length]);
}

export function KeySheet({ close }) {
  const isOn = preferences.get("keys");
  return html`<${Sheet} title="Keys" close=${close}>
    <dl class="kv keys">${KEYS.map(
      ([key, what]) =>
        html`<dt key=${`k${key}`}><kbd>${key}</kbd></dt>
          <dd key=${`d${key}`}>${what}</dd>`,
    )}</dl>
    <label class="switch"><input type="checkbox" role="switch" checked=${isOn} onChange=${() => preferences.set("keys", !isOn)} />Single keys</label>
  </>`;
}
