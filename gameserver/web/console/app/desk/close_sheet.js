// The end of a game: closing it, calling it off, and opening it again.
import { newKey, Refused } from "../../client.js";
import { counted, price } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { Loading, Sheet, Spinner } from "../ui.js";
import { amount, overdrawnText, Refusal, stakedText, useAct } from "../act.js";
import { Answer } from "./register_sheet.js";
import { Reason } from "./undo_sheet.js";

const VOID = "\u0000void"; // no target is named so

export function CloseSheet({ game, close }) {
  const [answers, setAnswers] = useState({});
  const preview = useLoaded(() => session.client.call("preview_close_game", { game_id: game.id }), []);
  const act = useAct();
  const pools = Object.entries(preview.value?.pools ?? {});
  const mine = pools.filter(([, { outcome }]) => outcome === "remains");
  const others = pools.filter(([, { outcome }]) => outcome !== "remains");
  const missing = mine.filter(([id]) => !(id in answers)).length;
  const send = () =>
    act.send(async () => {
      try {
        await answerAll(answers);
        await session.client.call("close_game", { game_id: game.id });
      } catch (error) {
        if (error instanceof Refused && error.code === "manual_pools_remain") preview.reload();
        throw error;
      }
      notices.show({ icon: "check", lead: "Closed.", text: "Nobody can bet or register any more." });
      close();
    });
  const foot = html`<button type="button" class="btn" autofocus onClick=${close}>Not yet</button>
    <button type="button" class="btn btn--danger-solid btn--big push grow" disabled=${act.isSending || missing > 0 || preview.value === undefined} onClick=${send}>${act.isSending && html`<${Spinner} />`}${missing > 0 ? `${counted(missing, "answer")} missing` : "Close the game"}</button>`;
  return html`<${Sheet} title="Close the game" sub=${`Nobody can bet or register after it.${mine.length > 0 ? ` ${mine.length === 1 ? "1 pool needs" : `${mine.length} pools need`} your answer first.` : ""}`} close=${close} foot=${foot}>
    <${Refusal} refusal=${act.refusal ?? preview.error} />
    ${preview.value === undefined && !preview.error && html`<${Loading} />`}
    ${mine.length > 0 && html`<section><div class="blockhead"><h3>You decide</h3><span class="mid sm">${missing} left</span></div>
      <div class="card">${mine.map(([id, pool]) => html`<${Open} key=${id} game=${game} id=${id} pool=${pool} value=${answers[id]} choose=${(value) => setAnswers((answers) => ({ ...answers, [id]: value }))} />`)}</div></section>`}
    ${others.length > 0 && html`<${Ending} game=${game} pools=${others} />`}
    ${preview.value && pools.length === 0 && html`<p class="pool__notice"><${Icon} name="info" small=${true} /><span>No pool is open.</span></p>`}
  </>`;
}

async function answerAll(answers) {
  for (const [poolId, answer] of Object.entries(answers)) {
    try {
      if (answer === VOID) await session.client.call("void_betting_pool", { pool_id: poolId, reason: "the game was closed" });
      else await session.client.call("register_game_event", { pool_id: poolId, target_id: answer });
    } catch (error) {
      if (error.code !== "pool_resolved" && error.code !== "conflict") throw error; // answered by an earlier try
    }
  }
}

function Open({ game, id, pool, value, choose }) {
  const view = game.views.pools.get(id);
  if (view === undefined) return null;
  return html`<div class="settle settle--answer"><span><b>${view.description}</b><span class="mid sm block">${stakedText(pool)}</span></span><${Answer} pool=${view} value=${value} choose=${choose} extra=${[[VOID, "Void"]]} /></div>`;
}

function Ending({ game, pools }) {
  const total = pools.reduce((sum, [, pool]) => sum + pool.amount_total, 0);
  return html`<section><div class="blockhead"><h3>Ends by itself, as None</h3><span class="mid sm">${amount(total)} at stake</span></div>
    <div class="card">${pools.map(([id, pool]) => html`<div key=${id} class="settle"><b>${game.views.pools.get(id)?.description ?? "A pool"}</b><span class="b">${amount(pool.amount_total)}</span><p class="settle__sub"><span>${pool.winners_count > 0 && pool.price ? html`${pool.winners_count} had None and win at <b>${price(pool.price)}</b>` : pool.amount_total === 0 ? "nobody bet" : "nobody had None: the stakes go back"}</span></p></div>`)}</div>
    <p class="pool__notice pool__notice--warn"><${Icon} name="warning" small=${true} /><span>If one of these has happened, register it first.</span></p>
  </section>`;
}

