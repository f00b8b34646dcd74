// The operator's way in: sources and the games in them, and a first game for who has none.
import { day, timeOfDay } from "../format.js";
import { html, useState } from "../html.js";
import { Icon } from "../icons.js";
import { notices } from "../notices.js";
import { router, to } from "../router.js";
import { session } from "../session.js";
import { TopBar } from "../shell.js";
import { useLoaded } from "../store.js";
import { Empty, Field, Loading, Spinner, useTitle } from "../ui.js";
import { attempt, Refusal, useAct } from "../act.js";
import { makeDemoGame } from "./demo_game.js";
import { SourceSheet } from "./source_sheet.js";

/** All pages of a list. */
async function readAll(name, parameters, field) {
  const found = [];
  let after;
  do {
    const page = await session.client.call(name, { ...parameters, ...(after && { after }) });
    found.push(...(Array.isArray(page[field]) ? page[field] : Object.entries(page[field]).map(([id, game]) => ({ id, ...game }))));
    after = page.next;
  } while (after);
  return found;
}

async function readMine() {
  const [sources, games] = await Promise.all([readAll("list_game_sources_i_am_admin_of", {}, "sources"), readAll("list_games_i_am_admin_of", {}, "games")]);
  const lists = await Promise.all(
    sources.map(async ({ id }) => {
      const [games, upcoming] = await Promise.all([readAll("list_games_for_source", { source_id: id, status: "all" }, "games"), readAll("list_upcoming_games_for_source", { source_id: id }, "games")]);
      const unopened = new Set(upcoming.map((game) => game.id));
      return games.map((game) => (unopened.has(game.id) ? { ...game, status: "upcoming" } : game));
    }),
  );
  const listed = new Set(lists.flat().map(({ id }) => id));
  return { sources: sources.map((source, index) => ({ ...source, games: lists[index] })), others: games.filter(({ id }) => !listed.has(id)) };
}

export function DeskHome() {
  useTitle("Desk");
  const mine = useLoaded(readMine, []);
  const [source, setSource] = useState(null);
  return html`<${TopBar} crumbs=${[{ label: "Lobby", href: to() }, { label: "Desk" }]} currency=${null} extra=${session.user.is_admin && html`<a class="btn btn--quiet" href=${to("admin")}>Administration</a>`} />
    <main id="main" tabindex="-1" class="kit deskhome"><h1>Desk</h1>
      ${mine.value === undefined ? html`${mine.error ? html`<${Refusal} refusal=${mine.error} />` : html`<${Loading} />`}` : html`<${Mine} ...${mine.value} reload=${mine.reload} edit=${setSource} />`}
    </main>
    ${source && html`<${SourceSheet} source=${source} close=${() => { setSource(null); mine.reload(); }} />`}`;
}

function Mine({ sources, others, reload, edit }) {
  const hasGames = others.length > 0 || sources.some(({ games }) => games.length > 0);
  const mayOpen = session.user.is_provider;
  if (sources.length === 0 && !mayOpen && others.length === 0) return html`<${Empty} title="You run nothing yet">Whoever runs a source or a game can appoint you, by your name ${session.user.username}.</>`;
  return html`
    ${!hasGames && mayOpen && html`<${First} sources=${sources} />`}
    ${sources.map((source) => html`<${Source} key=${source.id} source=${source} reload=${reload} edit=${edit} />`)}
    ${others.length > 0 && html`<section class="stack"><h2>Games I run</h2><ul class="card">${others.map((game) => html`<${Game} key=${game.id} game=${game} reload=${reload} />`)}</ul></section>`}
    ${mayOpen && html`<${NewSource} reload=${reload} />`}`;
}

/** What to do next, for who has just started the server. */
function First({ sources }) {
  const act = useAct();
  const make = () => act.send(async () => router.go(to("desk", await makeDemoGame(sources))));
  return html`<section class="card first"><h2>Start here</h2>
    <ol class="first__steps"><li><b>Make a game.</b> A ready one has two squads and the usual pools.</li><li><b>Let players in.</b> On its desk, “Invite” shows a code for their phones.</li><li><b>Register what happens.</b> Tap the action, then the player: pools settle by themselves.</li></ol>
    <button type="button" class="btn btn--ink btn--big" disabled=${act.isSending} onClick=${make}>${act.isSending && html`<${Spinner} />`}Make a demo game</button>
    <${Refusal} refusal=${act.refusal} />
  </section>`;
}

function Source({ source, reload, edit }) {
  return html`<section class="stack" aria-labelledby=${`source-${source.id}`}>
    <div class="row row--wrap"><h2 id=${`source-${source.id}`}>${source.name}</h2><span class="push row"><button type="button" class="btn" onClick=${() => edit(source)}>Source</button><a class="btn btn--ink" href=${to("new-game", source.id)}><${Icon} name="plus" small=${true} />New game</a></span></div>
    ${source.games.length === 0 ? html`<${Empty} title="No games in it yet" level=${3}>${source.description}</>` : html`<ul class="card">${source.games.map((game) => html`<${Game} key=${game.id} game=${game} reload=${reload} />`)}</ul>`}
  </section>`;
}

const STATES = {
  upcoming: ["tag", "upcoming"],
  betting_not_yet_active: ["tag", "opens later"],
  pre_game_betting_active: ["tag tag--ok", "bets open"],
  game_in_progress_betting_active: ["tag tag--live", "live"],
  game_in_progress_betting_closed: ["tag tag--warn", "closing"],
};

function Game({ game, reload }) {
  const [tag, word] = STATES[game.status] ?? ["tag tag--line", game.cancelled_at ? "called off" : "closed"];
  const now = session.now();
  const open = () =>
    attempt(async () => {
      await session.client.call("open_game", { game_id: game.id });
      notices.show({ icon: "check", lead: game.name, text: "is open." });
      reload();
    });
  return html`<li class="lrow"><a class="cut b" href=${to("desk", game.id)}>${game.name}</a><span class=${tag}>${word}</span>
    <span class="push sm mid nowrap desk-only">${game.live_start_at && `${day(game.live_start_at, now)}, ${timeOfDay(game.live_start_at)}`}</span>
    ${game.status === "upcoming" && html`<button type="button" class="btn btn--dense" onClick=${open}>Open now</button>`}
  </li>`;
}

function NewSource({ reload }) {
  const [name, setName] = useState("");
  const act = useAct();
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      await session.client.call("open_game_source", { source_name: name.trim() });
      setName("");
      reload();
    });
  };
  return html`<form class="card newsource" onSubmit=${send}><${Field} id="source-name" label="New source" hint="a league, a venue, whoever makes games" maxlength="128" value=${name} onInput=${(event) => setName(event.target.value)} /><button type="submit" class="btn" disabled=${act.isSending || name.trim() === ""}>Open the source</button><${Refusal} refusal=${act.refusal} /></form>`;
}
