// Who is playing here: signing in and out, balances, and the connection that belongs to it.
import { Client } from "../client.js";
import { http, HttpRefused, readPublicly } from "./http.js";
import { notices } from "./notices.js";
import { Store } from "./store.js";

const CAUGHT_UP_MS = 6_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
const TOO_SLOW = { icon: "clock", lead: "Your line could not keep up.", text: "You are connected anew, and nothing is missing." };

class Session extends Store {
  client = new Client();
  /** "unknown" until the server has told, "nobody", "user", or "unreachable". */
  state = "unknown";
  user = null;
  balances = new Map(); // currency → { available, current }
  retryAt = null;
  /** Whether the connection has worked before, so that it can be lost. */
  wasLive = false;
  /** What the banner tells for a while after a reconnection; null otherwise. */
  caughtUp = null;
  #attempts = 0;
  #timer = null;
  #lastNow = 0;

  constructor() {
    super();
    this.client.on("connection", ({ state, reason }) => {
      if (state === "live") {
        this.wasLive = true;
        for (const currency of new Set(["DON", ...this.balances.keys()])) this.loadBalance(currency);
      }
      if (state === "waiting" && reason === "slow") notices.show(TOO_SLOW);
      this.changed();
    });
    this.client.on("message", (message) => {
      if (message.res_name === "balance_update") this.#setBalance(message.currency, message);
    });
  }

  /** Find out who is signed in; tried again while the server does not answer. */
  async begin() {
    clearTimeout(this.#timer);
    try {
      const { user } = await http("GET", "r/session/");
      if (user === null) this.#becomeNobody();
      else this.#become(user);
    } catch (error) {
      if (!(error instanceof HttpRefused)) throw error;
      if (error.status === 403) this.#becomeNobody(); // banned
      else this.#tryAgain();
    }
  }

  async signIn(username, password) {
    await this.#come("r/login/", { username, password });
  }

  async signUp(username, password) {
    await this.#come("r/signup/", { username, password });
  }

  /** With a session key, which the browser keeps from now on; whoever was signed in before is so no more. */
  async signInByKey(key) {
    if (this.user !== null) this.client.stop();
    await this.#come("r/cookie/", {}, { Authorization: `Bearer ${key}` });
  }

  /** A name is optional: the server gives one. */
  async playAsGuest(username) {
    await this.#come("r/guest/", username ? { username } : {});
  }

  async signOut() {
    await http("POST", "r/logout/", {}).catch(() => {});
    this.leave();
  }

  /** The session is over, here and on the server. */
  leave() {
    this.client.stop();
    location.assign(document.baseURI.split("#")[0]);
  }

  /** Ask what anybody may read: over the connection of a user, by HTTP without one. */
  read(name, parameters) {
    return this.user === null ? readPublicly(name, parameters) : this.client.call(name, parameters);
  }

  async loadBalance(currency) {
    const [available, current] = await Promise.all([
      this.client.call("get_my_available_balance", { currency }),
      this.client.call("get_my_current_balance", { currency }),
    ]).catch(() => [null]);
    if (available !== null) this.#setBalance(currency, { ...available, ...current });
  }

  /** The server's time; out of touch, clocks stand still. */
  now() {
    if (this.isLive || !this.wasLive) this.#lastNow = this.client.now();
    return this.#lastNow;
  }

  /** Tell what a reconnection has brought: `{ things, seconds }` or `{ isReloaded }`. */
  tellCaughtUp(caughtUp) {
    this.caughtUp = caughtUp;
    setTimeout(() => {
      if (this.caughtUp === caughtUp) this.caughtUp = null;
      this.changed();
    }, CAUGHT_UP_MS);
    this.changed();
  }

  /** Whoever was signed in is so no more. */
  forget() {
    this.#becomeNobody();
  }

  /** Can bets be placed: neither before the connection is live nor while it is lost. */
  get isLive() {
    return this.client.connection.state === "live";
  }

  async #come(path, body, headers) {
    await http("POST", path, body, headers);
    await this.begin();
  }

  #become(user) {
    this.#attempts = 0;
    Object.assign(this, { user, state: "user", retryAt: null });
    this.client.start();
    this.changed();
  }

  #becomeNobody() {
    Object.assign(this, { user: null, state: "nobody", retryAt: null });
    this.changed();
  }

  #tryAgain() {
    const delay = RETRY_MS[Math.min(this.#attempts++, RETRY_MS.length - 1)];
    Object.assign(this, { state: "unreachable", retryAt: Date.now() + delay });
    this.#timer = setTimeout(() => this.begin(), delay);
    this.changed();
  }

  #setBalance(currency, { available_balance: available, current_balance: current }) {
    this.balances.set(currency, { available, current });
    this.changed();
  }
}

export const session = new Session();
