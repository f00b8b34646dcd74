/**
 * The console's one way to the server; docs/console.md tells how to use it, client.d.ts has its types.
 *
 * It matches replies with requests, connects again by itself, sends again what may have been lost (writes with the
 * same key, so that they are carried out once), joins games again with what was heard last, and knows the server's
 * clock.
 */
import { MESSAGES, OPERATIONS } from "./operations.js";

const BACKOFF_MS = [0, 1_000, 2_000, 4_000, 8_000];
const JITTER = 0.2;
const FULL_MS = 5_000;
const FLOOD_MS = 10_000;
const STABLE_MS = 3_000; // a connection that lasted so long was a good one
const READ_DEADLINE_MS = 20_000;
const WRITE_DEADLINE_MS = 60_000;
const QUIET_MS = 20_000; // without a word for so long, the connection is asked whether it works
const PROBE_MS = 5_000;
const WATCH_MS = 5_000;
const CLOCK_PINGS = 4; // of a new connection
const CLOCK_SAMPLES = 8;

const REASONS = { 1001: "restarting", 4002: "signed_out", 4008: "slow", 4029: "flood" };

/** A refusal (666). */
export class Refused extends Error {
  constructor(reply) {
    super(reply.text);
    this.name = "Refused";
    this.code = reply.code;
    this.field = reply.field ?? null;
    this.retryable = reply.retryable;
    this.details = reply;
  }
}

/** No answer in time, or no connection: whether a write was carried out is unknown. */
export class Unanswered extends Error {
  constructor(text) {
    super(text);
    this.name = "Unanswered";
  }
}

/** A new idempotency key. `crypto.randomUUID` is missing from pages that came over plain HTTP. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The server's time less performance.now(), by the quickest of the last answers: it errs by half of its way at most. */
class ServerClock {
  samples = [];
  base = Date.now() - performance.now();

  add(asked, heard, told) {
    this.samples = [...this.samples.slice(1 - CLOCK_SAMPLES), { tookMs: heard - asked, base: told - (asked + heard) / 2 }];
    this.base = this.samples.reduce((best, sample) => (sample.tookMs < best.tookMs ? sample : best)).base;
  }
}

export class Client {
  #url;
  #sessionKey;
  #socket = null;
  #wasLive = false; // since the socket was made
  #liveSince = 0;
  #attempts = 0;
  #retryTimer = null;
  #watchTimer = null;
  #lastHeard = 0;
  #lastId = 0;
  #requests = new Map(); // id → request that is not answered
  #byKey = new Map();
  #subscriptions = new Map();
  #gamesOfPools = new Map(); // since some broadcasts name the pool alone
  #listeners = { connection: new Set(), message: new Set() };
  #clock = new ServerClock();
  connection = { state: "waiting", reason: null, retryAt: null };
  sources = [];

  constructor({ url, sessionKey } = {}) {
    this.#url = new URL(url ?? "ws", url ? undefined : document.baseURI);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#sessionKey = sessionKey ?? null;
  }

