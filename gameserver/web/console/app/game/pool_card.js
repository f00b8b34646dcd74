// A pool in each of its states. A row is its own bar, and the whole row is the button.
import { countdown, counted, money, net, price, stake } from "../format.js";
import { html, memo } from "../html.js";
import { Icon, Move } from "../icons.js";
import { session } from "../session.js";
import { plateOf, targetName } from "../targets.js";
import { moveInRadioGroup, Plate, useNow } from "../ui.js";
import { ShareChart } from "./chart.js";
import { locksAt, returns, shares, takesBets, targetsInOrder } from "./pool_states.js";
import { SlipForm } from "./slip.js";

const HOT_FUSE_MS = 60_000;
const CHART_OVER = 3;
const LONG_QUESTION = 50; // leaves no room for the time beside it

/**
 * `pool` is a new object after each change, as are `mine`, `ending`, `note` and `moves`, so that a card is rendered
 * again only for changes of its own. `chosen` is the target on the slip, if it is one of this pool's; `most` is how
 * many targets are shown besides those that are mine or have won, until `unfold`.
 */
export const PoolCard = memo(
  ({ game, slip, pool, state, mine, ending, note, moves, chosen, isLive, most = Infinity, unfold }) => {
    const isFolded = most === 1;
    const side = sides(game, pool);
    const name = (id) => targetName(id, pool.distribution[id] ?? { display_name: id });
    const isHot = pool.is_hot && takesBets(state);
    const isShut = state !== "ended" && !takesBets(state);
    const classes = ["card", "pool", isHot && "pool--hot span", isShut && "pool--shut", moves?.isFast && "pool--fast"].filter(Boolean).join(" ");
    const id = `pool-${pool.pool_id}`;
    const places = game.details.currency_decimals;
    const staked = state === "ended" ? stakesOf(mine) : (mine?.user_backed ?? {});
    const isShown = (target, index) =>
      index < most || target === chosen || staked[target] > 0 || pool.winning_targets?.includes(target);
    const targets = targetsInOrder(pool, isFolded).filter(isShown);
    const all = Object.keys(pool.distribution).length;
    const rows = html`<${Rows}
      id=${id}
      pool=${pool}
      state=${state}
      targets=${targets}
      staked=${staked}
      moves=${moves}
      chosen=${chosen}
      side=${side}
      name=${name}
      game=${game}
      choose=${(target) => slip.choose(pool.pool_id, target)}
    />`;
    const form =
      chosen !== null && html`<${SlipForm} slip=${slip} places=${places} currency=${game.details.currency} />`;
    const chart =
      (isHot || (mine && Object.keys(pool.distribution).length > CHART_OVER)) &&
      state !== "ended" &&
      html`<${ShareChart} game=${game} pool=${pool} sideOf=${side} nameOf=${name} />`;
    return html`<article class=${classes} aria-labelledby=${id} data-pool=${pool.pool_id}>
      ${state === "ended" && html`<${Stamp} game=${game} pool=${pool} mine=${mine} ending=${ending} places=${places} />`}
      ${isHot && html`<${Fuse} pool=${pool} />`}
      <header class=${pool.description.length > LONG_QUESTION ? "pool__head pool__head--long" : "pool__head"}>
        <h3 id=${id}>${pool.description}</h3>
        <${Timer} pool=${pool} state=${state} />
        <p class="pool__sub">
          ${isHot && html`<span class="tag tag--hot"><${Icon} name="flame" />Hot</span>`}${pool.participants > 0 ? html`<span>${counted(pool.participants, "player")}</span><span>${money(pool.amount_total, Number.isInteger(pool.amount_total) ? 0 : places)} staked</span>` : html`<span>${state === "ended" ? "no bet counted" : "nobody yet"}</span>`}
        </p>
      </header>
      ${
        isHot
          ? html`<div class="hotgrid">
              <div>${rows}${chart}${note && html`<${Notice} note=${note} game=${game} mine=${mine} />`}</div>
              ${form || html`<p class="hotgrid__hint mid sm">Choose a side to see what your stake returns.</p>`}
            </div>`
          : html`<div class="pool__body">
              ${rows}${chart}${!isFolded && html`<${Notice} game=${game} pool=${pool} state=${state} note=${note} ending=${ending} mine=${mine} />`}${form}
            </div>`
      }
      ${targets.length < all && html`<footer class="pool__foot"><button type="button" class="linkbtn btn btn--quiet btn--dense" onClick=${unfold}>Show all ${all} targets</button></footer>`}
      ${!isFolded && html`<${Foot} game=${game} pool=${pool} state=${state} mine=${mine} name=${name} places=${places} />`}
    </article>`;
  },
);

/** Whose colour each target has: its root's, or a label's of a binary pool. */
export function sides(game, pool) {
  const ids = Object.keys(pool.distribution);
  return (id) => (pool.type >= 3 ? String(3 + (ids.indexOf(id) % 2)) : (game.targets.get(id)?.side ?? "none"));
}

