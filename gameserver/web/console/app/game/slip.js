// The second click: stakes, what they would return, and the button that spends them.
import { floorTo, money, price, stake } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { preferences } from "../preferences.js";
import { session } from "../session.js";
import { useStore } from "../store.js";
import { FieldError, moveInRadioGroup, Spinner } from "../ui.js";

export function SlipForm({ slip, places, currency }) {
  useStore(slip);
  useStore(session);
  if (slip.poolId === null || slip.pool === undefined) return null;
  const confirm = (event) => {
    event.preventDefault();
    slip.confirm();
  };
  return html`<form class="slip slip--dock" aria-label=${`Your bet on ${slip.name}`} onSubmit=${confirm}>
    <div class="slip__head phone-only">
      <p class="cut"><b>${slip.name}</b>${" "}<span class="mid sm">${slip.pool.description}</span></p>
      <button type="button" class="btn btn--quiet btn--icon" aria-label="Close the slip" onClick=${() => slip.close()}>
        <${Icon} name="close" />
      </button>
    </div>
    <${Stakes} slip=${slip} currency=${currency} />
    ${slip.fault ? html`<${FieldError}>${slip.fault}</>` : html`<${Quote} slip=${slip} places=${places} />`}
    ${slip.error && html`<${FieldError}>${slip.error}</>`}
    <${Confirm} slip=${slip} />
  </form>`;
}

function Stakes({ slip, currency }) {
  const stakes = preferences.get("stakes");
  const isOther = !stakes.some((amount) => String(amount) === slip.text);
  const isBusy = slip.phase !== "chosen";
  return html`<div class="stakes" role="radiogroup" aria-label=${`Stake in ${currency}`} onKeyDown=${moveInRadioGroup}>
    ${stakes.map((amount) => {
      const isChosen = String(amount) === slip.text;
      return html`<button
        key=${amount}
        type="button"
        class="stake"
        role="radio"
        aria-checked=${String(isChosen)}
        disabled=${isBusy}
        onClick=${() => slip.setStake(String(amount))}
      >
        ${stake(amount)}
      </button>`;
    })}
    <input
      class="input"
      inputmode="decimal"
      placeholder="Other"
      aria-label="Another stake"
      maxlength="16"
      autocomplete="off"
      disabled=${isBusy}
      value=${isOther ? slip.text : ""}
      aria-invalid=${isOther && slip.text && slip.fault ? "true" : undefined}
      onInput=${(event) => slip.setStake(event.target.value)}
    />
  </div>`;
}

function Quote({ slip, places }) {
  const { amount, movedFrom } = slip;
  const before = slip.pool.distribution[slip.target].to_win_if_backed;
  return html`<div class=${movedFrom === null ? "quote" : "quote quote--moved"} aria-live="polite">
    <p class="quote__main">
      <span>${stake(amount)} on ${slip.name} returns</span><b>${money(floorTo(amount * slip.price, places), places)}</b>
    </p>
    <p class="quote__sub">${quoteNote(slip, before, movedFrom, amount, places)}</p>
  </div>`;
}

function quoteNote(slip, before, movedFrom, amount, places) {
  if (slip.phase !== "chosen") return "Sent once, however often you press.";
  if (movedFrom !== null) {
    const was = money(floorTo(amount * movedFrom, places), places);
    const change = `More came in on ${slip.name}: ${price(movedFrom)} → `;
    return html`Was ${was}. ${change}<b>${price(slip.price)}</b>.`;
  }
  return html`Price with your ${stake(amount)} in it: ${price(before)} → <b>${price(slip.price)}</b>. It moves until the
    pool locks.`;
}

function Confirm({ slip }) {
  const what = slip.amount === null ? "Bet" : `Bet ${stake(slip.amount)} on ${slip.name}`;
  if (!session.isLive) return html`<button class="btn btn--big btn--block" disabled>Not while out of touch</button>`;
  if (slip.phase === "sending")
    return html`<button class="btn btn--big btn--block" disabled>
      <${Spinner} />Placing ${stake(slip.amount)} on ${slip.name}
    </button>`;
  if (slip.phase === "unsure") return html`<button class="btn btn--you btn--big btn--block">Ask again</button>`;
  if (slip.fault !== null) return html`<button class="btn btn--big btn--block" disabled>${what}</button>`;
  const label = slip.movedFrom === null ? what : `Bet ${stake(slip.amount)} at ${price(slip.price)}`;
  return html`<button class="btn btn--you btn--big btn--block">
    <span class="cut">${label}</span>${" "}<kbd class="desk-only" aria-hidden="true">↵</kbd>
  </button>`;
}
