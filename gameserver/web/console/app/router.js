// Where the page is: the part of the address behind "#", such as "#/game/ID/bets".
import { Store } from "./store.js";

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

  constructor() {
    super();
    addEventListener("hashchange", () => {
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