function Rows({ id, pool, state, targets, staked, moves, chosen, side, name, game, choose }) {
  const share = shares(pool);
  const canBet = takesBets(state);
  const focusable = targets.includes(chosen) ? chosen : targets.find((target) => pool.distribution[target].is_active);
  return html`<div>
    <div id=${`${id}-caps`} class="caps" aria-hidden="true"><span></span><span>share</span><span>1.00 returns</span></div>
    <div class="targets" role=${canBet ? "radiogroup" : "list"} aria-labelledby=${id} aria-describedby=${`${id}-caps`} onKeyDown=${moveInRadioGroup}>
      ${targets.map((target) => html`<${Row} key=${target} target=${target} sums=${pool.distribution[target]} share=${share[target]} side=${side(target)} name=${name(target)} known=${game.targets.get(target)} pool=${pool} canBet=${canBet && pool.distribution[target].is_active} staked=${staked[target]} move=${state === "ended" ? undefined : moves?.get(target)} isChosen=${chosen === target} isFocusable=${target === focusable} choose=${choose} />`)}
    </div>
  </div>`;
}

/** What I have bet on each target of an ended pool, with what came too late to count. */
function stakesOf(mine) {
  const staked = {};
  for (const { target, amount } of mine?.my_bets ?? []) staked[target] = (staked[target] ?? 0) + amount;
  return staked;
}

function Row({ target, sums, share, side, name, known, pool, canBet, staked, move, isChosen, isFocusable, choose }) {
  const hasWon = pool.status === "resolved" && !pool.is_money_return && pool.winning_targets?.includes(target);
  const classes = [
    "trow",
    !pool.is_hot && "trow--dense",
    hasWon && "trow--win",
    pool.status !== "open" && !hasWon && "trow--lost",
  ];
  const plate =
    pool.type < 3 && known && known.id !== "none" ? plateOf(known) : null;
  const content = html` <span class="trow__name">
      ${canBet && html`<span class="trow__pick"><${Icon} name="check" small=${true} /></span>`}
      ${plate && html`<${Plate} side=${side} small=${true}>${plate}</>`}
      <span class="trow__label">
        <span>${name}</span>
        ${staked > 0 && html`<span class="tag tag--you">you ${stake(staked)}</span>`}
        ${hasWon && html`<${Icon} name="check" small=${true} /><span class="vh">won</span>`}
      </span>
      ${pool.status === "open" && !sums.is_active && html`<span class="tag">out</span>`}
    </span>
    <span class="trow__share">${Math.round(share)}%</span>
    <span class="trow__price"
      >${move && html`<${Move} isUp=${move.isUp} className="trow__move" />`}${price(sums.to_win_if_backed)}</span
    >`;
  const properties = {
    class: classes.filter(Boolean).join(" "),
    "data-side": side,
    style: { "--share": share.toFixed(1) },
  };
  if (!canBet) return html`<div role="listitem" ...${properties}>${content}</div>`;
  return html`<button
    type="button"
    role="radio"
    aria-checked=${String(isChosen)}
    tabindex=${isFocusable ? 0 : -1}
    data-target=${target}
    onClick=${() => choose(target)}
    ...${properties}
  >
    ${content}
  </button>`;
}

function Timer({ pool, state }) {
  const now = useNow(() => session.now());
  if (state === "ended") return null;
  if (state === "paused") return html`<span class="tag"><${Icon} name="lock" />Paused</span>`;
  if (state === "locked") return html`<span class="tag"><${Icon} name="lock" />Locked</span>`;
  const lock = state === "later" ? pool.start_at : locksAt(pool);
  if (lock === null) return html`<span class="timer"><${Icon} name="clock" small=${true} />until it happens</span>`;
  const left = lock - now;
  const isSoon = state !== "later" && (pool.is_hot || left < 10_000);
  const lead = state === "later" ? "opens in " : pool.is_hot || left < 10_000 ? "locks in " : "";
  return html`<span class=${isSoon ? "timer timer--soon" : "timer"} role="timer"
    ><${Icon} name="clock" small=${true} />${lead}${countdown(left)}</span
  >`;
}

function Fuse({ pool }) {
  const now = useNow(() => session.now());
  const lock = locksAt(pool);
  if (lock === null) return null;
  const left = Math.max(0, Math.min(100, (100 * (lock - now)) / HOT_FUSE_MS));
  return html`<div class="fuse" style=${{ "--left": left.toFixed(1) }}><i></i></div>`;
}

/** How an ended pool ended, and what that is to me. */
function Stamp({ game, pool, mine, ending, places }) {
  const { hasWon, lead, what, sum } = outcome(game, pool, mine, ending, places);
  return html`<div class=${hasWon ? "stamp stamp--you" : "stamp"}>
    <p class="stamp__what">${hasWon ? html`<span class="tag tag--you">you won</span>` : html`<b>${lead}</b>`} <span class="sm mid">${what || (hasWon && lead)}</span></p>${sum && html`<b class=${sum.isQuiet ? "lg mid" : "lg"}>${sum.text}</b>`}
  </div>`;
}

