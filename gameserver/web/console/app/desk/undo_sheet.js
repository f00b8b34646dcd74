// Before an event is taken back or corrected: what becomes of each pool.
import { newKey } from "../../client.js";
import { ago, counted, timeOfDay } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { nameOf, numberOf, plateOf } from "../targets.js";
import { Loading, moveInRadioGroup, Segments, Sheet, Spinner } from "../ui.js";
import { amount, overdrawnText, Refusal, useAct } from "../act.js";
import { EventPlate } from "./register_sheet.js";
import { When } from "./when.js";

const REASONS = ["VAR: offside", "VAR: foul", "Wrong player", "By mistake"];
const OUTCOMES = { reopened: ["tag tag--ok", "reopens"], blocked: ["tag tag--warn", "reopens, paused"], voided: ["tag tag--hot", "void"], resettled: ["tag tag--warn", "settled anew"], resolved: ["tag", "settles"] };

export function UndoSheet({ game, id, close }) {
  const event = game.details.past_events[id];
  const [isCorrecting, setIsCorrecting] = useState(false);
  const [reason, setReason] = useState("");
  const [changes, setChanges] = useState({});
  const key = useMemo(newKey, []);
  const corrected = isCorrecting ? changes : {};
  const preview = useLoaded(() => session.client.call("preview_void_game_event", { event_id: id, ...corrected }), [JSON.stringify(corrected)]);
  const act = useAct();
  if (event === undefined) return null;
  const words = wordsOf(game, event);
  const send = () =>
    act.send(async () => {
      const reply = isCorrecting
        ? await session.client.call("amend_game_event", { event_id: id, ...changes }, { key })
        : await session.client.call("void_game_event", { game_id: game.id, event_id: id, reason: reason.trim() }, { key });
      notices.show({ icon: isCorrecting ? "check" : "undo", lead: words.title, text: `${isCorrecting ? "is corrected." : "is taken back."} ${overdrawnText(reply.overdrawn)}` });
      close();
    });
  const canSend = !act.isSending && preview.value !== undefined && (isCorrecting ? Object.keys(changes).length > 0 : reason.trim() !== "");
  const foot = html`<button type="button" class="btn" autofocus onClick=${close}>Keep it <kbd class="desk-only" aria-hidden="true">Esc</kbd></button>
    <button type="button" class=${`btn ${isCorrecting ? "btn--ink" : "btn--danger-solid"} btn--big push grow`} disabled=${!canSend} onClick=${send}>${act.isSending && html`<${Spinner} />`}${isCorrecting ? "Correct it" : reason.trim() === "" ? "Say why first" : `Take the ${words.action.toLowerCase()} back`}</button>`;
  return html`<${Sheet} title=${words.title} lead=${html`<${EventPlate} side=${words.side}>${words.plate}</>`} sub=${html`Registered ${ago(session.now() - event.registered_at)} ago, happened ${timeOfDay(event.happened_at)}.${!isCorrecting && words.scoreAfter && html` The score returns to <b class="ink nowrap">${words.scoreAfter}</b>`}`} close=${close} foot=${foot}>
    <${Segments} label="What to do with it" value=${isCorrecting} choose=${setIsCorrecting} options=${[[false, "Take it back"], [true, "Correct it"]]} />
    ${isCorrecting ? html`<${Correction} game=${game} event=${event} changes=${changes} setChanges=${setChanges} />` : html`<${Reason} reason=${reason} setReason=${setReason} options=${REASONS} />`}
    <${Refusal} refusal=${act.refusal ?? preview.error} />
    ${preview.value ? html`<${Consequences} game=${game} preview=${preview.value} />` : !preview.error && html`<${Loading} />`}
    <p class="pool__notice"><${Icon} name="info" small=${true} /><span>Everybody watching sees it ${isCorrecting ? "corrected" : "struck out"} in the match list${isCorrecting ? "" : ", with your reason"}. Pools that were resolved by hand stay as they are.</span></p>
  </>`;
}

function wordsOf(game, event) {
  const target = game.targets.get(event.target_id);
  const action = game.details.actions[event.action_id]?.name ?? event.action_id;
  const name = target ? nameOf(target) : event.target_display_name;
  return {
    action,
    side: target?.side ?? "none",
    plate: target ? plateOf(target) : "–",
    title: `${action} by ${name}`,
    scoreAfter: scoreWithout(game, event, target),
  };
}

