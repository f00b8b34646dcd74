// Whom one meets in a game: the table, and friends with what they bet.
import { session } from "../session.js";

const TABLE_AFTER_MS = 500;
const BETS_SHOWN = 8;

/** The game's leaderboard around me, or my friends'. */
export class Table {
  scope = "game";
  entries = null; // null until it is known
  breaks = new Set();
  total = 0;
  moves = new Map(); // user id → by how many ranks since the last look
  #game;
  #timer = null;
  #ranks = new Map();

  constructor(game) {
    this.#game = game;
  }

  choose(scope) {
    Object.assign(this, { scope, entries: null, moves: new Map() });
    this.#ranks = new Map();
    this.#game.changed();
    this.load();
  }

  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), TABLE_AFTER_MS);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async load() {
    const { scope } = this;
    const name = scope === "game" ? "get_user_tailored_leaderboard" : "get_friends_leaderboard_for_game";
    const reply = await session.client.call(name, { game_id: this.#game.id }).catch(() => null);
    if (scope !== this.scope) return;
    const entries = reply?.leaderboard ?? [];
    const moved = entries.map(({ user_id: id, rank }) => [id, (this.#ranks.get(id) ?? rank) - rank]);
    this.moves = new Map(moved);
    this.#ranks = new Map(entries.map(({ user_id: id, rank }) => [id, rank]));
    Object.assign(this, { entries, breaks: new Set(reply?.break_after_rank ?? []), total: reply?.total ?? 0 });
    this.#game.changed();
  }
}

/** My friends, and their latest bets in this game. */
export class Friends {
  all = [];
  bets = [];
  #game;

  constructor(game) {
    this.#game = game;
  }

  isFriend(userId) {
    return this.all.some((friend) => friend.user_id === userId);
  }

  get here() {
    return this.all.filter((friend) => friend.games?.includes(this.#game.id));
  }

  async load() {
    const { client } = session;
    const [friends, predictions] = await Promise.all([
      client.call("list_friends", {}).catch(() => null),
      client.call("get_my_friends_predictions_for_game", { game_id: this.#game.id }).catch(() => null),
    ]);
    this.all = friends?.friends ?? [];
    const bets = predictions?.predictions?.running ?? [];
    this.bets = [...bets].sort((a, b) => (b.placed_at ?? 0) - (a.placed_at ?? 0)).slice(0, BETS_SHOWN);
    this.#game.changed();
  }

  add(bet) {
    this.bets = [bet, ...this.bets].slice(0, BETS_SHOWN);
  }
}
