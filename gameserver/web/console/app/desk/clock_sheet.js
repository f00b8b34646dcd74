// The match clock: which period it is, how much of the match has passed, and whether it runs.
import { matchTime } from "../format.js";
import { html, useState } from "../html.js";
import { periodName, shown } from "../match_time.js";
import { session } from "../session.js";
import { Field, Segments, Sheet, Spinner } from "../ui.js";
import { Refusal, useAct } from "../act.js";
import { durationOf } from "./durations.js";

/** Period → what the clock shows as it begins, and whether it runs then. */
const PERIODS = { "1H": ["0:00", true], HT: ["45:00", false], "2H": ["45:00", true], ET1: ["90:00", true], ET2: ["105:00", true], PEN: ["120:00", false], FT: ["90:00", false] };

export function ClockSheet({ game, close }) {
  const { clock } = game.details;
  const [form, setForm] = useState(() => ({ period: clock?.period ?? "1H", time: clock ? matchTime(shown(clock, session.now())) : "0:00", isRunning: clock?.is_running ?? true }));
  const act = useAct();
  const choose = (period) => setForm({ period, time: period === "FT" && form.time !== "0:00" ? form.time : PERIODS[period][0], isRunning: PERIODS[period][1] });
  const elapsed = durationOf(form.time);
  const set = (fields) =>
    act.send(async () => {
      await session.client.call("set_match_clock", { game_id: game.id, period: form.period, elapsed_ms: elapsed, is_running: form.isRunning, ...fields });
      close();
    });
  const stopOrGo = () => set({ period: clock.period, elapsed_ms: shown(clock, session.now()), is_running: !clock.is_running });
  const submit = (event) => {
    event.preventDefault();
    set({});
  };
  return html`<${Sheet} title="Match clock" sub=${clock ? `${periodName(clock.period)}, ${clock.is_running ? "running" : "stopped"}` : "Players see the time of day until it is set."} close=${close}>
    ${clock && html`<button type="button" class="btn btn--big btn--block" disabled=${act.isSending} onClick=${stopOrGo}>${clock.is_running ? "Stop the clock now" : "Let the clock run now"}</button>`}
    <form class="stack" onSubmit=${submit}>
      <div class="field"><span class="label">Period</span><${Segments} label="Period" className="seg seg--wrap" value=${form.period} choose=${choose} options=${Object.keys(PERIODS).map((period) => [period, period === "ET1" || period === "ET2" ? `Extra ${period.at(-1)}` : periodName(period)])} /></div>
      <${Field} id="clock-time" label="Shows" hint="minutes and seconds of the match" value=${form.time} error=${elapsed === null ? "Write it as 45:00." : undefined} onInput=${({ target }) => setForm((form) => ({ ...form, time: target.value }))} />
      <label class="switch"><input type="checkbox" role="switch" checked=${form.isRunning} onChange=${() => setForm((form) => ({ ...form, isRunning: !form.isRunning }))} />It runs</label>
      <${Refusal} refusal=${act.refusal} />
      <button type="submit" class="btn btn--ink btn--big btn--block" disabled=${act.isSending || elapsed === null}>${act.isSending && html`<${Spinner} />`}Set the clock</button>
    </form>
  </>`;
}
