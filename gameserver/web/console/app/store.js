// State that components read and that tells them when it has changed.
import { useEffect, useState } from "./html.js";

export class Store {
  #hearers = new Set();

  /** Call `hear` after each change; returns what ends it. */
  subscribe(hear) {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  changed() {
    for (const hear of this.#hearers) hear();
  }
}

/** Render the component again after each change of the store. */
export function useStore(store) {
  const [, setCount] = useState(0);
  useEffect(() => {
    setCount((count) => count + 1); // for what changed before the component was there
    return store.subscribe(() => setCount((count) => count + 1));
  }, [store]);
  return store;
}

/** What a promise comes to, asked for anew whenever one of `inputs` changes: `{ value, error, reload }`. */
export function useLoaded(load, inputs) {
  const [state, setState] = useState({ value: undefined, error: undefined });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isWanted = true;
    load().then(
      (value) => isWanted && setState({ value, error: undefined }),
      (error) => isWanted && setState((before) => ({ value: before.value, error })),
    );
    return () => {
      isWanted = false;
    };
  }, [...inputs, round]);
  return { ...state, reload: () => setRound((count) => count + 1) };
}
