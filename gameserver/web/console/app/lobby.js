// The lobby: the game on the front, what else is on, what is next, and what is mine.
import { Pitch, Score } from "./board.js";
import {
  briefMoney,
  count,
  counted,
  countdown,
  day,
  matchTime,
  money,
  monogram,
  nameFromId,
  net,
  price,
  timeOfDay,
} from "./format.js";
import { html, useEffect, useMemo } from "./html.js";
import { Icon } from "./icons.js";
import { LobbyStore } from "./lobby_store.js";
import { MatchLine } from "./match_line.js";
import { lineOf, periodName, shown } from "./match_time.js";
import { to } from "./router.js";
import { session } from "./session.js";
import { TopBar } from "./shell.js";
import { JoinCard } from "./sign_in.js";
import { useStore } from "./store.js";
import { boardOf } from "./summary.js";
import { sidesByScore, targetName } from "./targets.js";
import { Empty, Loading, Plate, useNow, useTitle } from "./ui.js";

export function LobbyPage() {
  useStore(session);
  useTitle("Lobby");
  const isMember = session.user !== null;
  const lobby = useMemo(() => new LobbyStore(), [isMember]);
  useStore(lobby);
  useEffect(() => {
    lobby.start();
    return () => lobby.stop();
  }, [lobby]);
  const desk = html`<a class="btn btn--quiet desk-only" href=${to("desk")}>Desk</a>`;
  return html`<${TopBar} crumbs=${[{ label: "Lobby" }]} extra=${isMember && desk} />
    <main id="main" tabindex="-1" class=${isMember ? "lobby" : "lobby lobby--guest"}>
      <div class="lobby__main">
        <h1 class="vh">Lobby</h1>
        ${main(lobby)}
      </div>
      <aside class="lobby__rail" aria-label=${isMember ? "You and the sources" : "Join"}>
        ${isMember ? html`<${Wallet} mine=${lobby.mine} /><${RunningBets} bets=${lobby.mine?.bets ?? []} />` : html`<${JoinCard} />`}
        ${lobby.leaders.length > 0 && html`<${Leaders} leaders=${lobby.leaders} />`}
        ${lobby.sources?.length > 0 && html`<${Sources} sources=${lobby.sources} />`}
      </aside>
    </main>`;
}

function main(lobby) {
  if (lobby.sources === null) return lobby.error === null ? html`<${Loading} />` : html`<${NoAnswer} />`;
  const others = lobby.live.filter((game) => game.id !== lobby.front?.game.id);
  const { next } = lobby;
  return html` ${lobby.front ? html`<${Front} ...${lobby.front} bets=${lobby.mine?.bets ?? []} />` : html`<${NothingOn} next=${next[0]} />`}
  ${
    others.length > 0 &&
    html`<section class="sect" aria-labelledby="also-live">
      <div class="sect__head">
        <h2 id="also-live">Also live</h2>
        <span class="mid sm">${counted(others.length, "game")}</span>
      </div>
      <div class="tiles">${others.map((game) => html`<${Tile} key=${game.id} game=${game} />`)}</div>
    </section>`
  }
  ${next.length > 0 && html`<${Next} games=${next} />`}`;
}

function NoAnswer() {
  return html`<${Empty} kind="bad" title="No answer from the server">It may be restarting. This page tries again by itself.</>`;
}

function NothingOn({ next }) {
  const now = useNow(() => session.now());
  if (next === undefined) {
    const mayOpen = session.user?.is_provider;
    return html`<${Empty} title="No games yet" action=${mayOpen ? { label: "Open a source", href: to("desk") } : undefined}>
      ${mayOpen ? "Games are made in a source. Open one, then a game in it." : "As soon as a game is opened, it appears here by itself."}
    </>`;
  }
  const canBet = next.status === "pre_game_betting_active";
  return html`<${Empty} title="Nothing is on right now" action=${{ label: "Open it", href: to("game", next.id) }}>
    ${next.name} starts in ${countdown(next.live_start_at - now)}${canBet ? ", and you can bet on it already." : "."}
  </>`;
}

