// A lower third for a stream, 1920 × 1080 on nothing: the hot pool with its prices, and its result wiped in.
import { count, countdown, net, price } from "./format.js";
import { locksAt, shares } from "./game/pool_states.js";
import { sides } from "./game/pool_card.js";
import { html, useEffect, useMemo } from "./html.js";
import { OverlayStore } from "./overlay_store.js";
import { useStore } from "./store.js";
import { targetName } from "./targets.js";
import { useNow } from "./ui.js";

const ROWS = 4;
const TOP = 2;
const FUSE_MS = 60_000;

/** The view key stands in the part of the address that no server is told. */
export function OverlayPage({ parts: [gameId, key] }) {
  const store = useMemo(() => new OverlayStore(gameId, key), [gameId, key]);
  useStore(store);
  useEffect(() => {
    document.title = "Overlay";
    store.start();
    return () => store.stop();
  }, [store]);
  return html`<main>${store.details && (store.result ? html`<${Result} store=${store} ...${store.result} />` : html`<${Hot} store=${store} />`)}</main>`;
}

function Hot({ store }) {
  const now = useNow(() => store.client.now());
  const pool = store.hot;
  if (pool === null) return null;
  const share = shares(pool);
  const sideOf = sides(store, pool);
  const lock = locksAt(pool);
  const left = lock === null ? null : Math.max(0, lock - now);
  const rows = Object.entries(pool.distribution).filter(([, { is_active: isActive }]) => isActive);
  const shown = rows.length > ROWS ? [...rows].sort(([a], [b]) => share[b] - share[a]).slice(0, ROWS) : rows;
  return html`<section key=${pool.pool_id} class="ov" aria-label="Hot pool"><div class="ov__card">
    ${left !== null && html`<div class="ov__fuse"><i style=${{ "--left": Math.min(100, (100 * left) / FUSE_MS).toFixed(1) }}></i></div>`}
    <header class="ov__head"><h1 class="ov__q">${pool.description}</h1>${left !== null && html`<span class=${left < 30_000 ? "ov__t" : "ov__t ov__t--calm"}>${countdown(left)}</span>`}</header>
    <div class="ov__rows">${shown.map(([id, target]) => html`<div key=${id} class="ov__row" data-side=${sideOf(id)} style=${{ "--share": share[id].toFixed(1) }}><span>${targetName(id, target)}</span><span>${Math.round(share[id])}%</span><b>${price(target.to_win_if_backed)}</b></div>`)}</div>
    <p class="ov__foot"><span><b>${count(pool.amount_total)}</b> staked</span><span><b>${count(pool.participants)}</b> ${pool.participants === 1 ? "player" : "players"}</span><span class="push">play at ${location.host}</span></p>
  </div></section>`;
}

function Result({ store, message, pool }) {
  const winner = message.winning_target;
  const winners = Object.entries(message.winners).sort(([, a], [, b]) => b - a);
  const number = message.winners_count ?? winners.length;
  return html`<section key=${`result-${message.pool_id}`} class="ov" aria-label="Result"><div class="ov__card">
    <div class="win" data-side=${sides(store, pool)(winner)}><span class="win__tick"><svg viewBox="0 0 20 20" aria-hidden="true"><path d="m4 10.500 4 4 8-9" /></svg></span><div><h1>${targetName(winner, pool.distribution[winner] ?? { display_name: winner })}</h1><p>${message.description}</p></div>${message.price !== null && html`<div class="win__price"><b>${price(message.price)}</b><p>for each 1.00</p></div>`}</div>
    <p class="toplist"><span><b>${count(number)}</b> ${number === 1 ? "takes" : "share"} <b>${count(message.amount_total)}</b></span>${winners.slice(0, TOP).map(([id, gain]) => html`<span key=${id}>${message.usernames[id] ?? "a player"} <b>${net(gain)}</b></span>`)}</p>
  </div></section>`;
}
