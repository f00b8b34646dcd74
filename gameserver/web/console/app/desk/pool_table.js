// The pools that run, a row each; on a phone a card each. Below them what was settled last.
import { count, counted, countdown } from "../format.js";
import { sides } from "../game/pool_card.js";
import { locksAt, shares, stateOf } from "../game/pool_states.js";
import { html, memo } from "../html.js";
import { Icon } from "../icons.js";
import { session } from "../session.js";
import { targetName } from "../targets.js";
import { Empty, useNow } from "../ui.js";
import { amount, attempt } from "../act.js";

export const openPools = (game) => [...game.views.pools.values()].filter(({ status }) => status === "open").sort((a, b) => Number(b.is_hot) - Number(a.is_hot) || a.start_at - b.start_at);

export const isByHand = ({ type }) => type >= 3;

export const toggleBlock = ({ pool_id: id, is_blocked: isBlocked }) =>
  attempt(() => session.client.call(isBlocked ? "allow_betting_in_betting_pool" : "block_betting_in_betting_pool", { pool_id: id }));

export const toggleHot = ({ pool_id: id, is_hot: isHot }) => attempt(() => session.client.call("suggest_hot_betting_pool", { pool_id: id, is_hot: !isHot }));

export function Pools({ game, selected, select, openPool, addPool, undo }) {
  const isClosed = game.details.closed_at !== null;
  const pools = openPools(game);
  const total = pools.reduce((sum, pool) => sum + pool.amount_total, 0);
  return html`<section id="pools" class="pane" aria-labelledby="step-pools">
    <div class="step"><h2 id="step-pools">Pools</h2><span class="mid sm">${amount(total)} at stake in ${pools.length}</span>${!isClosed && html`<button type="button" class="btn btn--ink push" onClick=${addPool}><${Icon} name="plus" small=${true} />New pool <kbd class="desk-only" aria-hidden="true">N</kbd></button>`}</div>
    ${pools.length === 0 ? html`<${Empty} title="No pool is open" level=${3}>${!isClosed && "Open one: players bet on it at once."}</>` : html`<div class="ptab"><table>
      <caption class="vh">Unresolved pools</caption>
      <thead><tr><th scope="col">Pool</th><th scope="col">State</th><th scope="col" class="opt-col">Until</th><th scope="col" class="r">At stake</th><th scope="col" class="r opt-col">Players</th><th scope="col">Split</th><th scope="col"><span class="vh">What to do</span></th></tr></thead>
      <tbody>${pools.map((pool) => html`<${Row} key=${pool.pool_id} game=${game} pool=${pool} isSelected=${pool.pool_id === selected} select=${select} openPool=${openPool} />`)}</tbody>
    </table><${KeyLine} /></div>`}
    <${Settled} game=${game} undo=${undo} openPool=${openPool} />
  </section>`;
}

const Row = memo(({ game, pool, isSelected, select, openPool }) => {
  const now = useNow(() => session.now());
  const state = stateOf(pool, now);
  const action = isByHand(pool) ? "yes or no, by hand" : `${(game.details.actions[pool.action_id]?.name ?? pool.action_id).toLowerCase()}, ${pool.target_level === 1 ? "sides" : "players"}`;
  return html`<tr aria-selected=${String(isSelected)} data-pool=${pool.pool_id} onClick=${() => select(pool.pool_id)}>
    <td><b>${pool.description}</b><span class="dim xs block">${action}</span></td>
    <td><${StateTag} pool=${pool} state=${state} /></td>
    <td class="sm mid nowrap opt-col">${until(pool, state, now)}</td>
    <td class="r b sum">${amount(pool.amount_total)}</td>
    <td class="r mid opt-col">${count(pool.participants)}</td>
    <td class="mixcell"><${Split} game=${game} pool=${pool} /></td>
    <td class="acts-col"><div class="ptab__acts">
      ${isByHand(pool) && html`<button type="button" class="btn btn--dense" aria-label=${`Resolve: ${pool.description}`} onClick=${() => openPool(pool.pool_id, "resolve")}>Resolve</button>`}
      <button type="button" class="btn btn--dense" aria-label=${`${pool.is_blocked ? "Allow" : "Block"}: ${pool.description}`} onClick=${() => toggleBlock(pool)}>${pool.is_blocked ? "Allow" : "Block"}</button>
      ${!isByHand(pool) && html`<button type="button" class="btn btn--dense" aria-label=${`${pool.is_hot ? "Cool" : "Hot"}: ${pool.description}`} onClick=${() => toggleHot(pool)}>${pool.is_hot ? "Cool" : "Hot"}</button>`}
      <button type="button" class="btn btn--quiet btn--dense btn--icon" aria-label=${`More for ${pool.description}`} onClick=${() => openPool(pool.pool_id, "more")}><${Icon} name="more" /></button>
    </div></td>
  </tr>`;
});