function Front({ game, details, hot, bets }) {
  const now = useNow(() => session.now());
  const mine = bets.filter((bet) => bet.game_id === game.id).length;
  const board = boardOf(details, now);
  const score = board.sides.length === 2 ? board.sides.map(({ name, points }) => `${name} ${points}`).join(", ") : game.name;
  const label = `Watch${session.user ? " and play" : ""}: ${score}${hot ? `. Hot: ${hot.description}` : ""}`;
  return html`<a class="board front" href=${to("game", game.id)} aria-label=${label}>
    <${Pitch} />
    <div class="board__meta">
      <span class="tag tag--live">Live</span
      ><span class="cut">${game.source_name}</span
      >${mine > 0 && html`<span class="tag tag--you">you ${counted(mine, "bet")}</span>`}<${Watching}
        number=${game.subscribers}
      />
    </div>
    <${Score} name=${game.name} sides=${board.sides} clock=${html`<${Clock} clock=${game.clock} now=${now} />`} />
    <${MatchLine} ...${board.line} />
    <div class="front__hot">
      ${
        hot
          ? html`<${HotLine} pool=${hot} now=${now} />`
          : html`<p class="front__q"><span>${counted(game.open_pools, "pool")} open</span></p>
              <span></span>`
      }
      <span class="btn btn--ink"
        >${session.user ? "Watch and play" : "Watch"}${" "}<${Icon} name="right" small=${true}
      /></span>
    </div>
  </a>`;
}

export function Clock({ clock, now }) {
  if (!clock) return null;
  return html`<p class="score__clock">
    <span class=${clock.is_running ? "dot dot--live" : "dot"}></span><span>${matchTime(shown(clock, now))}</span
    ><span class="score__period mid sm">${periodName(clock.period)}</span>
  </p>`;
}

function Watching({ number }) {
  return html`<span class="push row"
    ><${Icon} name="eye" small=${true} />${" "}${count(number)}<span class="desk-only"> watching</span></span
  >`;
}

function HotLine({ pool, now }) {
  const until = pool.stop_accepting_bets_at ?? pool.finish_at;
  const targets = Object.entries(pool.distribution).slice(0, 3);
  const side = (id, index) => (pool.type >= 3 ? String(3 + index) : id === "none" ? "none" : String(index + 1));
  return html`<p class="front__q">
      <span class="tag tag--hot"><${Icon} name="flame" />Hot</span
      ><b>${pool.description}</b
      >${until && html`<span class="timer timer--soon">locks in ${countdown(until - now)}</span>`}
    </p>
    <p class="front__prices">
      ${targets.map(([id, target], index) => html`<span key=${id} class="pricebox" data-side=${side(id, index)}><span class="cut">${targetName(id, target)}</span>${" "}<b>${price(target.to_win_if_backed)}</b></span>`)}
    </p>`;
}

function Tile({ game }) {
  const now = useNow(() => session.now());
  const sides = sidesByScore(game.name, game.score);
  const state = game.clock ? `${periodName(game.clock.period)} ${matchTime(shown(game.clock, now))}` : "Live";
  return html`<a class="card tile" href=${to("game", game.id)}>
    <div class="row row--ends">
      <span class="row sm mid"><span class="dot dot--live"></span>${state}</span
      ><span class="sm mid row"><${Icon} name="eye" small=${true} />${count(game.subscribers)}</span>
    </div>
    ${sides.length === 2 ? html`<div class="tile__sides">${sides.map((side) => html`<${Plate} key=${`p${side.id}`} side=${side.side} small=${true}>${side.symbol}</><span key=${`n${side.id}`} class="cut">${side.name}</span><b key=${`s${side.id}`}>${side.points}</b>`)}</div>` : html`<div class="stack stack--tight"><b class="lg">${game.name}</b></div>`}
    <p class="tile__foot">
      <span class="cut">${game.source_name}</span><span class="push">${counted(game.open_pools, "pool")}</span>
    </p>
  </a>`;
}

