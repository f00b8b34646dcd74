// The player's game: board, pools, my bets, the match, and the people in it.
import { Pitch, Score } from "../board.js";
import { count, countdown, money } from "../format.js";
import { html, memo, useCallback, useEffect, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { Clock } from "../lobby.js";
import { MatchLine } from "../match_line.js";
import { preferences } from "../preferences.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { TopBar } from "../shell.js";
import { JoinCard } from "../sign_in.js";
import { useStore } from "../store.js";
import { boardOf } from "../summary.js";
import { Empty, Loading, useNow, useTitle } from "../ui.js";
import { Bets, betsOf, runningOf, stakeOf } from "./bets.js";
import { Deck, endOf, shownPools } from "./deck.js";
import { KeySheet, useKeys } from "./keys.js";
import { ChatPane, Leaderboard } from "./people.js";
import { Slip } from "./slip_store.js";
import { GameStore } from "./store.js";
import { Timeline } from "./timeline.js";

const TABS = [
  ["pools", "Pools"],
  ["bets", "My bets"],
  ["match", "Match"],
  ["table", "Table"],
  ["chat", "Chat"],
];

export function GamePage({ parts: [id, tab = "pools"] }) {
  useStore(session);
  if (session.user === null) return html`<${ComeIn} />`;
  return html`<${Game} key=${session.user.id} id=${id} tab=${TABS.some(([name]) => name === tab) ? tab : "pools"} />`;
}

/** Whoever followed an invitation: one tap, and the game is there. */
function ComeIn() {
  useTitle("You are invited");
  return html`<${TopBar} crumbs=${[{ label: "Come in" }]} />
    <main id="main" tabindex="-1" class="comein"><${JoinCard} title="You are invited" level=${1}>Take a name or leave it, and you are in the game, with points to bet.</></main>`;
}

function Game({ id, tab }) {
  const game = useMemo(() => new GameStore(id), [id]);
  const slip = useMemo(() => new Slip(game), [game]);
  const [showsKeys, setShowsKeys] = useState(false);
  const showHelp = useCallback(() => setShowsKeys(true), []);
  useStore(game);
  useStore(preferences);
  useEffect(() => {
    game.start();
    return () => game.stop();
  }, [game]);
  useEffect(() => {
    document.body.classList.add("has-tabbar");
    return () => document.body.classList.remove("has-tabbar");
  }, []);
  useTitle(game.details ? titleOf(game.details) : "Game");
  useKeys(game, slip, { showHelp, tab });
  const crumbs = [{ label: game.details?.source_name ?? "Lobby", href: to() }, { label: game.details?.name ?? "Game" }];
  const content =
    game.state === "gone"
      ? html`<${Gone} refusal=${game.refusal} />`
      : game.state === "loading"
        ? html`<div class="game__wait"><${Loading} /></div>`
        : html`<${Content} game=${game} slip=${slip} tab=${tab} showHelp=${showHelp} />`;
  return html`<${TopBar}
      crumbs=${crumbs}
      back=${{ label: "Lobby", href: to() }}
      extra=${game.roles.length > 0 && html`<a class="btn btn--quiet desk-only" href=${to("desk", id)}>Desk</a>`}
      currency=${game.details?.currency}
      places=${game.details?.currency_decimals}
    />
    <main id="main" tabindex="-1" class="game" data-tab=${tab} data-lost=${session.isLive ? undefined : "yes"}>
      <h1 class="vh">${game.details?.name ?? "Game"}</h1>
      ${content}
    </main>
    ${game.state === "ready" && html`<${TabBar} game=${game} tab=${tab} />`}
    ${showsKeys && html`<${KeySheet} close=${() => setShowsKeys(false)} />`}`;
}

/** "Argentina – France 3–2" */
function titleOf({ name, score }) {
  return score && Object.keys(score).length === 2 ? `${name} ${Object.values(score).join("–")}` : name;
}

function Gone({ refusal }) {
  const lobby = { label: "To the lobby", href: to() };
  const code = refusal?.code;
  if (code === "not_found" || code === "invalid_parameter")
    return html`<${Empty} kind="bad" title="This game is not here" action=${lobby}>The address is mistyped, or the server keeps it no longer.</>`;
  if (code === "internal")
    return html`<${Empty} kind="bad" title="That did not work, and it is our fault" code=${refusal.message} action=${lobby}>Nothing was changed. If you report it, send this along.</>`;
  return html`<${Empty} kind="bad" title="The game did not come" action=${{ label: "Try again", run: () => location.reload() }}>${refusal?.message ?? "The server did not answer in time"}.</>`;
}

function Content({ game, slip, tab, showHelp }) {
  const now = useNow(() => session.now());
  const pools = shownPools(game, now);
  const bets = betsOf(game);
  const running = runningOf(bets);
  const counts = {
    id: game.id,
    open: pools.filter((pool) => pool.status === "open").length,
    running: running.length,
    inPlay: money(stakeOf(running), game.details.currency_decimals),
    showHelp,
  };
  return html`<${Board} details=${game.details} readings=${game.readings} />
    <div class="game__grid">
      <aside id="match" class="pane" aria-label="Match">
        <div class="panehead">
          <h2>Match</h2>
          <span class="dim sm push desk-only">Newest first</span><${SoundButton} />
        </div>
        <${Timeline} game=${game} details=${game.details} readings=${game.readings} />
      </aside>
      <div>
        <section id="pools" class="pane" aria-labelledby="pools-title">
          <h2 id="pools-title" class="vh">Pools</h2>
          <${Head} isBets=${false} ...${counts} /><${Deck} game=${game} slip=${slip} pools=${pools} now=${now} />
        </section>
        <section id="bets" class="pane" aria-labelledby="bets-title">
          <h2 id="bets-title" class="vh">My bets</h2>
          <${Head} isBets=${true} ...${counts} />${tab === "bets" && html`<${Bets} game=${game} bets=${bets} />`}
        </section>
      </div>
      <div class="side">
        <section id="table" class="pane" aria-label="Leaderboard and friends">
          <${Leaderboard}
            game=${game}
            entries=${game.table.entries}
            moves=${game.table.moves}
            friends=${game.friends.all}
            bets=${game.friends.bets}
            isOver=${game.details.closed_at !== null}
          />
        </section>
        <section id="chat" class="pane" aria-label="Chat">
          ${game.details.chat !== "off" && html`<${ChatPane} game=${game} lines=${game.chat.lines} subscribers=${game.details.subscribers} isOpen=${tab === "chat"} isOver=${game.details.closed_at !== null} />`}
        </section>
      </div>
    </div>`;
}

function SoundButton() {
  const isOn = preferences.get("sounds");
  return html`<button
    type="button"
    class="btn btn--quiet push phone-only"
    aria-pressed=${String(isOn)}
    onClick=${() => preferences.set("sounds", !isOn)}
  >
    <${Icon} name=${isOn ? "sound" : "mute"} />Sounds ${isOn ? "on" : "off"}
  </button>`;
}

const Board = memo(({ details, readings }) => {
  const now = useNow(() => session.now());
  const { sides, line } = boardOf(details, now, readings);
  return html`<section class="board" aria-label="Score">
    <${Pitch} />
    <div class="board__meta">
      <span class="cut">${details.hashtag}</span
      >${details.held_at !== null && html`<span class="tag tag--warn">Betting is held</span>`}${!details.closed_at && html`<span class="push row"><${Icon} name="eye" small=${true} />${" "}${count(details.subscribers ?? 1)} watching</span>`}
    </div>
    <${Score}
      name=${details.name}
      sides=${sides}
      clock=${details.closed_at ? html`<p class="score__clock">${endOf(details)}</p>` : html`<${details.clock ? Clock : Start} clock=${details.clock} at=${details.live_start_at} now=${now} />`}
    />
    <${MatchLine} ...${line} />
  </section>`;
});

/** What stands in the clock's place until the match begins. */
function Start({ at, now }) {
  return at > now && html`<p class="score__clock">starts in ${countdown(at - now)}</p>`;
}

const Head = memo(({ id, isBets, open, running, inPlay, showHelp }) => {
  const here = (isHere) => (isHere ? "page" : undefined);
  return html`<div class="panehead desk-only">
    <nav class="seg" aria-label="Pools and bets">
      <a href=${to("game", id)} aria-current=${here(!isBets)}>Pools <span class="count">${open}</span></a>
      <a href=${to("game", id, "bets")} aria-current=${here(isBets)}
        >My bets <span class="count">${running}</span></a
      >
    </nav>
    <span class="push mid sm"
      >In play <b class="num ink">${inPlay}</b></span
    >
    <button type="button" class="btn btn--quiet btn--dense" aria-label="Keyboard shortcuts" onClick=${showHelp}>
      <kbd>?</kbd>
    </button>
  </div>`;
});

function TabBar({ game, tab }) {
  const numbers = { bets: runningOf(betsOf(game)).length, chat: game.chat.unread };
  return html`<nav class="tabbar" aria-label="Game">
    ${TABS.map(
      ([name, label]) =>
        html`<a
          key=${name}
          href=${name === "pools" ? to("game", game.id) : to("game", game.id, name)}
          aria-current=${name === tab ? "page" : undefined}
          ><${Icon}
            name=${name}
          />${label}${numbers[name] > 0 && html`<span class="tabbar__n">${count(numbers[name])}</span>`}</a
        >`,
    )}
  </nav>`;
}
