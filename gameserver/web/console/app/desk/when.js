// When an event happened: at the tap, or a little before it.
import { timeOfDay } from "../format.js";
import { html, useState } from "../html.js";

const BACK_S = [0, 2, 5, 10];
const TIME = /^(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,3}))?$/;

/** "17:36:02.4" */
export const clockTime = (ms) => timeOfDay(ms, { withMillis: true }).replace(/\.(\d)\d\d$/, ".$1");

/** The moment of "17:36:02.4" on the day of another; null if it is none. */
export function momentOf(text, dayMs) {
  const found = TIME.exec(text.trim());
  if (found === null) return null;
  const [hours, minutes, seconds] = found.slice(1, 4).map(Number);
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  return new Date(dayMs).setHours(hours, minutes, seconds, Number((found[4] ?? "0").padEnd(3, "0")));
}

export function When({ value, tappedAt, change }) {
  const [text, setText] = useState(null);
  const isWrong = text !== null && momentOf(text, tappedAt) === null;
  const type = (typed) => {
    setText(typed);
    const moment = momentOf(typed, tappedAt);
    if (moment !== null) change(moment);
  };
  const back = (seconds) => {
    setText(null);
    change(tappedAt - seconds * 1_000);
  };
  return html`<div class="when"><label class="label" for="happened">Happened</label><div class="row row--wrap">
    <input id="happened" class="input" inputmode="numeric" autocomplete="off" value=${text ?? clockTime(value)} aria-invalid=${isWrong ? "true" : undefined} onInput=${(event) => type(event.target.value)} onBlur=${() => !isWrong && setText(null)} />
    ${BACK_S.map((seconds) => html`<button type="button" key=${seconds} class="pill" aria-pressed=${String(value === tappedAt - seconds * 1_000)} onClick=${() => back(seconds)}>${seconds === 0 ? "at the tap" : `−${seconds} s`}</button>`)}
  </div></div>`;
}
