// One pool: resolving it by hand, changing when it ends, taking it back, making it void.
import { newKey } from "../../client.js";
import { html, useMemo, useState } from "../html.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { targetName } from "../targets.js";
import { Field, Loading, Segments, Sheet, Spinner } from "../ui.js";
import { amount, overdrawnText, Refusal, stakedText, useAct } from "../act.js";
import { momentIn, remaining } from "./durations.js";
import { Effects } from "./register_sheet.js";
import { Reason } from "./undo_sheet.js";

const TITLES = [["resolve", "Resolve"], ["change", "Change"], ["void", "Void"]];
const REASONS = ["Wrong question", "Could not be decided", "By mistake"];

export function PoolSheet({ game, id, tab, close }) {
  const pool = game.views.pools.get(id);
  const [shown, setShown] = useState(tab === "more" ? "change" : tab);
  if (pool === undefined) return null;
  const isOver = pool.status !== "open";
  const View = isOver ? TakeBack : { resolve: Resolve, change: Change, void: Void }[shown];
  return html`<${Sheet} title=${pool.description} sub=${stakedText(pool)} close=${close}>
    ${!isOver && html`<${Segments} label="What to do" value=${shown} choose=${setShown} options=${TITLES} />`}
    <${View} key=${shown} game=${game} pool=${pool} close=${close} />
  </>`;
}

function Send({ act, canSend = true, isGrave = false, children }) {
  return html`<button type="submit" class=${`btn ${isGrave ? "btn--danger-solid" : "btn--ink"} btn--big btn--block`} disabled=${act.isSending || !canSend}>${act.isSending && html`<${Spinner} />`}${children}</button>`;
}

/** A form that sends by its button or by Enter. */
function Form({ send, children }) {
  const submit = (event) => {
    event.preventDefault();
    send();
  };
  return html`<form class="stack" onSubmit=${submit}>${children}</form>`;
}

function Resolve({ game, pool, close }) {
  const [winners, setWinners] = useState([]);
  const [splitsPot, setSplitsPot] = useState(false);
  const key = useMemo(newKey, []);
  const act = useAct();
  const parameters = { pool_id: pool.pool_id, winners, ...(winners.length > 1 && { split: splitsPot ? "pot" : "profit" }) };
  const preview = useLoaded(async () => (winners.length === 0 ? null : session.client.call("preview_game_event", parameters)), [winners.join("\n"), splitsPot]);
  const toggle = (id) => setWinners(winners.includes(id) ? winners.filter((one) => one !== id) : [...winners, id]);
  const send = () =>
    act.send(async () => {
      await session.client.call("resolve_betting_pool", parameters, { key });
      notices.show({ icon: "check", lead: pool.description, text: "is resolved." });
      close();
    });
  return html`<${Form} send=${send}>
    <div class="field"><span class="label" id="winners">Who wins</span><div class="opt" role="group" aria-labelledby="winners">${Object.entries(pool.distribution).map(([id, target]) => html`<button type="button" key=${id} class="pill" aria-pressed=${String(winners.includes(id))} onClick=${() => toggle(id)}>${targetName(id, target)}</button>`)}</div></div>
    ${winners.length > 1 && html`<label class="switch"><input type="checkbox" role="switch" checked=${splitsPot} onChange=${() => setSplitsPot(!splitsPot)} />Share the pot evenly among the winning targets</label>`}
    <${Refusal} refusal=${act.refusal ?? preview.error} />
    ${winners.length > 0 && (preview.value ? html`<${Effects} game=${game} preview=${preview.value} happenedAt=${session.now()} />` : !preview.error && html`<${Loading} rows=${1} />`)}
    <${Send} act=${act} canSend=${winners.length > 0}>${winners.length === 0 ? "Choose who wins" : "Resolve the pool"}</>
  </>`;
}