/** Calling a game off: what is open is void; with a choice also what was settled. */
export function CancelSheet({ game, close }) {
  const [reason, setReason] = useState("");
  const [includesResolved, setIncludesResolved] = useState(true);
  const key = useMemo(newKey, []);
  const parameters = { game_id: game.id, include_resolved: includesResolved };
  const preview = useLoaded(() => session.client.call("cancel_game", { ...parameters, preview: true }), [includesResolved]);
  const act = useAct();
  const send = () =>
    act.send(async () => {
      const reply = await session.client.call("cancel_game", { ...parameters, reason: reason.trim() }, { key });
      notices.show({ icon: "undo", lead: "Called off.", text: `All stakes go back. ${overdrawnText(reply.overdrawn)}` });
      close();
    });
  const pools = Object.entries(preview.value?.pools ?? {});
  const total = pools.reduce((sum, [, money]) => sum + money, 0);
  const foot = html`<button type="button" class="btn" autofocus onClick=${close}>Keep the game</button>
    <button type="button" class="btn btn--danger-solid btn--big push grow" disabled=${act.isSending || reason.trim() === "" || !preview.value} onClick=${send}>${act.isSending && html`<${Spinner} />`}${reason.trim() === "" ? "Say why first" : "Call the game off"}</button>`;
  return html`<${Sheet} title="Call the game off" sub="A game that is called off cannot be opened again." close=${close} foot=${foot}>
    <${Reason} reason=${reason} setReason=${setReason} options=${["Abandoned", "Postponed to another day", "Made by mistake"]} />
    <label class="switch"><input type="checkbox" role="switch" checked=${includesResolved} onChange=${() => setIncludesResolved(!includesResolved)} />Take back what was settled, too</label>
    <${Refusal} refusal=${act.refusal ?? preview.error} />
    ${preview.value ? html`<div class="sums sums--2"><div><b>${pools.length}</b><span>${pools.length === 1 ? "pool is void" : "pools are void"}</span></div><div><b>${amount(total)}</b><span>goes back</span></div></div><${Poor} overdrawn=${preview.value.overdrawn} />` : !preview.error && html`<${Loading} rows=${1} />`}
  </>`;
}

const KINDS = { reopened: "open again, paused", voided: "void", kept: "stay as they ended" };

export function ReopenSheet({ game, close }) {
  const preview = useLoaded(() => session.client.call("reopen_game", { game_id: game.id, preview: true }), []);
  const key = useMemo(newKey, []);
  const act = useAct();
  const send = () =>
    act.send(async () => {
      const reply = await session.client.call("reopen_game", { game_id: game.id }, { key });
      notices.show({ icon: "check", lead: "Open again.", text: `Let bets in when you are ready. ${overdrawnText(reply.overdrawn)}` });
      close();
    });
  const counts = Object.values(preview.value?.pools ?? {}).reduce((sums, kind) => ({ ...sums, [kind]: (sums[kind] ?? 0) + 1 }), {});
  const foot = html`<button type="button" class="btn" autofocus onClick=${close}>Leave it closed</button>
    <button type="button" class="btn btn--ink btn--big push grow" disabled=${act.isSending || !preview.value} onClick=${send}>${act.isSending && html`<${Spinner} />`}Open the game again</button>`;
  return html`<${Sheet} title="Open the game again" sub="What closing has settled is taken back." close=${close} foot=${foot}>
    <${Refusal} refusal=${act.refusal ?? preview.error} />
    ${preview.value ? html`<ul class="card">${Object.entries(counts).map(([kind, number]) => html`<li key=${kind} class="settle"><b>${counted(number, "pool")}</b><span>${KINDS[kind] ?? kind}</span></li>`)}${Object.keys(counts).length === 0 && html`<li class="settle"><span>Closing settled nothing.</span></li>`}</ul><${Poor} overdrawn=${preview.value.overdrawn} />` : !preview.error && html`<${Loading} rows=${1} />`}
  </>`;
}

function Poor({ overdrawn }) {
  const text = overdrawnText(overdrawn);
  return text && html`<p class="pool__notice pool__notice--warn"><${Icon} name="warning" small=${true} /><span>${text.replace(" is below", " would be below").replace(" are below", " would be below")}</span></p>`;
}
