// Before an event is registered: what it would settle.
import { newKey } from "../../client.js";
import { counted, price } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { nameOf, plateOf, targetName } from "../targets.js";
import { Loading, moveInRadioGroup, Plate, Sheet, Spinner } from "../ui.js";
import { amount, Refusal, useAct } from "../act.js";
import { clockTime, When } from "./when.js";

/** `event` is { actionId, targetId, tappedAt }; `undo(eventId)` opens the way back. */
export function RegisterSheet({ game, event, close, undo }) {
  const [happenedAt, setHappenedAt] = useState(event.tappedAt);
  const [answers, setAnswers] = useState({});
  const keys = useMemo(() => ({ event: newKey() }), []);
  const parameters = { game_id: game.id, action_id: event.actionId, target_id: event.targetId, happened_at: happenedAt };
  const preview = useLoaded(() => session.client.call("preview_game_event", parameters), [happenedAt]);
  const act = useAct();
  const register = () =>
    act.send(async () => {
      const reply = await registerEvent(game, parameters, keys.event, undo);
      await answerPools(answers, reply.happened_at, keys);
      close();
    });
  const words = wordsOf(game, event, preview.value?.score);
  const foot = html`<button type="button" class="btn" onClick=${close}>Cancel <kbd class="desk-only" aria-hidden="true">Esc</kbd></button>
    <button type="button" class="btn btn--ink btn--big push grow" autofocus disabled=${act.isSending} aria-disabled=${preview.value === undefined ? "true" : undefined} onClick=${() => preview.value !== undefined && register()}>${act.isSending && html`<${Spinner} />`}Register ${words.short} <kbd class="desk-only" aria-hidden="true">↵</kbd></button>`;
  return html`<${Sheet} title=${words.title} lead=${html`<${EventPlate} side=${words.target.side}>${words.plate}</>`} sub=${words.sub} close=${close} foot=${foot}>
    <${When} value=${happenedAt} tappedAt=${event.tappedAt} change=${setHappenedAt} />
    <${Refusal} refusal=${act.refusal ?? preview.error} />
    ${preview.value ? html`<${Effects} game=${game} preview=${preview.value} happenedAt=${happenedAt} /><${ByHand} game=${game} preview=${preview.value} answers=${answers} setAnswers=${setAnswers} /><${Untouched} game=${game} ids=${preview.value.untouched} />` : !preview.error && html`<${Loading} />`}
  </>`;
}

/** Who did it, as a large badge: a number, or three letters. */
export function EventPlate({ side, children }) {
  return html`<span class=${children.length > 2 ? "ev__plate ev__plate--word" : "ev__plate"} data-side=${side} aria-hidden="true">${children}</span>`;
}

/** Register an event and say so; rejects with what refuses it. */
export async function registerEvent(game, parameters, key, undo) {
  const reply = await session.client.call("register_game_event", parameters, { key });
  const action = game.details.actions[parameters.action_id]?.name ?? parameters.action_id;
  notices.show({ icon: "check", lead: `${action}, ${reply.target_display_name}`, text: "registered.", action: { label: "Undo", run: () => undo(reply.event_id) } });
  return reply;
}

/** Resolve the binary pools that were answered along with the event. */
async function answerPools(answers, happenedAt, keys) {
  for (const [poolId, target] of Object.entries(answers)) {
    keys[poolId] ??= newKey();
    await session.client.call("register_game_event", { pool_id: poolId, target_id: target, happened_at: happenedAt }, { key: keys[poolId] });
  }
}

function wordsOf(game, { actionId, targetId }, score) {
  const target = game.targets.get(targetId);
  const root = game.targets.get(target.root);
  const action = game.details.actions[actionId].name;
  const before = Object.values(game.details.score ?? {}).join("–");
  const after = Object.values(score ?? {}).join("–");
  const changes = after !== "" && after !== before;
  const where = target === root ? "" : `${root.name}. `;
  return {
    target,
    plate: plateOf(target),
    title: `${action} by ${nameOf(target)}`,
    sub: html`${where}${changes ? html`The score becomes <b class="ink nowrap">${after}</b>` : "The score stays as it is"}`,
    short: changes ? `${action.toLowerCase()}, ${after}` : action.toLowerCase(),
  };
}

