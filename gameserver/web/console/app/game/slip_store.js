// The bet that is being made: one at a time. The first click chooses a target, the second sends.
import { newKey, Refused } from "../../client.js";
import { sentence } from "../act.js";
import { stake as sayStake, price as sayPrice } from "../format.js";
import { notices } from "../notices.js";
import { preferences } from "../preferences.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { Store } from "../store.js";
import { targetName } from "../targets.js";
import { priceWith, stateOf, takesBets } from "./pool_states.js";

const MOVED_BY = 0.02;
const MOVED_PAUSE_MS = 600;
const MISSED = new Set(["betting_ended", "betting_blocked", "pool_resolved", "game_closed", "betting_not_started"]);

export class Slip extends Store {
  poolId = null;
  target = null;
  text = "";
  /** "chosen", "sending", or "unsure" where no answer has come. */
  phase = "chosen";
  error = null;
  /** What the price was when it moved away; null if it has not. */
  movedFrom = null;
  #game;
  #key = null;
  #quoted = null;
  #confirmableAt = 0;

  constructor(game) {
    super();
    this.#game = game;
    game.subscribe(() => this.watch());
  }

  get pool() {
    return this.#game.views.pools.get(this.poolId);
  }

  get amount() {
    return /^\d+(\.\d+)?$/.test(this.text) ? Number(this.text) : null;
  }

  get price() {
    return priceWith(this.pool, this.target, this.amount ?? 0);
  }

  get name() {
    return targetName(this.target, this.pool.distribution[this.target]);
  }

  /** A sentence that says why this stake cannot be placed; null if it can. */
  get fault() {
    const { amount, pool } = this;
    const available = session.balances.get(this.#game.details.currency)?.available;
    if (amount === null || amount === 0)
      return this.text === "" ? "Choose a stake." : "Write a number, such as 5 or 12.50.";
    if ((this.text.split(".")[1]?.length ?? 0) > this.#game.details.currency_decimals)
      return "That has too many decimals.";
    if (available !== undefined && amount > available) return `You have ${sayStake(available)} to stake.`;
    if (amount < pool.min_stake) return `The least here is ${sayStake(pool.min_stake)}.`;
    if (pool.max_stake === null || pool.max_stake === undefined) return null;
    const left =
      pool.max_stake - Object.values(this.#game.mine.get(this.poolId)?.user_backed ?? {}).reduce((a, b) => a + b, 0);
    return amount > left ? `You may stake ${sayStake(Math.max(0, left))} more here.` : null;
  }

  choose(poolId, target) {
    if (this.phase !== "chosen") return;
    if (this.poolId === poolId && this.target === target) return this.close();
    const stakes = preferences.get("stakes");
    const text = this.poolId === null ? String(preferences.get("stake") ?? stakes[stakes.length - 1]) : this.text;
    Object.assign(this, { poolId, target, text, error: null });
    this.#requote();
  }

  setStake(text) {
    if (this.phase !== "chosen") return;
    Object.assign(this, { text: text.trim().replace(",", "."), error: null });
    this.#requote();
  }

  close() {
    Object.assign(this, { poolId: null, target: null, phase: "chosen", error: null, movedFrom: null });
    this.#key = null;
    this.changed();
  }

  async confirm() {
    if (this.poolId === null || this.phase === "sending" || this.fault !== null) return;
    if (!session.isLive || performance.now() < this.#confirmableAt) return;
    this.#key ??= newKey();
    Object.assign(this, { phase: "sending", error: null, movedFrom: null });
    this.changed();
    const { poolId, target, text, price, name } = this;
    try {
      const bet = { pool_id: poolId, target, amount: text };
      await session.client.call("place_bet_in_betting_pool", bet, { key: this.#key, retrying });
      preferences.useStake(Number(text));
      this.close();
      this.#game.mineSoon();
      const receipt = { label: "Receipt", href: to("game", this.#game.id, "bets") };
      notices.show({
        icon: "check",
        lead: `${sayStake(text)} on ${name}`,
        text: `at ${sayPrice(price)} as it stands`,
        action: receipt,
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error) {
    if (error instanceof Refused && MISSED.has(error.code)) {
      this.close();
      notices.show({ icon: "lock", lead: "Locked before your bet came.", text: "Nothing was taken.", isAlert: true });
    } else if (error instanceof Refused) {
      this.#key = null; // refused: nothing was done
      Object.assign(this, { phase: "chosen", error: sentence(error.message) });
    } else {
      Object.assign(this, {
        phase: "unsure",
        error: "No answer came. Your bet may have been placed; asking again places it once.",
      });
    }
    this.changed();
  }

  #requote() {
    this.#key = null;
    this.#quoted = this.pool === undefined ? null : this.price;
    Object.assign(this, { movedFrom: null });
    this.changed();
  }

  /** Look again at the pool: it may have locked, and a price that has fallen is shown before it can be taken. */
  watch() {
    if (this.poolId === null || this.phase !== "chosen") return;
    const { pool } = this;
    if (pool === undefined || !takesBets(stateOf(pool, session.now()))) return this.close();
    if (this.price < this.#quoted * (1 - MOVED_BY)) {
      this.movedFrom = this.#quoted;
      this.#quoted = this.price;
      this.#confirmableAt = performance.now() + MOVED_PAUSE_MS;
    } else if (this.price > this.#quoted) this.#quoted = this.price;
    this.changed();
  }
}

function retrying(refusal, inMs) {
  if (refusal.code === "storage_unavailable") {
    notices.show({ lead: "Not sure it went through.", text: "Asking again with the same key", isBusy: true });
  } else
    notices.show({
      icon: "clock",
      lead: "Slow down a little.",
      text: `Sent again in ${Math.max(1, Math.round(inMs / 1000))} s`,
    });
}
