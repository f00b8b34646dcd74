// What concerns all of a game: its times, what counts, who runs it, the overlay for a stream, and its end.
import { Icon } from "../icons.js";
import { html, useMemo, useState } from "../html.js";
import { notices } from "../notices.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { Field, Segments, Sheet, Spinner } from "../ui.js";
import { Refusal, useAct } from "../act.js";
import { localTime, momentOfField } from "./durations.js";

const field = (ms) => (ms === null || ms === undefined ? "" : localTime(ms));

export function SettingsSheet({ game, close, open }) {
  const { details } = game;
  const isClosed = details.closed_at !== null;
  return html`<${Sheet} title=${details.name} sub=${`${details.source_name}, ${details.type}, ${details.currency}`} close=${close}>
    <div class="opt"><button type="button" class="btn" onClick=${open.invite}>Invite players</button><button type="button" class="btn" onClick=${open.clock} disabled=${isClosed}>Match clock</button><a class="btn" href=${to("game", game.id)}>As players see it</a></div>
    ${!isClosed && html`<${Times} game=${game} close=${close} />`}
    <${Overlay} game=${game} />
    ${!isClosed && html`<${Admins} game=${game} />`}
    <div class="opt">${isClosed ? details.cancelled_at === null && html`<button type="button" class="btn" onClick=${open.reopen}>Open the game again</button>` : html`<button type="button" class="btn btn--danger" onClick=${open.close}>Close the game</button>`}${details.cancelled_at === null && html`<button type="button" class="btn btn--danger" onClick=${open.cancel}>Call the game off</button>`}</div>
  </>`;
}

/** Name, times and what counts; a later start is a postponement. */
function Times({ game, close }) {
  const { details } = game;
  const known = useMemo(() => ({ name: details.name, start: field(details.live_start_at), end: field(details.close_at), chat: details.chat, scores: details.scores ?? {} }), []);
  const [form, setForm] = useState(known);
  const act = useAct();
  const set = (fields) => setForm((form) => ({ ...form, ...fields }));
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      await session.client.call("update_game_details", changesOf(game, known, form));
      notices.show({ icon: "check", text: "The game is changed." });
      close();
    });
  };
  const score = (id) => (event) => {
    const { [id]: _, ...others } = form.scores;
    set({ scores: event.target.value === "" || Number(event.target.value) === 0 ? others : { ...others, [id]: Number(event.target.value) } });
  };
  return html`<form class="stack" onSubmit=${send}>
    <${Field} id="game-name" label="Name" value=${form.name} maxlength="256" required=${true} onInput=${(event) => set({ name: event.target.value })} />
    <div class="form2">
      <${Field} id="game-start" label="Kick-off" hint="later is a postponement" type="datetime-local" required=${true} value=${form.start} onInput=${(event) => set({ start: event.target.value })} />
      <${Field} id="game-end" label="Closes by itself" hint="empty: when you close it" type="datetime-local" value=${form.end} onInput=${(event) => set({ end: event.target.value })} />
    </div>
    <div class="field"><span class="label">Chat</span><${Segments} label="Chat" value=${form.chat} choose=${(chat) => set({ chat })} options=${[["all", "everybody"], ["accounts", "no guests"], ["off", "nobody"]]} /></div>
    <details><summary class="label row">What counts in the score<${Icon} name="down" small=${true} /></summary><div class="scoregrid">${Object.entries(details.actions).map(([id, { name }]) => html`<label key=${id} class="row row--ends"><span class="cut">${name}</span><input class="input" type="number" min="-100" max="100" step="1" value=${form.scores[id] ?? 0} onInput=${score(id)} /></label>`)}</div></details>
    <${Refusal} refusal=${act.refusal} />
    <button type="submit" class="btn btn--ink" disabled=${act.isSending || JSON.stringify(form) === JSON.stringify(known)}>${act.isSending && html`<${Spinner} />`}Change the game</button>
  </form>`;
}

function changesOf(game, known, form) {
  const changes = { game_id: game.id };
  if (form.name !== known.name) changes.game_name = form.name;
  if (form.start !== known.start) changes.live_start_at = momentOfField(form.start);
  if (form.chat !== known.chat) changes.chat = form.chat;
  if (form.scores !== known.scores) changes.scores = form.scores;
  if (form.end !== known.end) {
    if (form.end === "") changes.clear = ["close_at"];
    else changes.close_at = momentOfField(form.end);
  }
  return changes;
}

/** The address of the overlay; its key is behind "#", which no server is told. */
export const overlayAddress = (gameId, key) => `${document.baseURI.split("#")[0]}${to("overlay", gameId, key)}`;

function Overlay({ game }) {
  const [address, setAddress] = useState(null);
  const act = useAct();
  const make = () =>
    act.send(async () => {
      const { session_key: key } = await session.client.call("create_view_key", {});
      setAddress(overlayAddress(game.id, key));
    });
  return html`<section class="stack"><h3>Overlay for a stream</h3>
    ${address === null ? html`<p class="mid sm">A page without a background, 1920 × 1080, for a browser source. Its address has a key that can only look; it works for 30 days.</p><button type="button" class="btn" disabled=${act.isSending} onClick=${make}>Make an address</button>` : html`<${Field} id="overlay-address" label="Address, shown once" readonly=${true} value=${address} onFocus=${(event) => event.target.select()} />`}
    <${Refusal} refusal=${act.refusal} />
  </section>`;
}

function Admins({ game }) {
  const [username, setUsername] = useState("");
  const act = useAct();
  const run = (name, done) =>
    act.send(async () => {
      await session.client.call(name, { game_id: game.id, username: username.trim() });
      notices.show({ icon: "check", lead: username.trim(), text: done });
      setUsername("");
    });
  const appoint = (event) => {
    event.preventDefault();
    run("appoint_admin_for_game_by_username", "may run this game now.");
  };
  return html`<section class="stack"><h3>Who runs it</h3>
    <form class="row" onSubmit=${appoint}><input class="input" aria-label="User name" placeholder="User name" value=${username} onInput=${(event) => setUsername(event.target.value)} /><button type="submit" class="btn" disabled=${act.isSending || username.trim() === ""}>Appoint</button><button type="button" class="btn btn--quiet" disabled=${act.isSending || username.trim() === ""} onClick=${() => run("remove_game_admin", "runs this game no more.")}>Remove</button></form>
    <${Refusal} refusal=${act.refusal} />
  </section>`;
}