/** What an event, or a resolution by hand, settles. */
export function Effects({ game, preview, happenedAt }) {
  const pools = Object.entries(preview.pools);
  const sum = (field) => pools.reduce((total, [, pool]) => total + pool[field], 0);
  const late = sum("late_bets");
  return html`<div class="sums"><div><b>${pools.length}</b><span>${pools.length === 1 ? "pool settles" : "pools settle"}</span></div><div><b>${amount(sum("paid"))}</b><span>paid out</span></div><div><b>${sum("winners_count")}</b><span>${sum("winners_count") === 1 ? "winner" : "winners"}</span></div></div>
    ${pools.length > 0 && html`<section><div class="blockhead"><h3>Settles</h3></div><div class="card">${pools.map(([id, pool]) => html`<${Settled} key=${id} game=${game} id=${id} pool=${pool} />`)}</div>
      ${late > 0 && html`<p class="pool__notice pool__notice--warn"><${Icon} name="clock" small=${true} /><span><b>${counted(late, "bet")} came after ${clockTime(happenedAt)}</b> and ${late === 1 ? "goes" : "go"} back in full, ${amount(sum("late_amount"))} together.</span></p>`}
    </section>`}`;
}

function Untouched({ game, ids }) {
  const pools = ids.map((id) => game.views.pools.get(id)).filter((pool) => pool !== undefined && pool.type < 3); // the others are asked for
  const names = pools.map(({ description }) => description);
  if (names.length === 0) return null;
  return html`<p class="sm mid">Untouched: ${names.slice(0, 6).join(" · ")}${names.length > 6 ? ` and ${names.length - 6} more` : ""}</p>`;
}

function Settled({ game, id, pool }) {
  const view = game.views.pools.get(id);
  const winners = pool.winning_targets;
  const name = (target) => targetName(target, view?.distribution[target] ?? { display_name: target });
  const known = game.targets.get(winners[0]);
  const isEmpty = pool.winners_count + pool.losers_count + pool.late_bets === 0;
  return html`<div class="settle"><b>${view?.description ?? "A pool"}</b>
    <span class="settle__win">${known && known.id !== "none" && view?.type < 3 && html`<${Plate} side=${known.side} small=${true}>${plateOf(known)}</>`}${pool.is_money_return && !isEmpty ? "stakes go back" : winners.map(name).join(", ")}</span>
    <p class="settle__sub">${!pool.is_money_return && html`<span>${pool.winners_count} win${pool.price !== null && html` at <b>${price(pool.price)}</b>`}</span><span>${pool.losers_count} lose</span>`}<span>${isEmpty ? "nobody bet" : `${amount(pool.paid)} paid`}</span>${pool.recreated && html`<span>opens anew</span>`}</p>
  </div>`;
}

function ByHand({ game, preview, answers, setAnswers }) {
  const pools = [...game.views.pools.values()].filter((pool) => pool.type >= 3 && pool.status === "open" && !(pool.pool_id in preview.pools));
  if (pools.length === 0) return null;
  const answer = (id, target) => {
    const { [id]: _, ...others } = answers;
    setAnswers(target === null ? others : { ...others, [id]: target });
  };
  return html`<section><div class="blockhead"><h3>Resolve by hand with it</h3><span class="mid sm">not touched by an event</span></div>
    <div class="card">${pools.map((pool) => html`<div key=${pool.pool_id} class="settle settle--answer"><b>${pool.description}</b><${Answer} pool=${pool} value=${answers[pool.pool_id] ?? null} choose=${(target) => answer(pool.pool_id, target)} later="Later" /></div>`)}</div>
  </section>`;
}

/** The targets of a binary pool as pills; `later` is the word for leaving it open, `extra` are [value, label]. */
export function Answer({ pool, value, choose, later, extra = [] }) {
  const targets = Object.entries(pool.distribution).map(([id, target]) => [id, targetName(id, target), target.to_win_if_backed]);
  const options = [...targets, ...extra, ...(later ? [[null, later]] : [])];
  return html`<div class="opt" role="radiogroup" aria-label=${pool.description} onKeyDown=${moveInRadioGroup}>
    ${options.map(([id, label, odds], index) => html`<button type="button" key=${id ?? "later"} class="pill" role="radio" aria-checked=${String(id === value)} tabindex=${id === value || (value === undefined && index === 0) ? 0 : -1} onClick=${() => choose(id)}>${label}${id === value && odds !== undefined && pool.amount_total > 0 ? `, ${price(odds)}` : ""}</button>`)}
  </div>`;
}
