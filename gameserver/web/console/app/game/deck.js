// All pools of the game that matter now, in the order in which they do.
import { Component, html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { net, price } from "../format.js";
import { session } from "../session.js";
import { useStore } from "../store.js";
import { plateOf } from "../targets.js";
import { Empty, Plate } from "../ui.js";
import { outcome, PoolCard, sides } from "./pool_card.js";
import { inOrder, JUST_ENDED_MS, MANY_TARGETS, stateOf, takesBets } from "./pool_states.js";

const FOLD_FROM = 12;
const ROW_PX = 4;
const GAP_PX = 16;
const FRESH_MS = 30_000;

/** The pools to show at a moment: those that run, and those that have just ended. */
export function shownPools(game, now) {
  const isWorthShowing = (pool) => pool.distribution !== undefined && (pool.status === "open" || pool.bet_count > 0);
  const pools = [...game.views.pools.values()].filter(isWorthShowing);
  const isNews = (pool) => now - (game.endings.get(pool.pool_id)?.at ?? pool.resolved_at ?? 0) < JUST_ENDED_MS;
  return inOrder(
    pools.filter((pool) => pool.status === "open" || isNews(pool)),
    now,
    game.mine,
  );
}

/** `pools` are those to show at the moment `now`. */
export function Deck({ game, slip, pools, now }) {
  useStore(slip);
  useEffect(() => slip.watch(), [now]); // pools lock by time, too
  const [unfolded, setUnfolded] = useState(new Set());
  const results = pools.map((pool) => stateOf(pool, now) === "ended" && !isFresh(game, pool, now));
  const isOver = game.details.closed_at !== null;
  const deck = useColumns([isOver, ...pools.map((pool, index) => `${pool.pool_id}${results[index]}`)].join());
  if (pools.length === 0 && !isOver) {
    return html`<${Empty} title="No pools yet" level=${3}>They come and go with the match. A new one appears here by itself.</>`;
  }
  const isMany = pools.length >= FOLD_FROM;
  const over = isOver && html`<div key="over" class="deck__cell span"><${Over} game=${game} /></div>`;
  return html`<div class="deck" ref=${deck}>
    ${over}${pools.map((pool, index) => {
      const id = pool.pool_id;
      const state = stateOf(pool, now);
      const mine = game.mine.get(id);
      const chosen = slip.poolId === id ? slip.target : null;
      if (results[index])
        return html`<div key=${id} class="deck__cell"><${Result} game=${game} pool=${pool} mine=${mine} /></div>`;
      const isFolded = isMany && !mine && !pool.is_hot && chosen === null && state !== "ended" && !unfolded.has(id);
      const most = unfolded.has(id) ? Infinity : isFolded ? 1 : MANY_TARGETS;
      return html`<${Cell}
        key=${id}
        game=${game}
        slip=${slip}
        pool=${pool}
        state=${state}
        mine=${mine}
        ending=${game.endings.get(id)}
        note=${game.notes.get(id)}
        moves=${game.moves.get(id)}
        chosen=${chosen}
        isLive=${session.isLive}
        most=${most}
        trail=${game.trails.get(id)}
        targets=${game.targets}
        unfold=${unfolder(setUnfolded, id)}
      />`;
    })}
  </div>`;
}

/** The place of a card. Out of sight, prices need not be drawn; they are as soon as it comes near. */
class Cell extends Component {
  isNear = true;
  #place = { current: null };

  componentDidMount() {
    cells.set(this.#place.current, this);
    nearness.observe(this.#place.current);
  }

  componentWillUnmount() {
    nearness.unobserve(this.#place.current);
  }

  shouldComponentUpdate(next) {
    return this.isNear || Object.keys(next).some((name) => next[name] !== this.props[name] && !PRICES.has(name));
  }

  render(properties) {
    const isWide = properties.pool.is_hot && takesBets(properties.state);
    return html`<div ref=${this.#place} class=${isWide ? "deck__cell span" : "deck__cell"}>
      <${PoolCard} ...${properties} />
    </div>`;
  }
}

const PRICES = new Set(["pool", "moves", "trail"]);
const NEAR_PX = 100;
const cells = new WeakMap();
const nearness = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const cell = cells.get(target);
      cell.isNear = isIntersecting;
      if (isIntersecting) cell.forceUpdate();
    }
  },
  { rootMargin: `${NEAR_PX}px` },
);

const unfolders = new Map();

/** One function a pool, so that cards need not be rendered for a new one. */
function unfolder(setUnfolded, id) {
  if (!unfolders.has(id)) unfolders.set(id, () => setUnfolded((before) => new Set([...before, id])));
  return unfolders.get(id);
}

/** Cards of different heights close up in their columns, in the order in which they are read; `which` says which. */
function useColumns(which) {
  const deck = useRef(null);
  const columns = useRef(null);
  columns.current ??= new Columns();
  useLayoutEffect(() => columns.current.hold(deck.current), [which]);
  useLayoutEffect(() => () => columns.current.hold(null), []);
  return deck;
}

class Columns {
  #held = new Set();
  #observer = new ResizeObserver((entries) => entries.forEach(fit));

  /** Watch over the heights of the cards in a deck, and no longer over those that have left it. */
  hold(deck) {
    const cards = new Set(Array.from(deck?.children ?? [], (cell) => cell.firstElementChild));
    for (const card of this.#held) if (!cards.has(card)) this.#observer.unobserve(card);
    for (const card of cards) if (!this.#held.has(card)) this.#observer.observe(card);
    this.#held = cards;
  }
}

function fit({ target, borderBoxSize: [{ blockSize }] }) {
  if (target.parentElement === null) return;
  target.parentElement.style.gridRowEnd = `span ${Math.ceil((blockSize + GAP_PX) / ROW_PX)}`;
}

/** A pool in which I have a stake keeps its card for a moment after it has ended. */
function isFresh(game, pool, now) {
  const ending = game.endings.get(pool.pool_id);
  return game.mine.has(pool.pool_id) && ending !== undefined && now - ending.at < FRESH_MS;
}

/** A pool that has ended, in short. */
function Result({ game, pool, mine }) {
  const winner = pool.winning_targets?.[0];
  const side = winner ? sides(game, pool)(winner) : "none";
  const known = game.targets.get(winner);
  const { hasWon, lead, what, sum } = outcome(
    game,
    pool,
    mine,
    game.endings.get(pool.pool_id),
    game.details.currency_decimals,
  );
  const line = [[lead, what].filter(Boolean).join(", "), pool.price && `at ${price(pool.price)}`]
    .filter(Boolean)
    .join(" · ");
  return html`<article class=${hasWon ? "card result result--you" : "card result"} data-pool=${pool.pool_id} aria-labelledby=${`result-${pool.pool_id}`}>
    ${known && pool.type < 3 && html`<${Plate} side=${side}>${plateOf(known)}</>`}
    <div class="result__what">
      <h3 id=${`result-${pool.pool_id}`} class="cut">${pool.description}</h3>
      <p class="sm mid">${line}</p>
    </div>
    <div class="result__sum">
      ${hasWon && html`<span class="tag tag--you">you won</span>`}${sum && html`<b class=${sum.isQuiet ? "lg mid" : "lg"}>${sum.text}</b>`}
    </div>
  </article>`;
}

/** How a game that is over has ended. */
export const endOf = ({ cancelled_at: cancelledAt }) => (cancelledAt === null ? "Full time" : "Called off");

function Over({ game }) {
  const own = game.table.entries?.find((entry) => entry.user_id === game.me.id);
  const place = own ? ` You ended ${ordinal(own.rank)} of ${game.table.total} with ${net(own.points)}.` : "";
  const { cancelled_at: cancelledAt, reason } = game.details;
  const wasCancelled = cancelledAt !== null;
  return html`<${Empty} kind="done" title=${endOf(game.details)} level=${3} action=${{ label: "Your bets", href: `#/game/${game.id}/bets` }}>
    ${game.details.name} is closed${wasCancelled ? " and stakes are back" : ""}${reason ? `: ${reason}` : ""}.${place}
  </>`;
}

function ordinal(number) {
  const ending = { 1: "st", 2: "nd", 3: "rd" }[number % 10];
  return `${number}${Math.floor(number / 10) % 10 === 1 || !ending ? "th" : ending}`;
}
