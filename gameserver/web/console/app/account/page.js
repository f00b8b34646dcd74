// My account: what I have and how it came to it, friends, sessions, and what this device remembers.
import { brief, briefMoney, count, counted, day, initials, money, net } from "../format.js";
import { html, useState } from "../html.js";
import { preferences } from "../preferences.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { TopBar } from "../shell.js";
import { StepChart } from "../step_chart.js";
import { useLoaded, useStore } from "../store.js";
import { Empty, Loading, Segments, useTitle } from "../ui.js";
import { Friends } from "./friends.js";
import { KeepIt, Security } from "./security.js";

const CURRENCY = "DON";
const PERIODS = [[7, "7 days"], [30, "30 days"], [365, "Year"]];
const HISTORY_SHOWN = 20;
const LONG = 10_000; // for the axis of a chart

export function AccountPage() {
  useStore(session);
  useTitle("My account");
  return html`<${TopBar} crumbs=${[{ label: "Lobby", href: to() }, { label: "My account" }]} />
    ${session.user === null ? html`<main id="main" tabindex="-1" class="kit"><${Empty} level=${1} title="Nobody is signed in" action=${{ label: "Sign in", href: to("sign-in") }}>Your account is here once you are.</></main>` : html`<${Account} key=${session.user.id} user=${session.user} />`}`;
}

function Account({ user }) {
  return html`<main id="main" tabindex="-1" class="acct">
    <div class="acct__top"><span class="who" aria-hidden="true">${initials(user.username)}</span><div class="cut"><h1 class="cut">${user.username}</h1><p class="mid">${user.is_guest ? "guest, " : ""}here since ${day(user.created_at, session.now())}</p></div>
      ${user.is_admin && html`<a class="btn push" href=${to("admin")}>Administration</a>`}<button type="button" class=${user.is_admin ? "btn" : "btn push"} onClick=${() => session.signOut()}>Sign out</button></div>
    <${Statistics} />
    <div class="acct__grid">
      <div><${Points} /><${History} /></div>
      <aside aria-label="Friends and settings"><${KeepIt} user=${user} /><${Friends} /><${Device} /><${Security} user=${user} /></aside>
    </div>
  </main>`;
}

function Statistics() {
  const balance = session.balances.get(CURRENCY);
  const { value, error } = useLoaded(() => session.client.call("get_user_statistics", { currency: CURRENCY }), [balance?.current]);
  if (value === undefined && !error) return html`<${Loading} rows=${1} />`;
  return html`<dl class="stats">
    <div><dt>To stake</dt><dd>${money(balance?.available ?? 0)} <small>${CURRENCY}</small></dd></div>
    <div><dt>In play</dt><dd>${briefMoney((balance?.current ?? 0) - (balance?.available ?? 0))}</dd></div>
    <div><dt>Won and lost</dt><dd>${net(value?.net ?? 0)}</dd></div>
    <div><dt>Bets won</dt><dd>${count(value?.won ?? 0)} <small>of ${count(value?.bets ?? 0)}</small></dd></div>
    <div><dt>Best win</dt><dd>${briefMoney(value?.best_win ?? 0)}</dd></div>
  </dl>`;
}

function Points() {
  const [days, setDays] = useState(30);
  const current = session.balances.get(CURRENCY)?.current;
  const { value, error } = useLoaded(() => session.client.call("get_my_points_history", { days, currency: CURRENCY }), [days, current]);
  return html`<section class="card" aria-labelledby="points-title">
    <div class="card__head"><h2 id="points-title">Points</h2><span class="push"><${Segments} label="Period" value=${days} choose=${setDays} options=${PERIODS} /></span></div>
    <div class="card__body">${value ? html`<${Curve} points=${value.points} />` : error ? html`<p class="mid">${error.message}</p>` : html`<${Loading} rows=${2} />`}</div>
  </section>`;
}

function Curve({ points }) {
  const now = session.now();
  const time = (at) => day(at, now);
  const shown = points.map(({ at, points: value }) => ({ at, value }));
  if (shown.length === 0) return html`<p class="mid">Nothing was settled in this time.</p>`;
  const values = shown.map(({ value }) => value);
  const title = `Points: ${net(values[0])} at first, between ${net(Math.min(...values))} and ${net(Math.max(...values))}, ${net(values.at(-1))} now`;
  return html`<${StepChart} points=${shown} until=${now} base=${0} label=${(value) => (Math.abs(value) < LONG ? money(value, Number.isInteger(value) ? 0 : 2) : brief(value))} time=${time} title=${title} />`;
}

function History() {
  const { value, error } = useLoaded(() => session.client.call("get_my_history", { limit: HISTORY_SHOWN }), []);
  const games = value?.games ?? [];
  return html`<section class="card" aria-labelledby="history-title">
    <div class="card__head"><h2 id="history-title">History</h2>${games.length > 0 && html`<span class="push mid sm">${value.next ? `the latest ${games.length}` : counted(games.length, "game")}</span>`}</div>
    ${value === undefined && !error && html`<${Loading} />`}
    ${value && games.length === 0 && html`<${Empty} title="No games yet" level=${3} isCard=${false} action=${{ label: "To the lobby", href: to() }}>Each game you bet in is here.</>`}
    ${games.length > 0 && html`<table class="hist" aria-labelledby="history-title"><thead><tr><th scope="col">Game</th><th scope="col" class="opt-col">When</th><th scope="col" class="r opt-col">Bets</th><th scope="col" class="r opt-col">Staked</th><th scope="col" class="r opt-col">Rank</th><th scope="col" class="r">Net</th></tr></thead><tbody>${games.map((game) => html`<${Played} key=${game.game_id} game=${game} />`)}</tbody></table>`}
  </section>`;
}

function Played({ game }) {
  const when = game.closed_at === null ? "running" : day(game.closed_at, session.now());
  return html`<tr><td><a class="b" href=${to("game", game.game_id, "bets")}>${game.game_name}</a></td><td class="mid sm opt-col">${when}</td><td class="r mid opt-col">${count(game.bets)}</td><td class="r mid opt-col">${money(game.staked)}</td><td class="r mid opt-col">${game.rank === null ? "–" : `${count(game.rank)} of ${count(game.ranked)}`}</td><td class=${game.net > 0 ? "r b" : "r mid"}>${net(game.net)}</td></tr>`;
}

const LOOKS = [["system", "System"], ["light", "Light"], ["dark", "Dark"]];

function Device() {
  useStore(preferences);
  const toggle = (name) => html`<span class="switch"><input type="checkbox" role="switch" aria-labelledby=${`pref-${name}`} checked=${preferences.get(name)} onChange=${() => preferences.set(name, !preferences.get(name))} /></span>`;
  return html`<section class="stack" aria-labelledby="device-title"><h2 id="device-title">This device</h2><div class="card">
    <div class="pref"><span>Look</span><${Segments} label="Look" value=${preferences.get("look")} choose=${(look) => preferences.set("look", look)} options=${LOOKS} /></div>
    <div class="pref"><span id="pref-sounds">Sounds<span class="mid sm block">goal, hot pool, settled</span></span>${toggle("sounds")}</div>
    <div class="pref"><span id="pref-keys">Single keys<span class="mid sm block">letters on a keyboard</span></span>${toggle("keys")}</div>
    <div class="pref"><span>Stake chips</span><span class="num b">${preferences.get("stakes").join(", ")}</span></div>
  </div></section>`;
}
