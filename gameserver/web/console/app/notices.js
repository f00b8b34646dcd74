// What is said in passing: one toast at a time, and one polite voice for screen readers.
import { Store } from "./store.js";

const TOAST_MS = 6_000;

class Notices extends Store {
  toast = null;
  spoken = "";
  #timer = null;

  /** `{ icon, lead, text, action: { label, run or href }, isAlert }` */
  show(toast) {
    clearTimeout(this.#timer);
    this.toast = toast;
    this.#timer = setTimeout(() => this.hide(), TOAST_MS);
    this.changed();
  }

  hide() {
    clearTimeout(this.#timer);
    this.toast = null;
    this.changed();
  }

  say(text) {
    this.spoken = text;
    this.changed();
  }
}

export const notices = new Notices();