function Next({ games }) {
  const now = useNow(() => session.now());
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`<section class="sect" aria-labelledby="next">
    <div class="sect__head">
      <h2 id="next">Next</h2>
      <span class="push sm mid">your time, ${zone}</span>
    </div>
    <div class="card">${games.map((game) => html`<${Upcoming} key=${game.id} game=${game} now=${now} />`)}</div>
  </section>`;
}

function Upcoming({ game, now }) {
  const wait = game.live_start_at - now;
  return html`<a class="up" href=${to("game", game.id)}>
    <span class="up__at">${timeOfDay(game.live_start_at)}<small>${day(game.live_start_at, now)}</small></span>
    <span class="up__what"><b>${game.name}</b><span class="mid sm">${game.source_name}</span></span>
    <span class="up__tags"
      >${game.status === "pre_game_betting_active" && html`<span class="tag tag--ok">Bets open</span>`}</span
    >
    <span class=${wait > 86_400_000 ? "up__in mid" : "up__in"}
      >${wait > 0 ? `in ${countdown(wait)}` : "any moment"}</span
    >
  </a>`;
}

function Wallet({ mine }) {
  const balance = session.balances.get("DON");
  if (balance === undefined) return html`<${Loading} rows=${1} />`;
  const inPlay = balance.current - balance.available;
  const bets = mine?.bets.length ?? 0;
  return html`<section class="card wallet" aria-label="Your points">
    <div>
      <p class="sm mid">To stake</p>
      <p class="wallet__big">${briefMoney(balance.available)}${" "}<small>DON</small></p>
    </div>
    <div
      class="split"
      aria-hidden="true"
      style=${{ gridTemplateColumns: [balance.available, inPlay].filter((part) => part > 0).map((part) => `${part}fr`).join(" ") }}
    >
      <i></i>${inPlay > 0 && html`<i></i>`}
    </div>
    <div class="kv">
      <span>In play${bets > 0 && `, ${counted(bets, "bet")}`}</span
      ><b>${money(inPlay)}</b
      >${mine?.points != null && html`<span>Won and lost so far</span><b>${net(mine.points)}</b>`}
    </div>
    <a class="btn btn--block" href=${to("account")}>My account</a>
    ${!session.user.is_guest && html`<a class="btn btn--block phone-only" href=${to("desk")}>Desk</a>`}
  </section>`;
}

function RunningBets({ bets }) {
  if (bets.length === 0) return null;
  return html`<section class="sect" aria-labelledby="running">
    <div class="sect__head"><h2 id="running">Your running bets</h2></div>
    <ul class="card">
      ${bets.slice(0, 8).map(
        (bet) =>
          html`<li key=${bet.bet_id} class="lrow">
            <a class="cut" href=${to("game", bet.game_id, "bets")}
              ><b>${nameFromId(bet.target)}</b>${" "}<span class="mid sm">${bet.description}</span></a
            ><b class="push">${money(bet.amount)}</b>
          </li>`,
      )}
    </ul>
  </section>`;
}

function Leaders({ leaders }) {
  return html`<section class="sect" aria-labelledby="leading">
    <div class="sect__head"><h2 id="leading">Leading</h2></div>
    <ol class="card">
      ${leaders.map((entry) => html`<li key=${entry.user_id} class="lrow"><span class="rank">${entry.rank}</span><span class="cut">${entry.username}</span><b class="push">${net(entry.points)}</b></li>`)}
    </ol>
  </section>`;
}

function Sources({ sources }) {
  const summary = ({ live, next }) =>
    [live > 0 && `${live} live`, next > 0 && `${next} next`].filter(Boolean).join(", ") || "nothing on";
  return html`<section class="sect" aria-labelledby="sources">
    <div class="sect__head"><h2 id="sources">Sources</h2></div>
    <ul class="card">
      ${sources.map((source) => html`<li key=${source.id} class="src"><span class="src__mark" aria-hidden="true">${monogram(source.name)}</span><span class="b cut">${source.name}</span><span class="push sm nowrap row">${source.live > 0 && html`<span class="dot dot--live"></span>`}${summary(source)}</span></li>`)}
    </ul>
  </section>`;
}
