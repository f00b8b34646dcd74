// The letters of actions, and how a player is found by what is typed.

import { numberOf } from "../targets.js";

const RESERVED = "behjkntuv";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/** Without case and accents: "Mbappé" → "mbappe" */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Action id → its letter, upper case: the first of its name that is free, else any that is, else none. */
export function lettersOf(actions) {
  const taken = new Set(RESERVED);
  const found = new Map();
  for (const [id, { name }] of Object.entries(actions)) {
    const letter = [...plain(name), ...ALPHABET].find((one) => ALPHABET.includes(one) && !taken.has(one));
    if (letter === undefined) continue;
    taken.add(letter);
    found.set(id, letter.toUpperCase());
  }
  return found;
}

/** Whether "mba", "26" or "f10" (a side's letter and a number) means a target. */
export function matches(target, root, query) {
  const text = plain(query.trim());
  if (text === "") return true;
  const number = String(numberOf(target) ?? "");
  const [, side, digits] = /^([a-z]*)\s*(\d+)$/.exec(text) ?? [];
  if (digits !== undefined && number === digits) return plain(root.name).startsWith(side) || plain(root.symbol).startsWith(side);
  return plain(target.name).includes(text);
}

/** The sides of a game with what lies below each: [{ root, members }]. */
export function squadsOf(targets) {
  const squads = new Map();
  for (const target of targets.values()) {
    if (target.id === "none") continue;
    if (target.root === target.id) squads.set(target.id, { root: target, members: [] });
    else squads.get(target.root).members.push(target);
  }
  return [...squads.values()];
}
