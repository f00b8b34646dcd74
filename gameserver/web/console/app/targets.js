// The targets of a game: what they are called, and whose colour they have.
import { nameFromId } from "./format.js";

const SIDES = 6;

/** Target id → { id, name, symbol, number, side, root, isActive }, of a game's nested `targets`. */
export function flatten(targets) {
  const found = new Map();
  const roots = Object.keys(targets).filter((id) => id !== "none");
  const visit = (nodes, path, side, root) => {
    for (const [part, node] of Object.entries(nodes)) {
      const id = path ? `${path}:${part}` : part;
      const ownSide = path ? side : part === "none" ? "none" : String((roots.indexOf(part) % SIDES) + 1);
      found.set(id, {
        id,
        name: node.display_name,
        symbol: node.symbol,
        number: node.number ?? null,
        side: ownSide,
        root: root ?? id,
        isActive: node.is_active !== false,
      });
      visit(node.targets, id, ownSide, root ?? id);
    }
  };
  visit(targets, "", "none", null);
  return found;
}

/** The number on a target's shirt: its label, or that its name begins with. */
export const numberOf = (target) => target.number ?? /^\d+/.exec(target.name)?.[0] ?? null;

/** "10 Messi" → "Messi" where the number stands apart. */
export const nameOf = (target) => (target.number === null ? target.name.replace(/^\d+\s+(?=\S)/, "") : target.name);

/** What stands on a target's plate: its number, or three letters. */
export const plateOf = (target) => String(numberOf(target) ?? target.symbol.toUpperCase());

/** What a target of a pool is called; the labels of a binary pool that were not given are words of ours. */
export function targetName(id, { display_name: name }) {
  return name === id && (id === "yes" || id === "no") ? nameFromId(id) : name;
}

/** The sides of a game of which only name and score are known, in the score's order. */
export function sidesByScore(gameName, score) {
  const names = gameName.split(/\s+(?:[-–—:]|vs?\.?)\s+/i);
  return Object.entries(score ?? {}).map(([id, points], index) => {
    const name = names.find((part) => part.toLowerCase().replace(/[\s_]+/g, "-") === id) ?? nameFromId(id);
    return { id, name, symbol: [...name].slice(0, 3).join("").toUpperCase(), side: String((index % SIDES) + 1), points };
  });
}
