// My bets in the game, each with its receipt.
import { money, net, price, timeOfDay } from "../format.js";
import { html, useState } from "../html.js";
import { Icon } from "../icons.js";
import { session } from "../session.js";
import { targetName } from "../targets.js";
import { Empty } from "../ui.js";
import { returns, stateOf } from "./pool_states.js";

/** My bets, newest first: { bet, pool }. */
export function betsOf(game) {
  const bets = [...game.mine].flatMap(([id, { my_bets: own }]) =>
    (own ?? []).map((bet) => ({ bet, pool: game.views.pools.get(id) })),
  );
  return bets.filter(({ pool }) => pool?.distribution).sort((a, b) => b.bet.placed_at - a.bet.placed_at);
}

export const runningOf = (bets) => bets.filter(({ bet }) => bet.status === "running");

/** What bets have at stake. */
export const stakeOf = (bets) => bets.reduce((sum, { bet }) => sum + bet.amount, 0);

export function Bets({ game, bets }) {
  const running = runningOf(bets);
  const settled = bets.filter(({ bet }) => bet.status !== "running");
  if (bets.length === 0)
    return html`<${Empty} title="You have not bet here" level=${3} action=${{ label: "See the pools", href: `#/game/${game.id}` }}>Choose a target, then confirm. Two clicks, and you always see the price first.</>`;
  const total = settled.reduce((sum, { bet }) => sum + (bet.payout ?? 0) - bet.amount, 0);
  const list = (shown) =>
    html`<ul class="bets">
      ${shown.map((own) => html`<li key=${own.bet.bet_id}><${Bet} game=${game} ...${own} /></li>`)}
    </ul>`;
  return html`<div class="stack stack--wide">
    ${
      running.length > 0 &&
      html`<div class="card">
        <div class="card__head">
          <h3>Running</h3>
          <span class="push mid sm phone-only">${money(stakeOf(running))} in play</span>
        </div>
        ${list(running)}
      </div>`
    }
    ${
      settled.length > 0 &&
      html`<div class="card">
        <div class="card__head">
          <h3>Settled</h3>
          <span class="push sm"><span class="tag tag--you">net ${net(total)}</span></span>
        </div>
        ${list(settled)}
      </div>`
    }
  </div>`;
}

function Bet({ game, bet, pool }) {
  const [receipt, setReceipt] = useState(null);
  const places = game.details.currency_decimals;
  const open = (event) => {
    if (!event.currentTarget.open || receipt !== null) return;
    session.client.call("get_bet_receipt", { bet_id: bet.bet_id }).then(setReceipt, setReceipt);
  };
  return html`<details class="bet" onToggle=${open}>
    <summary>
      <span class="bet__what"
        ><b>${targetName(bet.target, pool.distribution[bet.target])}</b>${" "}<span class="mid"
          >${pool.description}</span
        ><span class="bet__line">${line(bet, pool, places)}</span></span
      ><span class=${bet.status === "lost" ? "bet__sum mid" : "bet__sum"}>${sum(bet, places)}</span
      ><${Icon} name="down" small=${true} /><span class="vh">Receipt</span>
    </summary>
    ${receipt && html`<${Receipt} game=${game} receipt=${receipt} places=${places} />`}
  </details>`;
}

function line(bet, pool, places) {
  if (bet.status === "running") {
    const state = stateOf(pool, session.now());
    const lead = state === "paused" || state === "locked" ? `${state}, ` : "";
    return `${lead}returns ${money(returns(pool, bet.target, bet.amount, places), places)} as it stands`;
  }
  if (bet.status === "won")
    return `won: ${money(bet.amount, places)} at ${price(bet.payout / bet.amount)} paid ${money(bet.payout, places)}`;
  return {
    lost: "lost",
    refunded: "nobody had the winner",
    invalidated: "late: placed after it had happened",
    voided: "void",
  }[bet.status];
}

function sum(bet, places) {
  if (bet.status === "running") return money(bet.amount, places);
  if (bet.status === "won") return net(bet.payout - bet.amount, places);
  return bet.status === "lost" ? net(-bet.amount, places) : `${money(bet.amount, places)} back`;
}

/** The ledger clears a settlement through an account of its own: to a player, that is the pool. */
const account = (name) => (name === "clearing" ? "pool" : name);

function Receipt({ game, receipt, places }) {
  if (receipt instanceof Error) return html`<p class="rcpt">The receipt did not come: ${receipt.message}.</p>`;
  const event = receipt.event_id && game.details.past_events[receipt.event_id];
  const action = event && game.details.actions[event.action_id]?.name;
  const exact = (ms) => timeOfDay(ms, { withMillis: true });
  return html`<div class="rcpt">
    <dl>
      <dt>Placed</dt>
      <dd>${exact(receipt.placed_at)}</dd>
      ${
        event &&
        html`<dt>Happened</dt>
          <dd>${exact(event.happened_at)}, ${action}, ${event.target_display_name}</dd>`
      }
      ${
        receipt.settled_at &&
        html`<dt>Settled</dt>
          <dd>${exact(receipt.settled_at)}</dd>`
      }
      ${
        receipt.price &&
        html`<dt>Price</dt>
          <dd><b>${receipt.price.toFixed(4)}</b></dd>`
      }
      ${
        receipt.takeout !== undefined &&
        html`<dt>House kept</dt>
          <dd>${money(receipt.takeout, places)} of the pool</dd>`
      }
      <dt>Bet</dt>
      <dd><code>${receipt.bet_id}</code></dd>
    </dl>
    <table>
      <caption class="vh">
        Ledger movements
      </caption>
      <tbody>
        ${receipt.transfers.map(
          (move, index) =>
            html`<tr key=${index}>
              <td>${timeOfDay(move.made_at, { withMillis: true }).slice(0, 8)}</td>
              <td>${account(move.debited)} → ${account(move.credited)}</td>
              <td>${money(move.amount, places)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
