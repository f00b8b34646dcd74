// What is read of a game at once: its details, and its lists of pools.
import { session } from "../session.js";

/** All pages of a list of pools. */
export async function readPools(name, gameId, limit = 1000) {
  const pools = [];
  let after;
  do {
    const page = await session.client.call(name, { game_id: gameId, limit, ...(after && { after }) });
    pools.push(...Object.values(page.pools_list));
    after = page.next;
  } while (after && pools.length < limit);
  return pools;
}

/** The details with the events that were taken back, but without what was resolved by hand. */
export async function readDetails(gameId) {
  const [details, all] = await Promise.all([
    session.client.call("get_game_details", { game_id: gameId }),
    session.client.call("get_game_details", { game_id: gameId, with_voided: true }),
  ]);
  const shown = Object.entries(all.past_events).filter(([id, event]) => event.voided_at || id in details.past_events);
  return { ...details, past_events: Object.fromEntries(shown) };
}