function StateTag({ pool, state }) {
  if (state === "later") return html`<span class="tag">Later</span>`;
  if (state === "locked") return html`<span class="tag"><${Icon} name="lock" />Locked</span>`;
  if (state === "paused") return html`<span class="tag"><${Icon} name="lock" />Paused</span>`;
  return pool.is_hot ? html`<span class="tag tag--hot"><${Icon} name="flame" />Hot</span>` : html`<span class="tag tag--ok">Open</span>`;
}

function until(pool, state, now) {
  if (state === "later") return `opens in ${countdown(pool.start_at - now)}`;
  const lock = locksAt(pool);
  if (state === "locked") return pool.finish_at && pool.finish_at > now ? `ends in ${countdown(pool.finish_at - now)}` : "waits for you";
  if (lock !== null) return `locks in ${countdown(lock - now)}`;
  if (isByHand(pool)) return "until you say";
  return pool.recreate_on_end ? "opens anew" : "until it happens";
}

function Split({ game, pool }) {
  const share = shares(pool);
  const sideOf = sides(game, pool);
  const backed = Object.entries(pool.distribution).filter(([id]) => share[id] > 0);
  const top = [...backed].sort(([a], [b]) => share[b] - share[a]).slice(0, 2);
  if (backed.length === 0) return html`<p class="mixlab">nobody yet</p>`;
  return html`<div class="mix" aria-hidden="true">${backed.map(([id]) => html`<i key=${id} data-side=${sideOf(id)} style=${{ "--share": share[id].toFixed(1) }}></i>`)}</div>
    <p class="mixlab">${top.map(([id, target]) => `${targetName(id, target)} ${Math.round(share[id])}%`).join(", ")}</p>`;
}

const KEYS = [["J K", "move"], ["B", "block or allow"], ["T", "hot"], ["E", "resolve"], ["V", "void"], ["U", "undo last"], ["H", "hold all"], ["/", "find"], ["?", "all keys"]];

function KeyLine() {
  return html`<p class="keys" aria-hidden="true">${KEYS.map(([keys, what]) => html`<span key=${keys}>${keys.split(" ").map((key) => html`<kbd key=${key}>${key}</kbd>`)} ${what}</span>`)}</p>`;
}

/** What was resolved by hand can be taken back here, since no event in the log did it. */
function Settled({ game, undo, openPool }) {
  const ended = [...game.views.pools.values()].filter(({ status }) => status !== "open").sort((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0)).slice(0, 12);
  if (ended.length === 0) return null;
  return html`<details class="card settledbox"><summary class="lrow b">Settled, ${counted(ended.length, "pool")}<span class="push"><${Icon} name="down" small=${true} /></span></summary>
    <ul>${ended.map((pool) => html`<li key=${pool.pool_id} class="lrow"><span class="cut"><b>${pool.description}</b> <span class="mid sm">${ending(pool)}</span></span><${WayBack} game=${game} pool=${pool} undo=${undo} openPool=${openPool} /></li>`)}</ul>
  </details>`;
}

function ending(pool) {
  if (pool.status === "voided") return "void";
  if (pool.is_money_return) return "stakes went back";
  return (pool.winning_targets ?? []).map((id) => targetName(id, pool.distribution[id] ?? { display_name: id })).join(", ");
}

function WayBack({ game, pool, undo, openPool }) {
  if (pool.status === "voided") return null;
  if (pool.event_id && pool.event_id in game.details.past_events) return html`<button type="button" class="btn btn--dense push" onClick=${() => undo(pool.event_id)}>Undo event</button>`;
  return html`<button type="button" class="btn btn--dense push" onClick=${() => openPool(pool.pool_id, "ended")}>Take back</button>`;
}
