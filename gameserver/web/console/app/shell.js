// What surrounds every page: the top bar, banners about the connection, toasts, and the voice for screen readers.
import { briefMoney, count, counted, initials } from "./format.js";
import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icons.js";
import { notices } from "./notices.js";
import { preferences } from "./preferences.js";
import { to } from "./router.js";
import { session } from "./session.js";
import { useStore } from "./store.js";
import { Action, useNow } from "./ui.js";

const BANNER_AFTER_MS = 1_000;

/**
 * `crumbs` are { label, href }, the last of which is here; `back` is where a phone's arrow leads, else the one before; `currency` and its
 * decimal `places` are those of the balance shown; null
 * shows none.
 */
export function TopBar({ crumbs, back = crumbs.at(-2), extra, currency = "DON", places = 2 }) {
  useStore(session);
  useStore(preferences);
  return html`<header class="topbar">
    ${back && html`<a class="btn btn--quiet btn--back phone-only" href=${back.href}><${Icon} name="back" />${back.label}</a>`}
    <${Brand} className=${back ? "desk-only" : ""} />
    <nav class=${back ? "crumbs desk-only" : "crumbs"} aria-label="Where you are">
      ${crumbs.map((crumb, index) => html`<${Crumb} key=${crumb.label} ...${crumb} isHere=${index === crumbs.length - 1} />`)}
    </nav>
    <div class="topbar__end">
      ${session.user && html`<${ConnectionChip} state=${session.client.connection.state} />`}
      ${extra}
      ${session.user ? html`<${Mine} currency=${currency} places=${places} />` : session.state === "nobody" && html`<a class="btn" href=${to("sign-in")}>Sign in</a>`}
    </div>
  </header>
  <${Banner} />`;
}

export function Brand({ className = "" }) {
  return html`<a class=${`brand ${className}`} href=${to()}>
    <span class="brand__mark" aria-hidden="true"><i></i><i></i><i></i></span><span class="desk-only">gameserver</span><span class="vh">to the lobby</span>
  </a>`;
}

function Crumb({ label, href, isHere }) {
  return html`<span class="crumbs__sep desk-only" aria-hidden="true">/</span>
    ${isHere ? html`<span aria-current="page" class="cut">${label}</span>` : html`<a href=${href} class="desk-only cut">${label}</a>`}`;
}

function ConnectionChip({ state }) {
  const isLive = state === "live";
  const label = isLive ? "Live" : state === "ended" ? "Signed out" : "Reconnecting";
  return html`<span class="chip" role="status">
    <span class=${isLive ? "dot dot--ok" : state === "ended" ? "dot" : "dot dot--warn"}></span><span class="desk-only">${label}</span><span class="vh phone-only">${label}</span>
  </span>`;
}

function Mine({ currency, places }) {
  const sounds = preferences.get("sounds");
  const { username } = session.user;
  const balance = session.balances.get(currency); // none of null
  return html`<button type="button" class="btn btn--quiet btn--icon desk-only" aria-pressed=${String(sounds)} aria-label="Sounds" title=${sounds ? "Sounds on" : "Sounds off"} onClick=${() => preferences.set("sounds", !sounds)}><${Icon} name=${sounds ? "sound" : "mute"} /></button>
    ${balance && html`<a class="purse" href=${to("account")}><span class="vh">To stake: </span><span>${briefMoney(balance.available, places)}</span> <small>${currency}</small></a>`}
    <a class="who" href=${to("account")}><span aria-hidden="true">${initials(username)}</span><span class="vh">Your account, ${username}</span></a>`;
}

/** About the connection and the session only. */
function Banner() {
  useStore(session);
  const { state, reason } = session.client.connection;
  const [since, setSince] = useState(null);
  const isLost = session.user !== null && (state === "waiting" || state === "connecting") && session.wasLive;
  useEffect(() => setSince(isLost ? Date.now() : null), [isLost]);
  const now = useNow(Date.now);
  if (session.user !== null && state === "ended" && reason === "signed_out") return html`<${SignedOut} />`;
  if (session.caughtUp) return html`<${CaughtUp} ...${session.caughtUp} />`;
  if (!isLost || since === null || now - since < BANNER_AFTER_MS) return null;
  return html`<${Lost} now=${now} />`;
}

const WHY = {
  unreachable: ["Connection lost.", ""],
  restarting: ["The server is restarting.", ""],
  full: ["The server is full.", "It takes no more connections for the moment."],
  slow: ["Your line could not keep up.", "The server closed the connection; you get everything you missed."],
  flood: ["Too many requests.", "The server asks for a pause."],
};

function Lost({ now }) {
  const { state, reason, retryAt } = session.client.connection;
  const [lead, why] = WHY[reason] ?? WHY.unreachable;
  const next = state === "connecting" || retryAt === null ? "Trying again now." : `Trying again in ${Math.max(1, Math.ceil((retryAt - now) / 1_000))} s.`;
  return html`<div class="banner" role="alert">
    <span class="dot dot--warn"></span>
    <span><b>${lead}</b> ${why} <span aria-hidden="true">${next} </span>You can look, not bet; bets already placed are safe.</span>
    <button type="button" class="btn btn--dense push" onClick=${() => session.client.check()}>Try now</button>
  </div>`;
}

function CaughtUp({ things, seconds, isReloaded }) {
  const text = isReloaded
    ? "Too much has happened since to tell one by one; everything has been read anew."
    : `${things === 0 ? "Nothing" : counted(things, "thing")} happened in the ${count(seconds)} s you were away.`;
  return html`<div class="banner banner--ok" role="status">
    <${Icon} name="check" small=${true} /><span><b>${isReloaded ? "Reloaded." : "Caught up."}</b> ${text}</span>
  </div>`;
}

function SignedOut() {
  return html`<div class="banner banner--bad" role="alert">
    <${Icon} name="key" small=${true} /><span><b>You were signed out.</b> Your session has ended.</span>
    <a class="btn btn--dense push" href=${to("sign-in")} onClick=${() => session.forget()}>Sign in</a>
  </div>`;
}

export function Toast() {
  useStore(notices);
  const { toast } = notices;
  return html`<div class="toastplace">
    ${toast && html`<div class="toast" role=${toast.isAlert ? "alert" : "status"}>
      ${toast.icon && html`<${Icon} name=${toast.icon} />`}
      <span>${toast.lead && html`<b>${toast.lead}</b>`} ${toast.text}</span>
      ${toast.action && html`<${Action} className="btn btn--dense push" ...${toast.action} />`}
    </div>`}
  </div>
  <div class="vh" role="log" aria-live="polite" aria-label="What has happened">${notices.spoken}</div>`;
}

/** To the page's content, for who uses the keyboard. The address keeps naming the page. */
export function Skip() {
  const jump = (event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return html`<a class="skip" href="#main" onClick=${jump}>Skip to content</a>`;
}
