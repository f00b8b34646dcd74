// What the lobby shows: sources, their games, and what of it is mine. Read anew when a source tells of a game, and
// every while, since scores and watchers are not told.
import { session } from "./session.js";
import { Store } from "./store.js";

const REFRESH_MS = 15_000;
const SOON_MS = 300;
const IN_PROGRESS = new Set(["game_in_progress_betting_active", "game_in_progress_betting_closed"]);

export class LobbyStore extends Store {
  /** Null until it is known. */
  sources = null;
  games = [];
  upcoming = [];
  front = null;
  mine = null;
  leaders = [];
  error = null;
  #timer = null;
  #isRunning = false;
  #stops = [];

  start() {
    this.#isRunning = true;
    this.#stops = [
      session.client.on("message", (message) => {
        if (TELL_OF_GAMES.has(message.res_name)) this.#soon();
      }),
      session.client.on("connection", ({ state }) => {
        if (state === "live") this.#soon();
      }),
    ];
    this.#refresh();
  }

  stop() {
    this.#isRunning = false;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  get live() {
    return this.games.filter((game) => IN_PROGRESS.has(game.status));
  }

  /** Games that are to come, the next first: upcoming ones, and open ones before their start. */
  get next() {
    const open = this.games.filter((game) => !IN_PROGRESS.has(game.status));
    return [...open, ...this.upcoming].sort((a, b) => a.live_start_at - b.live_start_at);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), SOON_MS);
  }

  async #refresh() {
    clearTimeout(this.#timer);
    try {
      if (document.visibilityState === "visible" || this.sources === null) await this.#read();
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    if (!this.#isRunning) return;
    this.changed();
    this.#timer = setTimeout(() => this.#refresh(), REFRESH_MS);
  }

  async #read() {
    const { sources } = await session.read("list_game_sources", {});
    const lists = await Promise.all(sources.map((source) => readGames(source)));
    const games = lists.flatMap((list) => list.games);
    this.mine = session.user === null ? null : await readMine();
    this.sources = sources.map((source, index) => ({ ...source, live: countLive(lists[index].games), next: lists[index].upcoming.length }));
    this.games = games;
    this.upcoming = lists.flatMap((list) => list.upcoming);
    this.front = await this.#readFront();
    if (session.user !== null) session.client.watch(sources.map((source) => source.id));
  }

  /** The game on the front: what is hot, then what most watch. */
  async #readFront() {
    const [game] = this.live.sort((a, b) => b.hot_pools - a.hot_pools || b.subscribers - a.subscribers);
    if (game === undefined) return null;
    const onlyGame = { game_id: game.id };
    const isMember = session.user !== null;
    const place = isMember ? onlyGame : { source_id: game.source_id, ...onlyGame };
    const [pools, details, leaders] = await Promise.all([
      session.read("list_all_betting_pools_for_game", place),
      session.read("get_game_details", place),
      isMember ? null : session.read("get_leaderboard_for_game", onlyGame).catch(() => null),
    ]);
    this.leaders = leaders?.leaderboard?.slice(0, 3) ?? [];
    const hot = Object.values(pools.pools_list).find((pool) => pool.is_hot && !pool.is_blocked);
    return { game, details, hot: hot ?? null };
  }
}

const TELL_OF_GAMES = new Set(["game_created", "game_created_and_opened", "game_opened", "game_closed", "game_reopened"]);

const countLive = (games) => games.filter((game) => IN_PROGRESS.has(game.status)).length;

async function readGames(source) {
  const [open, upcoming] = await Promise.all([
    session.read("list_games_for_source", { source_id: source.id }),
    session.read("list_upcoming_games_for_source", { source_id: source.id }),
  ]);
  const own = (games) => Object.entries(games).map(([id, game]) => ({ ...game, id, source_id: source.id, source_name: source.name }));
  return { games: own(open.games), upcoming: own(upcoming.games).map((game) => ({ ...game, name: game.game_name })) };
}

/** My running bets, and my points so far; each null where the server does not tell. */
async function readMine() {
  const none = { top_count: 0, bottom_count: 0, surrounding_count: 0 };
  const [running, standing] = await Promise.all([
    session.client.call("list_my_running_bets", {}).catch(() => null),
    session.client.call("get_user_tailored_leaderboard", none).catch(() => null),
  ]);
  const own = standing?.leaderboard?.find((entry) => entry.user_id === session.user.id);
  return { bets: running?.bets ?? [], points: own?.points ?? null };
}