/** "3–2", the score without an event; empty if it does not count. */
function scoreWithout(game, event, target) {
  const worth = game.details.scores?.[event.action_id] ?? 0;
  if (worth === 0 || !game.details.score) return "";
  const points = Object.entries(game.details.score).map(([side, now]) => ((side === target?.root) === worth > 0 ? now - Math.abs(worth) : now));
  return points.join("–");
}

export function Reason({ reason, setReason, options, label = "Why, as players will read it" }) {
  return html`<div class="field"><span class="label" id="why">${label}</span>
    <div class="opt" role="radiogroup" aria-labelledby="why" onKeyDown=${moveInRadioGroup}>${options.map((option, index) => html`<button type="button" key=${option} class="pill" role="radio" aria-checked=${String(option === reason)} tabindex=${option === reason || (index === 0 && !options.includes(reason)) ? 0 : -1} onClick=${() => setReason(option)}>${option}</button>`)}</div>
    <input class="input" value=${reason} maxlength="256" aria-label="Reason" onInput=${(event) => setReason(event.target.value)} />
  </div>`;
}

function Correction({ game, event, changes, setChanges }) {
  const change = (name, value) => {
    const { [name]: _, ...others } = changes;
    setChanges(value === event[name] ? others : { ...others, [name]: value });
  };
  const targets = [...game.targets.values()].filter(({ id }) => id !== "none");
  return html`<div class="form2">
      <div class="field"><label for="amend-action">Action</label><select id="amend-action" class="input" value=${changes.action_id ?? event.action_id} onChange=${({ target }) => change("action_id", target.value)}>${Object.entries(game.details.actions).map(([id, { name }]) => html`<option key=${id} value=${id}>${name}</option>`)}</select></div>
      <div class="field"><label for="amend-target">Who</label><select id="amend-target" class="input" value=${changes.target_id ?? event.target_id} onChange=${({ target }) => change("target_id", target.value)}>${targets.map((target) => html`<option key=${target.id} value=${target.id}>${[numberOf(target), nameOf(target)].filter(Boolean).join(" ")}${target.root === target.id ? "" : `, ${game.targets.get(target.root).name}`}</option>`)}</select></div>
    </div>
    <${When} value=${changes.happened_at ?? event.happened_at} tappedAt=${event.happened_at} change=${(value) => change("happened_at", value)} />`;
}

function Consequences({ game, preview }) {
  const pools = Object.entries(preview.pools);
  const reopened = pools.filter(([, { outcome }]) => outcome === "reopened" || outcome === "blocked");
  const sum = (field) => pools.reduce((total, [, pool]) => total + pool[field], 0);
  const poor = Object.keys(preview.overdrawn).length;
  return html`<div class="sums"><div><b>${reopened.length}</b><span>${reopened.length === 1 ? "pool reopens" : "pools reopen"}</span></div><div><b>${amount(sum("amount"))}</b><span>taken back</span></div><div><b>${sum("winners_count")}</b><span>had won</span></div></div>
    ${pools.length > 0 && html`<section><div class="blockhead"><h3>What becomes of each pool</h3></div><div class="card">${pools.map(([id, pool]) => html`<${Corrected} key=${id} game=${game} id=${id} pool=${pool} />`)}</div></section>`}
    ${poor > 0 && html`<p class="pool__notice pool__notice--warn"><${Icon} name="warning" small=${true} /><span><b>${counted(poor, "winner")} ${poor === 1 ? "has" : "have"} already staked ${poor === 1 ? "its" : "their"} winnings.</b> They go below zero and cannot bet until they are above it.</span></p>`}`;
}

function Corrected({ game, id, pool }) {
  const [tag, word] = OUTCOMES[pool.outcome] ?? ["tag", pool.outcome];
  return html`<div class="settle"><b>${game.views.pools.get(id)?.description ?? "A pool"}</b><span class=${tag}>${word}</span>
    <p class="settle__sub">${pool.amount > 0 && html`<span>${amount(pool.amount)} ${pool.outcome === "voided" ? "goes back" : pool.outcome === "resettled" ? "is paid anew" : "runs again"}</span>`}${pool.late_bets > 0 && html`<span>${counted(pool.late_bets, "late bet")} stay refunded</span>`}${pool.successor && html`<span>the new pool, ${counted(pool.successor_bets, "bet")}, runs beside it</span>`}</p>
  </div>`;
}
