// What a pool is to a player at a moment, in which order pools stand, and what a stake would return.
import { floorTo } from "../format.js";

const SOON_MS = 10_000;
export const MANY_TARGETS = 8;
export const JUST_ENDED_MS = 120_000;

/** When the pool locks by itself; null if an event or the operator ends it. */
export function locksAt(pool) {
  const times = [pool.stop_accepting_bets_at, pool.finish_at].filter((time) => time !== null && time !== undefined);
  return times.length === 0 ? null : Math.min(...times);
}

/** "later" | "open" | "soon" | "locked" | "paused" | "ended" */
export function stateOf(pool, now) {
  if (pool.status !== "open") return "ended";
  if (now < pool.start_at) return "later";
  const lock = locksAt(pool);
  if (lock !== null && now >= lock) return "locked";
  if (pool.is_blocked) return "paused";
  return lock !== null && lock - now < SOON_MS ? "soon" : "open";
}

export const takesBets = (state) => state === "open" || state === "soon";

/** Hot, just ended, with my stake, by the next lock, paused, later. */
export function inOrder(pools, now, mine) {
  const rank = (pool) => {
    const state = stateOf(pool, now);
    if (state === "ended") return 1;
    if (pool.is_hot && takesBets(state)) return 0;
    if (state === "later") return 5;
    if (mine.has(pool.pool_id)) return 2;
    return takesBets(state) ? 3 : 4;
  };
  const keyed = pools.map((pool) => [rank(pool), locksAt(pool) ?? Infinity, -pool.start_at, pool]);
  return keyed.sort(([a, b, c], [d, e, f]) => a - d || (b === e ? 0 : b - e) || c - f).map(([, , , pool]) => pool);
}

/** Target id → percent of the money, 0 in an empty pool. */
export function shares(pool) {
  const total = pool.amount_total;
  const share = ({ backing_money: money }) => (total > 0 ? (100 * money) / total : 0);
  return Object.fromEntries(Object.entries(pool.distribution).map(([id, target]) => [id, share(target)]));
}

/** The ids of a pool's targets as they are shown: of many, those first that most of the money is on. */
export function targetsInOrder(pool, isSorted = false) {
  const ids = Object.keys(pool.distribution);
  if (ids.length <= MANY_TARGETS && !isSorted) return ids;
  return ids.sort((a, b) => pool.distribution[b].backing_money - pool.distribution[a].backing_money);
}

/** What one unit returns with a stake of mine in it, takeout counted; no winner gets less than the stake. */
export function priceWith(pool, target, stake) {
  const backing = pool.distribution[target].backing_money + stake;
  return Math.max(1, ((pool.amount_total + stake) * (1 - pool.takeout)) / backing);
}

/** What my stakes on a target return as things stand, rounded down to the currency's places. */
export function returns(pool, target, amount, places) {
  return floorTo(amount * priceWith(pool, target, 0), places);
}
