// What an overlay shows: the hot pool, then what it came to. It reads by a view key, which can do nothing else.
import { Client, PoolViews } from "../client.js";
import { locksAt, stateOf, takesBets } from "./game/pool_states.js";
import { Store } from "./store.js";
import { flatten } from "./targets.js";

const RESULT_MS = 8_000;
const SUMS = ["participants", "amount_total", "bet_count", "distribution"];
const pick = (message, names) => Object.fromEntries(names.map((name) => [name, message[name]]));

export class OverlayStore extends Store {
  details = null;
  targets = new Map();
  /** How a hot pool has just ended: the broadcast and the pool; null after a while. */
  result = null;
  #views = new PoolViews();
  #early = null;
  #timer = null;

  constructor(gameId, sessionKey) {
    super();
    this.gameId = gameId;
    this.client = new Client({ sessionKey });
  }

  start() {
    this.#join();
    this.client.start();
  }

  #join(since) {
    const events = {
      joined: ({ recovered }, isAgain) => (isAgain && recovered && this.details !== null) || this.#load(),
      heard: (message) => this.#hear(message),
      refused: ({ code }) => code === "game_closed" && this.#joinClosed(),
    };
    this.client.join(this.gameId, events, since);
  }

  /** Nobody joins a closed game, but whoever knows what it has come to goes on if it is opened again. */
  async #joinClosed() {
    const details = await this.client.call("get_game_details", { game_id: this.gameId }).catch(() => null);
    if (details === null) return; // asked again with the next connection
    this.client.watch([details.source_id]);
    this.#join({ seq: details.seq, epoch: details.epoch });
  }

  stop() {
    clearTimeout(this.#timer);
    this.client.stop();
  }

  /** The hot pool that takes bets and locks next; null if there is none. */
  get hot() {
    const now = this.client.now();
    const hot = [...this.#views.pools.values()].filter((pool) => pool.is_hot && pool.distribution && takesBets(stateOf(pool, now)));
    return hot.sort((a, b) => (locksAt(a) ?? Infinity) - (locksAt(b) ?? Infinity) || b.start_at - a.start_at)[0] ?? null;
  }

  async #load() {
    const early = (this.#early = [...(this.#early ?? [])]);
    const game = { game_id: this.gameId };
    const [details, pools] = await Promise.all([this.client.call("get_game_details", game), this.client.call("list_all_betting_pools_for_game", { ...game, limit: 1000 })]).catch(() => [null]);
    if (details === null || this.#early !== early) return; // read again with the next connection, or already
    if (this.details !== null && this.details.epoch !== details.epoch) this.#views.clear();
    this.details = details;
    this.client.watch([details.source_id]); // whose watchers are told that a closed game is opened again
    this.targets = flatten(details.targets);
    for (const pool of Object.values(pools.pools_list)) this.#views.merge(pool.pool_id, pool.version, pool);
    this.#early = null;
    for (const message of early) this.#apply(message);
    this.changed();
  }

  #hear(message) {
    if (this.#early !== null) this.#early.push(message);
    else {
      this.#apply(message);
      this.changed();
    }
  }

  #apply(message) {
    const { res_name: name, pool_id: id, version } = message;
    if (name === "new_betting_pool") this.#views.merge(id, version, message);
    else if (name === "betting_pool_bets_distribution_update") this.#views.merge(id, version, pick(message, SUMS));
    else if (name === "hot_betting_pool_suggested" && id) this.#views.merge(id, version, { is_hot: message.hot_since !== null });
    else if (name === "betting_in_pool_blocked") this.#views.merge(id, version, { is_blocked: true });
    else if (name === "betting_in_pool_allowed") this.#views.merge(id, version, { is_blocked: false });
    else if (name === "betting_pool_voided") this.#views.merge(id, version, { status: "voided" });
    else if (name === "bet_pool_resolved" || name === "bet_pool_expired") this.#end(message);
    else if (name === "game_reopened" || name === "labels_changed") this.#load();
  }

  #end(message) {
    const pool = this.#views.pools.get(message.pool_id);
    const isNews = this.#views.merge(message.pool_id, message.version, { status: "resolved" });
    if (!isNews || !pool?.is_hot || message.is_money_return || message.winning_target === null) return;
    this.result = { message, pool };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.result = null;
      this.changed();
    }, RESULT_MS);
  }
}