function Change({ pool, close }) {
  const act = useAct();
  const now = session.now();
  const [form, setForm] = useState({ description: pool.description, finish: remaining(pool.finish_at, now), stop: remaining(pool.stop_accepting_bets_at, now), recreate: pool.recreate_on_end });
  const set = (name) => ({ target }) => setForm((form) => ({ ...form, [name]: target.value }));
  const send = () =>
    act.send(async () => {
      await session.client.call("update_betting_pool", changesOf(pool, form));
      notices.show({ icon: "check", lead: form.description, text: "is changed." });
      close();
    });
  return html`<${Form} send=${send}>
    <${Field} id="pool-question" label="Question" value=${form.description} maxlength="512" required=${true} onInput=${set("description")} />
    ${pool.finish_at !== null || pool.type === 2 || pool.type === 4 ? html`<${Field} id="pool-finish" label="Ends in" hint="minutes and seconds, as 5:00" value=${form.finish} onInput=${set("finish")} />` : null}
    <${Field} id="pool-stop" label="Takes bets for" hint="minutes and seconds; empty: as long as it runs" value=${form.stop} onInput=${set("stop")} />
    ${pool.type < 3 && html`<label class="switch"><input type="checkbox" role="switch" checked=${form.recreate} onChange=${() => setForm((form) => ({ ...form, recreate: !form.recreate }))} />Open it anew each time</label>`}
    <${Refusal} refusal=${act.refusal} />
    <${Send} act=${act}>Change the pool</>
  </>`;
}

/** What of a pool's form differs from the pool. */
function changesOf(pool, form) {
  const now = session.now();
  const changes = { pool_id: pool.pool_id };
  if (form.description !== pool.description) changes.description = form.description;
  if (form.recreate !== pool.recreate_on_end) changes.recreate_on_end = form.recreate;
  for (const [name, field] of [["finish", "finish_at"], ["stop", "stop_accepting_bets_at"]]) {
    if (form[name] === remaining(pool[field], now)) continue;
    if (form[name].trim() === "") changes.clear = [...(changes.clear ?? []), field];
    else changes[field] = momentIn(form[name], now);
  }
  return changes;
}

function Void({ pool, close }) {
  return html`<${Undoing} reasons=${REASONS} label="Make the pool void" hint=${`All stakes go back, ${amount(pool.amount_total)} together.`} close=${close} run=${(reason, key) => session.client.call("void_betting_pool", { pool_id: pool.pool_id, reason }, { key })} done="is void." lead=${pool.description} />`;
}

/** Back from a resolution by hand, which is an event of its own; one by time can only be made void. */
function TakeBack({ game, pool, close }) {
  const run = (reason, key) => (pool.event_id ? session.client.call("void_game_event", { game_id: game.id, event_id: pool.event_id, reason }, { key }) : session.client.call("void_betting_pool", { pool_id: pool.pool_id, reason }, { key }));
  return html`<${Undoing} reasons=${["By mistake", "Wrong answer"]} label=${pool.event_id ? "Take the result back" : "Make the pool void"} hint=${pool.event_id ? "The pool runs again, and what it paid is taken back." : "It ended by itself: all stakes go back."} close=${close} run=${run} done="is taken back." lead=${pool.description} />`;
}

function Undoing({ reasons, label, hint, close, run, done, lead }) {
  const [reason, setReason] = useState("");
  const key = useMemo(newKey, []);
  const act = useAct();
  const send = () =>
    act.send(async () => {
      const reply = await run(reason.trim(), key);
      notices.show({ icon: "undo", lead, text: `${done} ${overdrawnText(reply.overdrawn)}` });
      close();
    });
  return html`<${Form} send=${send}>
    <p class="mid">${hint}</p>
    <${Reason} reason=${reason} setReason=${setReason} options=${reasons} />
    <${Refusal} refusal=${act.refusal} />
    <${Send} act=${act} canSend=${reason.trim() !== ""} isGrave=${true}>${reason.trim() === "" ? "Say why first" : label}</>
  </>`;
}