/** { hasWon, lead, what, sum: { text, isQuiet } or null }: the parts of what is said of an ended pool. */
export function outcome(game, pool, mine, ending, places) {
  const backed = mine?.user_backed ?? ending?.staked ?? {};
  const amounts = mine?.my_bets?.map(({ amount }) => amount) ?? Object.values(backed); // what came too late backs nothing
  const staked = amounts.reduce((sum, amount) => sum + amount, 0);
  const isLate = isAllLate(mine) || ending?.isLate;
  const back = staked > 0 ? { text: `${money(staked, places)} back` } : null;
  if (pool.status === "voided") return { hasWon: false, lead: "Void", what: ending?.reason ?? "", sum: back };
  if (pool.is_money_return) return { hasWon: false, lead: "Refunded", what: isLate ? "" : "nobody had the winner", sum: back };
  const winners = pool.winning_targets ?? [];
  const lead = winners.map((id) => targetName(id, pool.distribution[id])).join(", ");
  const what = whatHappened(game, pool) ?? (ending?.expired ? "time is up" : "");
  if (isLate) return { hasWon: false, lead, what, sum: back };
  const gain = mine?.total_winnings ?? ending?.net ?? null;
  const hasWon = gain !== null && gain >= 0 && winners.some((id) => backed[id] > 0);
  return {
    hasWon,
    lead,
    what,
    sum: staked > 0 && gain !== null ? { text: net(gain, places), isQuiet: gain < 0 } : null,
  };
}

const isAllLate = (mine) => mine?.my_bets?.length > 0 && mine.my_bets.every((bet) => bet.status === "invalidated");

function whatHappened(game, pool) {
  const event = pool.event_id && game.details.past_events[pool.event_id];
  return event ? `${event.target_display_name}, ${game.minuteOf(event.happened_at)}` : null;
}

function Notice({ game, pool, state, note, ending, mine }) {
  if (note)
    return html`<p class="pool__notice pool__notice--warn">
      <${Icon} name="undo" small=${true} /><span
        ><b>${capital(actionName(game, note.actionId))} taken back${note.reason ? `: ${note.reason}` : ""}.</b>${" "}The
        pool is open
        again${mine ? " and your bets run" : ""}.${note.had > 0 ? ` The ${money(note.had)} you won is gone from your balance.` : ""}</span
      >
    </p>`;
  if (state === "paused")
    return html`<p class="pool__notice">
      <${Icon} name="pause" small=${true} /><span
        >Paused${pool.blocked_at ? ` at ${game.minuteOf(pool.blocked_at)}` : ""}. Bets already placed stand.</span
      >
    </p>`;
  if (state === "locked")
    return html`<p class="pool__notice">
      <${Icon} name="clock" small=${true} /><span
        >${`Locked at ${game.minuteOf(locksAt(pool))}. Waiting for the ${pool.type === 2 || pool.type === 4 ? "end" : "operator"}.`}</span
      >
    </p>`;
  if (takesBets(state) && pool.amount_total === 0)
    return html`<p class="pool__notice">
      <${Icon} name="info" small=${true} /><span
        >With no stakes in it a pool returns what is put in. Prices form as people bet.</span
      >
    </p>`;
  if (state === "ended" && (isAllLate(mine) || ending?.isLate))
    return html`<p class="pool__notice pool__notice--warn">
      <${Icon} name="clock" small=${true} /><span
        ><b>Placed after it had happened.</b>${" "}Late bets do not count and are returned in full.</span
      >
    </p>`;
  return null;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const actionName = (game, id) => game.details.actions[id]?.name ?? "The result was";

function Foot({ game, pool, state, mine, name, places }) {
  const backed = Object.entries(mine?.user_backed ?? {}).filter(([, amount]) => amount > 0);
  const receipt = html`<a class="push linkbtn" href=${`#/game/${game.id}/bets`}>Receipt</a>`;
  if (state === "ended") return foot(pool, mine, places, receipt);
  if (backed.length === 0 || state === "later") return null;
  const [[target, amount]] = backed.sort(([, a], [, b]) => b - a);
  return html`<footer class="pool__foot">
    <span>Your ${stake(amount)} on ${name(target)} returns${" "}<b class="ink">${money(returns(pool, target, amount, places), places)}</b> as it stands</span>
  </footer>`;
}

function foot(pool, mine, places, receipt) {
  if (!mine) return null;
  const won = mine.my_bets?.filter((bet) => bet.status === "won") ?? [];
  if (won.length > 0 && pool.price) {
    const staked = won.reduce((sum, bet) => sum + bet.amount, 0);
    const paid = won.reduce((sum, bet) => sum + bet.payout, 0);
    return html`<footer class="pool__foot">
      <span>${money(staked, places)} at ${price(pool.price)} paid <b class="ink">${money(paid, places)}</b></span
      >${receipt}
    </footer>`;
  }
  const lost = mine.my_bets?.some((bet) => bet.status === "lost") && pool.price;
  return html`<footer class="pool__foot">
    <span>${lost ? `${money(pool.amount_total, 0)} shared at ${price(pool.price)}` : "Your stake is back"}</span
    >${receipt}
  </footer>`;
}
