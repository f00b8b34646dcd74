// What was registered, newest first, each with its way back.
import { counted, timeOfDay } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { kindOf } from "../summary.js";
import { nameOf, numberOf } from "../targets.js";
import { Empty } from "../ui.js";
import { amount } from "../act.js";

const SHOWN = 40;

/** The icon of an action, by what its name says. */
function iconOf(actionId, scores) {
  if (kindOf(actionId, scores) === "goal") return "ball";
  if (/card/.test(actionId)) return "card";
  if (/corner/.test(actionId)) return "flag";
  if (/substitution/.test(actionId)) return "swap";
  return /shot|save/.test(actionId) ? "saved" : "whistle";
}

/** The event that can be taken back last: of those that count, the one registered last. */
export function lastEvent(details) {
  const counting = Object.entries(details.past_events).filter(([, event]) => !event.voided_at);
  return counting.sort(([, a], [, b]) => b.registered_at - a.registered_at)[0]?.[0] ?? null;
}

export function Log({ game, details, undo }) {
  const events = Object.entries(details.past_events).slice(0, SHOWN);
  return html`<section class="logcol" aria-labelledby="step-log">
    <div class="step"><h2 id="step-log">Log</h2><button type="button" class="btn btn--dense push" disabled=${lastEvent(details) === null} onClick=${() => undo(lastEvent(details))}><${Icon} name="undo" small=${true} />Undo last <kbd aria-hidden="true">U</kbd></button></div>
    ${events.length === 0 ? html`<${Empty} title="Nothing registered yet" level=${3}>${details.closed_at === null && "Choose what happened, then who."}</>` : html`<ol class="log">${events.map(([id, event]) => html`<${Line} key=${id} game=${game} id=${id} event=${event} undo=${undo} />`)}</ol>`}
  </section>`;
}

/** "3 pools, 21,870 paid": as the details tell, or by the pools that are known to have ended with the event. */
function settledBy(game, id, event) {
  if (event.pools?.length > 0) return `${counted(event.pools.length, "pool")}, ${amount(event.paid)} paid`;
  const pools = [...game.views.pools.values()].filter(({ event_id: by, status }) => by === id && status === "resolved");
  const paid = pools.reduce((sum, { amount_total: total, takeout, is_money_return: isBack }) => sum + total * (isBack ? 1 : 1 - takeout), 0);
  return pools.length > 0 && `${counted(pools.length, "pool")}, ${amount(paid)} paid`;
}

function Line({ game, id, event, undo }) {
  const target = game.targets.get(event.target_id);
  const action = game.details.actions[event.action_id]?.name ?? event.action_id;
  const who = target ? [numberOf(target), nameOf(target)].filter(Boolean).join(" ") : event.target_display_name;
  const isOver = Boolean(event.voided_at);
  const settled = settledBy(game, id, event);
  return html`<li data-side=${target?.side ?? "none"}><time>${timeOfDay(event.happened_at)}</time><${Icon} name=${iconOf(event.action_id, game.details.scores)} />
    <span>${isOver ? html`<s><b>${action}</b> ${who}</s>` : html`<b>${action}</b> ${who}`}${isOver ? html`<span class="dim log__sub">Taken back${event.reason ? `: ${event.reason}` : ""}</span>` : settled && html`<span class="dim log__sub">${settled}</span>`}</span>
    ${isOver ? html`<span></span>` : html`<button type="button" class="btn btn--quiet btn--dense btn--icon" aria-label=${`Take back or correct: ${action}, ${who}`} onClick=${() => undo(id)}><${Icon} name="undo" small=${true} /></button>`}
  </li>`;
}
