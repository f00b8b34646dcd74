// What this device remembers: look, sounds, stakes, keys. None of it is needed.
import { Store } from "./store.js";

const DEFAULTS = { look: "system", sounds: false, stakes: [5, 10, 50], stake: null, keys: true };
const PLACE = "gameserver.preferences";

class Preferences extends Store {
  #values = { ...DEFAULTS };

  constructor() {
    super();
    try {
      Object.assign(this.#values, JSON.parse(localStorage.getItem(PLACE)));
    } catch {
      // storage is forbidden, or holds what is not ours
    }
    this.#applyLook();
  }

  get(name) {
    return this.#values[name];
  }

  set(name, value) {
    this.#values[name] = value;
    try {
      localStorage.setItem(PLACE, JSON.stringify(this.#values));
    } catch {
      // then it lasts as long as the page
    }
    this.#applyLook();
    this.changed();
  }

  /** Remember a stake as the one used last; the three used last are offered. */
  useStake(amount) {
    const others = this.#values.stakes.filter((stake) => stake !== amount);
    const stakes = this.#values.stakes.includes(amount) ? this.#values.stakes : [...others.slice(-2), amount];
    this.set("stakes", [...stakes].sort((a, b) => a - b));
    this.set("stake", amount);
  }

  #applyLook() {
    if (this.#values.look === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.#values.look;
  }
}

export const preferences = new Preferences();
