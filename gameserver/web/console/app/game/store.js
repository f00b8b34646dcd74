// Everything the page knows of its game. Lists are read once, broadcasts keep them; what was missed is replayed.
import { PoolViews } from "../../client.js";
import { timeOfDay } from "../format.js";
import { elapsedAt, minuteLabel } from "../match_time.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { play } from "../sounds.js";
import { Store } from "../store.js";
import { flatten } from "../targets.js";
import { Chat } from "./chat_store.js";
import { Friends, Table } from "./people_store.js";
import { HEARD } from "./heard.js";
import { JUST_ENDED_MS, shares } from "./pool_states.js";
import { readDetails, readPools } from "./reading.js";

const MINE_AFTER_MS = 250;
const MOVE_MS = 3_000;
const MOVES_EVERY_MS = 500;
const FAST_MS = 480; // prices told again so soon change before a bar has come to rest
const TRAIL_POINTS = 60;
const RESOLVED_SHOWN = 20;
const QUIET_AFTER_MS = 1_000;

export class GameStore extends Store {
  /** "loading" until everything has been read, then "ready"; "gone" if `refusal` tells why not. */
  state = "loading";
  refusal = null;
  details = null;
  targets = new Map();
  roles = [];
  views = new PoolViews();
  mine = new Map(); // pool id → { user_backed, my_bets, total_winnings }
  endings = new Map(); // pool id → how it has just ended, and what it came to for me
  notes = new Map(); // pool id → what was taken back
  moves = new Map(); // pool id → target id → { isUp, until }, with { at, isFast } of the pool's last change
  trails = new Map(); // pool id → [{ at, shares }]
  readings = []; // of the match clock, as heard
  #subscription = null;
  #early = [];
  #mineTimer = null;
  #movesTimer = null;
  #lostAt = null;
  #replayed = 0;
  #stops = [];

  constructor(id) {
    super();
    this.id = id;
    this.me = session.user;
    this.table = new Table(this);
    this.friends = new Friends(this);
    this.chat = new Chat(this);
  }

  start() {
    const { client } = session;
    this.#join();
    this.#stops = [
      client.on("message", (message) => {
        if (message.res_name === "balance_update") this.mineSoon();
        if (message.res_name === "friend_bet") this.#hear(message);
      }),
      client.on("connection", ({ state }) => {
        if (state !== "live" && this.#lostAt === null) this.#lostAt = client.now();
      }),
    ];
  }

  stop() {
    this.#subscription.leave();
    clearTimeout(this.#mineTimer);
    clearTimeout(this.#movesTimer);
    this.table.stop();
    for (const stop of this.#stops) stop();
  }

  /** Join the game, in order to hear what comes `since` { seq, epoch } if all before it is to be read. */
  #join(since) {
    const events = {
      joined: (reply, isAgain) => this.#joined(reply, isAgain),
      heard: (message) => this.#hear(message),
      refused: (refusal) => this.#refused(refusal),
    };
    this.#subscription = session.client.join(this.id, events, since);
  }

  // ---- what was read ----

  #joined(reply, isAgain) {
    this.roles = reply.roles;
    const lostAt = this.#lostAt;
    this.#lostAt = null;
    if (!isAgain || !reply.recovered || this.state === "loading") {
      if (isAgain && this.state === "ready") session.tellCaughtUp({ isReloaded: true });
      this.load(reply.subscribers);
      return;
    }
    this.update({ subscribers: reply.subscribers });
    if (lostAt === null) return; // opened again: what that has changed is told
    this.#countReplayed(lostAt);
    this.mineSoon();
    this.table.soon();
  }

  /** What comes within a moment of a recovery is what was missed: told together, without sounds. */
  #countReplayed(lostAt) {
    this.#replayed = 0;
    this.isReplaying = true;
    const now = session.client.now();
    setTimeout(() => {
      this.isReplaying = false;
      if (now - lostAt < QUIET_AFTER_MS) return;
      session.tellCaughtUp({ things: this.#replayed, seconds: Math.round((now - lostAt) / 1000) });
    }, QUIET_AFTER_MS);
  }

  async load(subscribers) {
    try {
      const [details, open, resolved] = await Promise.all([
        readDetails(this.id),
        readPools("list_all_betting_pools_for_game", this.id),
        readPools("list_resolved_betting_pools_for_game", this.id, RESOLVED_SHOWN),
        this.readMine(),
      ]);
      if (this.details !== null && details.epoch !== this.details.epoch) this.views.clear();
      this.details = { ...details, subscribers: subscribers ?? details.subscribers };
      this.#learn(details);
      for (const pool of [...open, ...resolved]) this.merge(pool.pool_id, pool.version, pool);
      this.state = "ready";
      this.#watchOver();
      session.loadBalance(details.currency);
      for (const message of this.#early.splice(0)) this.#apply(message);
      this.table.load();
      this.friends.load();
      this.chat.load();
    } catch (error) {
      if (this.details === null) Object.assign(this, { state: "gone", refusal: error });
    }
    this.changed();
  }

  #learn(details) {
    this.targets = flatten(details.targets);
    if (details.clock !== null) this.setClock(details.clock);
  }

  async reloadDetails() {
    const details = await readDetails(this.id).catch(() => null);
    if (details === null) return;
    this.details = { ...details, subscribers: this.details.subscribers };
    this.#learn(details);
    this.changed();
  }

  #refused(refusal) {
    if (refusal.code === "game_closed") this.#joinClosed();
    else {
      Object.assign(this, { state: "gone", refusal });
      this.changed();
    }
  }

  /** Nobody joins a closed game, but whoever asks what was missed is told the roles, and goes on if it is reopened. */
  async #joinClosed() {
    try {
      const { seq, epoch } = await session.client.call("get_game_details", { game_id: this.id });
      this.#join({ seq, epoch });
    } catch (error) {
      this.#refused(error);
    }
  }

