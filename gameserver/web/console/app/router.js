// Where the page is: the part of the address behind "#", such as "#/game/ID/bets".
import { Store } from "./store.js";

const SIGNING_IN = new Set(["sign-in", "sign-up"]);

/** { name, parts } of an address. */
function read(hash) {
  const [name, ...parts] = hash.replace(/^#?\/?/, "").split("/").map(decode);
  return { name: name || "lobby", parts };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router extends Store {
  place = read(location.hash);
  /** The address of the page before this one, for who only went to sign in; "" at first. */
  before = "";

  constructor() {
    super();
    addEventListener("hashchange", ({ oldURL }) => {
      const { hash } = new URL(oldURL);
      if (!SIGNING_IN.has(read(hash).name)) this.before = hash;
      this.place = read(location.hash);
      this.changed();
    });
  }

  go(address) {
    location.hash = address;
  }

  /** Go without leaving a step behind in the history. */
  replace(address) {
    location.replace(address);
  }
}

export const router = new Router();
export const to = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
