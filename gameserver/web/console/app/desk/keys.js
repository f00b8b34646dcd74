// Single keys for operators. They do nothing while a field or a sheet has the focus, and can be switched off.
import { html, useLayoutEffect, useRef } from "../html.js";
import { preferences } from "../preferences.js";
import { useStore } from "../store.js";
import { Sheet } from "../ui.js";
import { Switch } from "./pool_form.js";

const KEYS = [["/", "find a player: mba, f10, 26"], ["Enter", "register"], ["Esc", "cancel"], ["U", "undo the last"], ["H", "hold all betting, or let it go on"], ["N", "new pool"], ["J K", "next and previous pool"], ["B", "block or allow the pool"], ["T", "make it hot, or not"], ["E", "resolve it by hand"], ["V", "make it void"], ["?", "these keys"]];

/** `acts` maps keys, lower case, to what they do, from when the page is there: an effect would come a frame later. */
export function useKeys(acts) {
  const current = useRef(acts);
  current.current = acts;
  useLayoutEffect(() => {
    const press = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !preferences.get("keys")) return;
      if (event.target.closest("input, textarea, select, dialog")) return;
      const act = current.current[event.key.toLowerCase()];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

export function KeySheet({ letters, details, close }) {
  useStore(preferences);
  const actions = [...letters].map(([id, letter]) => [letter, details.actions[id]?.name]);
  return html`<${Sheet} title="Keys" close=${close}>
    <dl class="kv keylist">${[...actions, ...KEYS].map(([key, what]) => html`<dt key=${`k${key}`}><kbd>${key}</kbd></dt><dd key=${`d${key}`}>${what}</dd>`)}</dl>
    <${Switch} label="Single keys" value=${preferences.get("keys")} change=${(isOn) => preferences.set("keys", isOn)} />
  </>`;
}