  /** That a closed game is opened again is told to those who watch its source. */
  #watchOver() {
    const { source_id: source, closed_at: closedAt, cancelled_at: cancelledAt } = this.details;
    const { sources } = session.client;
    if (closedAt !== null && cancelledAt === null && !sources.includes(source)) session.client.watch([...sources, source]);
  }

  /** My stakes and bets, running and settled. */
  async readMine() {
    const [running, settled] = await Promise.all([
      readPools("list_my_running_pools_for_game", this.id),
      readPools("list_my_resolved_pools_for_game", this.id, 100),
    ]);
    this.mine = new Map([...running, ...settled].map((pool) => [pool.pool_id, pick(pool)]));
    for (const { user_backed: _, my_bets: __, total_winnings: ___, ...pool } of [...running, ...settled]) {
      this.merge(pool.pool_id, pool.version, pool);
    }
  }

  mineSoon() {
    clearTimeout(this.#mineTimer);
    this.#mineTimer = setTimeout(
      () =>
        this.readMine().then(
          () => this.changed(),
          () => {},
        ),
      MINE_AFTER_MS,
    );
  }

  // ---- what is heard ----

  #hear(message) {
    if (this.state === "loading") this.#early.push(message);
    else {
      this.#apply(message);
      this.changed();
    }
  }

  #apply(message) {
    const { seq } = message.response_header;
    if (seq !== undefined && seq <= this.details.seq) return; // the details were read after it
    if (this.isReplaying && seq !== undefined) this.#replayed += 1;
    HEARD[message.res_name]?.(this, message);
    if (seq !== undefined) this.details.seq = seq;
  }

  merge(poolId, version, fields) {
    return this.views.merge(poolId, version, fields);
  }

  /** Take in a distribution, and remember which prices moved. */
  mergeDistribution(poolId, version, fields) {
    const before = this.views.pools.get(poolId)?.distribution;
    if (!this.merge(poolId, version, fields) || before === undefined) return;
    const at = session.client.now();
    const until = at + MOVE_MS;
    const moved = Object.assign(new Map(), { at, isFast: at - (this.moves.get(poolId)?.at ?? 0) < FAST_MS });
    for (const [id, target] of Object.entries(fields.distribution)) {
      const change = target.to_win_if_backed - (before[id]?.to_win_if_backed ?? target.to_win_if_backed);
      if (Math.abs(change) >= 0.01) moved.set(id, { isUp: change > 0, until });
    }
    this.moves.set(poolId, moved);
    this.#forgetMoves();
    this.#trace(poolId);
  }

  /** Prices that have not moved for a while lose their arrows. */
  #forgetMoves() {
    this.#movesTimer ??= setTimeout(() => {
      this.#movesTimer = null;
      const now = session.client.now();
      for (const [poolId, moved] of this.moves) {
        if ([...moved.values()].every(({ until }) => until <= now)) this.moves.delete(poolId);
      }
      if (this.moves.size > 0) this.#forgetMoves();
      this.changed();
    }, MOVES_EVERY_MS);
  }

  #trace(poolId) {
    const trail = this.trails.get(poolId);
    if (trail === undefined) return; // nobody looks at it
    const pool = this.views.pools.get(poolId);
    const point = { at: session.client.now(), shares: shares(pool), total: pool.amount_total };
    this.trails.set(poolId, [...trail.slice(-TRAIL_POINTS), point]);
  }

  /** The shares of a pool so far, for a chart that begins to be drawn. */
  async startTrail(poolId) {
    if (this.trails.has(poolId)) return;
    this.trails.set(poolId, []);
    const history = await session.client.call("get_betting_pool_history", { pool_id: poolId }).catch(() => null);
    if (history === null) return;
    const points = history.at.map((at, index) => {
      const money = Object.entries(history.backing_money).map(([id, amounts]) => [id, amounts[index]]);
      const total = money.reduce((sum, [, amount]) => sum + amount, 0);
      return {
        at,
        total,
        shares: Object.fromEntries(money.map(([id, amount]) => [id, total > 0 ? (100 * amount) / total : 0])),
      };
    });
    this.trails.set(poolId, [...points, ...this.trails.get(poolId)]);
    this.changed();
  }

  update(fields) {
    if (this.details !== null) this.details = { ...this.details, ...fields };
    if (fields.targets) this.#learn(this.details);
    this.changed();
  }

  setClock(reading) {
    if (!this.readings.some(({ at }) => at === reading.at)) {
      this.readings = [...this.readings, reading].sort((a, b) => a.at - b.at);
    }
    if (this.details !== null) this.details = { ...this.details, clock: reading };
  }

  addEvent(id, event) {
    const events = { ...this.details.past_events, [id]: event };
    const sorted = Object.entries(events).sort(([, a], [, b]) => b.happened_at - a.happened_at);
    this.details = { ...this.details, past_events: Object.fromEntries(sorted) };
  }

  /** An event that counts no more stays, struck out. */
  strike(id, reason, at) {
    this.chat.strike(id);
    const event = this.details.past_events[id];
    if (event !== undefined) this.addEvent(id, { ...event, voided_at: at, reason });
  }

  count({ action_id: action, current_count: counts, score }) {
    this.details = { ...this.details, score, game_state: { ...this.details.game_state, [action]: counts } };
  }

  /** "81’": the minute of the match, or the time of day where the match has no clock. */
  minuteOf(at) {
    if (this.readings.length === 0) return timeOfDay(at);
    const reading = this.readings.findLast((known) => known.at <= at) ?? this.readings[0];
    return minuteLabel(Math.max(0, elapsedAt(this.readings, this.details.live_start_at, at)), reading.period);
  }

  // ---- what is told ----

  /** Remember how a pool ended, while that is news. */
  end(poolId, ending) {
    const mine = this.mine.get(poolId);
    this.endings.set(poolId, { ...ending, staked: mine?.user_backed ?? null });
    setTimeout(() => this.changed(), JUST_ENDED_MS);
    this.mineSoon();
    const { description } = this.views.pools.get(poolId);
    if (mine !== undefined) this.tell("settled", sayEnding(description, ending));
  }

  reopen(poolId) {
    this.endings.delete(poolId);
    if (this.mine.has(poolId)) this.mineSoon();
  }

  /** Tell on the cards of what an event had settled that it was taken back. */
  note(message, reason, forMs) {
    for (const [poolId, outcome] of Object.entries(message.pools)) {
      const had = this.endings.get(poolId)?.net ?? this.mine.get(poolId)?.total_winnings ?? null;
      if (outcome === "reopened" || outcome === "blocked") {
        this.notes.set(poolId, { reason, had, actionId: message.action_id });
        setTimeout(() => this.notes.delete(poolId) && this.changed(), forMs);
      }
    }
    this.mineSoon();
  }

  close(message) {
    this.update({
      closed_at: message.response_header.t,
      cancelled_at: message.cancelled ? message.response_header.t : null,
      reason: message.reason, // told once, to who is there
    });
    this.#watchOver();
    this.mineSoon();
    this.table.soon();
    this.tell("settled", message.cancelled ? "The game was called off" : "Full time");
  }

  setPresent(message, isHere) {
    if (message.user_id !== this.me.id)
      this.update({ subscribers: Math.max(1, (this.details.subscribers ?? 1) + (isHere ? 1 : -1)) });
  }

  tellEvent(message) {
    const action = this.details.actions[message.action_id]?.name ?? message.action_id;
    const isGoal = (this.details.scores?.[message.action_id] ?? 0) !== 0;
    const score = isGoal && message.score ? `, ${Object.values(message.score).join(" to ")}` : "";
    this.chat.addEvent(message, `${action}, ${message.target_display_name}`);
    this.tell(isGoal ? "goal" : null, `${action}, ${message.target_display_name}${score}`);
  }

  /** Say it to a screen reader, with a sound if there is one and they are on; neither while catching up. */
  tell(sound, text) {
    if (this.isReplaying) return;
    notices.say(text);
    if (sound !== null) play(sound);
  }
}

const pick = ({ user_backed, my_bets, total_winnings }) => ({ user_backed, my_bets, total_winnings });

function sayEnding(description, { net, isVoid }) {
  if (isVoid) return `${description} Void, stakes are back.`;
  if (net === null || net === undefined) return `${description} Settled.`;
  return net >= 0 ? `${description} You won ${net.toFixed(2)}.` : `${description} You lost ${(-net).toFixed(2)}.`;
}