  now() {
    return Math.round(this.#clock.base + performance.now());
  }

  on(event, hear) {
    this.#listeners[event].add(hear);
    return () => this.#listeners[event].delete(hear);
  }

  start() {
    if (this.#watchTimer === null) {
      this.#watchTimer = setInterval(() => this.#watchOverConnection(), WATCH_MS);
      for (const sign of ["online", "offline", "focus"]) addEventListener(sign, this.#suspect);
    }
    if (this.#socket === null) this.#open();
  }

  stop() {
    for (const sign of ["online", "offline", "focus"]) removeEventListener(sign, this.#suspect);
    this.#end("left");
  }

  check() {
    if (this.connection.state === "waiting") this.#open();
    else if (this.connection.state === "live") this.#measureClock();
  }

  #suspect = () => this.check();

  watch(sourceIds) {
    const known = this.sources;
    this.sources = [...sourceIds].sort();
    if (known.join() !== this.sources.join() && ["live", "connecting"].includes(this.connection.state)) this.#open();
  }

  call(name, parameters = {}, { key, deadlineMs, retrying } = {}) {
    if (!(name in OPERATIONS)) {
      return Promise.reject(new Refused({ code: "unknown_op", text: `no operation is named ${name}`, retryable: false }));
    }
    if (key !== undefined && this.#byKey.has(key)) return this.#byKey.get(key);
    const [op, kind] = OPERATIONS[name];
    const isWrite = kind === "write";
    const request = { id: ++this.#lastId, kind, key: isWrite ? (key ?? newKey()) : undefined, retries: 0, retrying };
    const header = request.key === undefined ? { id: request.id } : { id: request.id, key: request.key };
    request.text = JSON.stringify({ header, op, ...parameters });
    const answer = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
    if (this.connection.state === "ended") {
      request.reject(new Unanswered("the connection has ended"));
      return answer;
    }
    this.#requests.set(request.id, request);
    if (isWrite) this.#byKey.set(request.key, answer);
    request.deadline = setTimeout(
      () => this.#settle(request, "reject", new Unanswered("the server has not answered in time")),
      deadlineMs ?? (isWrite ? WRITE_DEADLINE_MS : READ_DEADLINE_MS),
    );
    this.#send(request);
    return answer;
  }

  join(gameId, events, since = null) {
    this.#subscriptions.get(gameId)?.leave();
    const subscription = {
      gameId,
      events,
      seq: since?.seq ?? null,
      joined: since,
      leave: () => {
        if (this.#subscriptions.get(gameId) !== subscription) return;
        this.#subscriptions.delete(gameId);
        if (this.connection.state === "live") this.call("leave_game", { game_id: gameId }).catch(() => {});
      },
    };
    this.#subscriptions.set(gameId, subscription);
    if (this.connection.state === "live") this.#join(subscription);
    return subscription;
  }

  // ---- the connection ----

  #open() {
    this.#drop();
    const url = new URL(this.#url);
    for (const source of this.sources) url.searchParams.append("source", source);
    this.#wasLive = false;
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => (this.#sessionKey === null ? this.#goLive() : this.#logOn());
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => this.#closed(event.code);
    this.#tell("connecting", this.connection.reason, null);
  }

  /** Let go of the socket, whether or not the other end still hears. */
  #drop() {
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    this.#loseSent();
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  async #logOn() {
    const header = { id: ++this.#lastId, session_key: this.#sessionKey };
    const request = { id: header.id, kind: "connection", isSent: true };
    const answer = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
    this.#requests.set(request.id, request);
    this.#socket.send(JSON.stringify({ header, op: OPERATIONS.logon[0] }));
    try {
      const reply = await answer;
      if (reply.res_name === "logon_success" || reply.res_name === "logon_fail_already_logged_in") this.#goLive();
      else if (reply.reason === "too_many_connections") this.#retry("full", FULL_MS);
      else this.#end("signed_out");
    } catch {
      // the connection is lost, which its close tells
    }
  }

  #goLive() {
    this.#wasLive = true;
    this.#liveSince = this.#lastHeard = performance.now();
    this.#tell("live", null, null);
    for (const request of this.#requests.values()) if (!request.isSent) this.#send(request);
    this.#clock.samples = []; // this device may have slept
    this.#measureClock(CLOCK_PINGS);
    for (const subscription of this.#subscriptions.values()) this.#join(subscription);
  }

  async #closed(code) {
    const socket = this.#socket;
    const wasLive = this.#wasLive;
    this.#loseSent();
    if (REASONS[code] === "signed_out") return this.#end("signed_out");
    if (wasLive && performance.now() - this.#liveSince >= STABLE_MS) this.#attempts = 0;
    const reason = wasLive ? (REASONS[code] ?? "unreachable") : await this.#whyRefused();
    if (this.#socket !== socket) return; // meanwhile stopped, or opened anew
    if (reason === "signed_out") return this.#end("signed_out");
    if (reason === null) this.sources = []; // one that the server does not know refuses the handshake
    this.#retry(reason ?? "unreachable", reason === "flood" ? FLOOD_MS : reason === "full" ? FULL_MS : 0);
  }

  #retry(reason, leastMs) {
    this.#drop();
    const backoff = BACKOFF_MS[Math.min(this.#attempts++, BACKOFF_MS.length - 1)];
    const delay = Math.max(leastMs, backoff * (1 - JITTER + 2 * JITTER * Math.random()));
    this.#retryTimer = setTimeout(() => this.#open(), delay);
    this.#tell("waiting", reason, Date.now() + delay);
  }

  #end(reason) {
    clearInterval(this.#watchTimer);
    this.#watchTimer = null;
    this.#drop();
    for (const request of [...this.#requests.values()]) {
      this.#settle(request, "reject", new Unanswered("the connection has ended"));
    }
    this.#tell("ended", reason, null);
  }

  #tell(state, reason, retryAt) {
    this.connection = { state, reason, retryAt };
    for (const hear of this.#listeners.connection) hear(this.connection);
  }

  /** A browser does not say why a handshake failed; HTTP does. Null if HTTP knows of nothing. */
  async #whyRefused() {
    const url = new URL("../r/me/", this.#url.href.replace(/\/?$/, "/"));
    url.protocol = url.protocol.replace("ws", "http");
    const headers = this.#sessionKey === null ? {} : { Authorization: `Bearer ${this.#sessionKey}` };
    try {
      const response = await fetch(url, { headers });
      return { 401: "signed_out", 403: "signed_out", 503: "full" }[response.status] ?? null;
    } catch {
      return "unreachable";
    }
  }

  /** Ask for the time, so often; a connection that does not answer is lost. */
  #measureClock(times = 1) {
    const socket = this.#socket;
    const asked = performance.now();
    this.call("ping", {}, { deadlineMs: PROBE_MS }).then(
      (reply) => {
        this.#clock.add(asked, performance.now(), reply.response_header.t);
        if (times > 1 && this.#socket === socket) this.#measureClock(times - 1);
      },
      (error) => {
        if (error instanceof Unanswered && this.#socket === socket && this.connection.state === "live") {
          this.#retry("unreachable", 0);
        }
      },
    );
  }

  #watchOverConnection() {
    if (this.connection.state === "live" && performance.now() - this.#lastHeard > QUIET_MS) this.#measureClock();
  }

  // ---- requests ----

  #send(request) {
    clearTimeout(request.again);
    if (this.connection.state !== "live") return;
    request.isSent = true;
    this.#socket.send(request.text);
  }

  #settle(request, how, value) {
    clearTimeout(request.deadline);
    clearTimeout(request.again);
    this.#requests.delete(request.id);
    this.#byKey.delete(request.key);
    request[how](value);
  }

  /** What was sent has no answer to come: it is sent again, unless it concerned the connection that is gone. */
  #loseSent() {
    for (const request of [...this.#requests.values()]) {
      if (request.kind === "connection" && request.isSent) {
        this.#settle(request, "reject", new Unanswered("the connection was lost"));
      }
      request.isSent = false;
    }
  }

  #receive(message) {
    this.#lastHeard = performance.now();
    for (const pool of [message, ...Object.values(message.pools_list ?? {})]) {
      if (pool.pool_id && pool.game_id) this.#gamesOfPools.set(pool.pool_id, pool.game_id);
    }
    message.res_name = MESSAGES[message.res] ?? "unknown";
    const request = this.#requests.get(message.response_header.id);
    if (request !== undefined) this.#answer(request, message);
    else if (message.res_name === "error_reply") this.#refuse(message);
    else this.#hear(message);
  }

  #answer(request, reply) {
    if (reply.res_name !== "error_reply") return this.#settle(request, "resolve", reply);
    const refusal = new Refused(reply);
    if (!refusal.retryable) {
      this.#settle(request, "reject", refusal);
      return this.#refuse(reply);
    }
    const inMs = reply.retry_after_ms ?? Math.min(500 * 2 ** request.retries++, 4_000);
    request.again = setTimeout(() => this.#send(request), inMs);
    request.retrying?.(refusal, inMs);
  }

  #refuse(reply) {
    if (reply.code === "not_logged_in") this.#end("signed_out");
  }

  // ---- broadcasts ----

  async #join(subscription) {
    const { gameId, events, seq, joined } = subscription;
    const again = seq === null ? {} : { after_seq: seq, epoch: joined.epoch };
    subscription.isJoining = true;
    try {
      await this.call("join_game", { game_id: gameId, ...again }).then((reply) => this.#joined(subscription, reply));
    } catch (error) {
      if (error instanceof Refused && this.#subscriptions.get(gameId) === subscription) events.refused?.(error);
    } finally {
      subscription.isJoining = false;
    }
  }

  #joined(subscription, reply) {
    if (this.#subscriptions.get(subscription.gameId) !== subscription) return;
    const isAgain = subscription.joined !== null;
    subscription.joined = reply;
    if (!reply.recovered) subscription.seq = reply.seq;
    subscription.events.joined?.(reply, isAgain);
  }

  #hear(message) {
    const { seq } = message.response_header;
    const gameId = message.game_id ?? message.channel ?? this.#gamesOfPools.get(message.pool_id);
    const subscription = this.#subscriptions.get(gameId);
    const isReopened = subscription !== undefined && message.res_name === "game_reopened";
    // It is told without having been joined, too, and then ahead of what the log has before it.
    const isAhead = isReopened && seq !== subscription.seq + 1;
    if (subscription !== undefined && !isAhead && (seq === undefined || seq > (subscription.seq ?? Infinity))) {
      if (seq !== undefined) subscription.seq = seq;
      subscription.events.heard?.(message);
    }
    if (isReopened && !subscription.isJoining) this.#join(subscription);
    for (const hear of this.#listeners.message) hear(message);
  }
}

/** What is known of pools: of each field, what the greatest `version` told. */
export class PoolViews {
  #versions = new Map(); // pool id → field → version
  pools = new Map();

  merge(poolId, version, fields) {
    const versions = this.#versions.get(poolId) ?? {};
    const newer = Object.entries(fields).filter(([field]) => !(versions[field] > version));
    if (newer.length === 0) return false;
    for (const [field] of newer) versions[field] = version;
    this.#versions.set(poolId, versions);
    const known = this.pools.get(poolId);
    this.pools.set(poolId, { ...known, ...Object.fromEntries(newer), version: Math.max(version, known?.version ?? 0) });
    return true;
  }

  clear() {
    this.#versions.clear();
    this.pools.clear();
  }
}
