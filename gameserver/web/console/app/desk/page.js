// The operator's desk: what happened, who did it, what it settles; and the pools.
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../html.js";
import { GameStore } from "../game/store.js";
import { newKey } from "../../client.js";
import { Icon } from "../icons.js";
import { preferences } from "../preferences.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { TopBar } from "../shell.js";
import { useStore } from "../store.js";
import { Empty, Loading, useTitle } from "../ui.js";
import { attempt, Refusal, useAct } from "../act.js";
import { Actions, Who } from "./bench.js";
import { ClockSheet } from "./clock_sheet.js";
import { CancelSheet, CloseSheet, ReopenSheet } from "./close_sheet.js";
import { DeskHome } from "./home.js";
import { InviteSheet } from "./invite_sheet.js";
import { KeySheet, useKeys } from "./keys.js";
import { lettersOf } from "./letters.js";
import { lastEvent, Log } from "./log.js";
import { PoolForm } from "./pool_form.js";
import { PoolSheet } from "./pool_sheet.js";
import { isByHand, openPools, Pools, toggleBlock, toggleHot } from "./pool_table.js";
import { RegisterSheet, registerEvent } from "./register_sheet.js";
import { SettingsSheet } from "./settings_sheet.js";
import { Strip } from "./strip.js";
import { UndoSheet } from "./undo_sheet.js";

const CLOCK_ERROR_MS = 2_000;
const SHEETS = { register: RegisterSheet, undo: UndoSheet, pool: PoolSheet, "new-pool": PoolForm, close: CloseSheet, cancel: CancelSheet, reopen: ReopenSheet, clock: ClockSheet, settings: SettingsSheet, invite: InviteSheet, keys: KeySheet };

export function DeskPage({ parts: [id, tab = "register"] }) {
  useStore(session);
  if (session.user === null) return html`<${Stranger} />`;
  return id ? html`<${Desk} key=${session.user.id} id=${id} tab=${tab} />` : html`<${DeskHome} />`;
}

function Stranger() {
  useTitle("Desk");
  return html`<${TopBar} crumbs=${[{ label: "Desk" }]} currency=${null} /><main id="main" tabindex="-1" class="kit"><${Empty} level=${1} title="The desk is for operators" action=${{ label: "Sign in", href: to("sign-in") }}>Sign in as somebody who runs games.</></main>`;
}

function Desk({ id, tab }) {
  const game = useMemo(() => new GameStore(id), [id]);
  useStore(game);
  useEffect(() => {
    game.start();
    return () => game.stop();
  }, [game]);
  useTitle(game.details ? `Desk, ${game.details.name}` : "Desk");
  const crumbs = [...(game.details ? [{ label: game.details.source_name, href: to("desk") }, { label: game.details.name, href: to("game", id) }] : []), { label: "Desk" }];
  const frame = (content) => html`<${TopBar} crumbs=${crumbs} back=${{ label: "Desk", href: to("desk") }} currency=${null} />${content}`;
  const wrap = (content) => frame(html`<main id="main" tabindex="-1" class="kit">${content}</main>`);
  if (game.state === "gone") return wrap(html`<${Empty} kind="bad" level=${1} title="This game is not here" action=${{ label: "To the desk", href: to("desk") }}>${game.refusal?.message ?? "The server did not answer."}</>`);
  if (game.state === "loading") return wrap(html`<${Loading} />`);
  if (!game.roles.includes("game_admin")) return wrap(html`<${TakeOver} game=${game} />`);
  return frame(html`<${Bench} game=${game} tab=${tab} />`);
}

/** Whoever runs the source takes the desk by one tap. */
function TakeOver({ game }) {
  const act = useAct();
  const take = () =>
    act.send(async () => {
      const reply = await session.client.call("become_an_admin_for_game", { game_id: game.id });
      if (reply.res_name === "become_an_admin_for_game_fail") throw new Error(reply.reason);
      game.stop();
      game.start();
    });
  if (!game.roles.includes("source_admin")) return html`<${Empty} level=${1} title="You do not run this game" action=${{ label: "To the game", href: to("game", game.id) }}>An admin of it can appoint you, by your name ${session.user.username}.</>`;
  return html`<${Empty} level=${1} title=${game.details.name} action=${{ label: "Take the desk", run: take }}>You run its source. Whoever takes the desk registers what happens, and cannot bet in this game.</><${Refusal} refusal=${act.refusal} />`;
}

function Bench({ game, tab }) {
  useStore(preferences);
  const { details } = game;
  const letters = useMemo(() => lettersOf(details.actions), [details.actions]);
  const [picked, setPicked] = useState({ actionId: null, tappedAt: null });
  const [query, setQuery] = useState("");
  const [side, setSide] = useState(null);
  const [selected, setSelected] = useState(null);
  const latest = useRef(null); // keys come faster than frames
  const select = useCallback((poolId) => {
    latest.current = poolId;
    setSelected(poolId);
  }, []);
  const [sheet, setSheet] = useState(null);
  const close = () => setSheet(null);
  const open = useMemo(() => openersOf(setSheet), []);
  useEffect(() => {
    document.body.classList.add("has-tabbar");
    return () => document.body.classList.remove("has-tabbar");
  }, []);
  const actionId = picked.actionId ?? Object.keys(details.actions)[0];
  const choose = (id) => setPicked({ actionId: id, tappedAt: session.now() });
  const pick = (targetId) =>
    attempt(async () => {
      const tapped = { actionId, targetId, tappedAt: Math.round(picked.tappedAt ?? session.now()) };
      setPicked({ actionId, tappedAt: null });
      setQuery("");
      const { event, preview } = await previewTap(game, tapped);
      if (Object.keys(preview.pools).length > 0) setSheet({ kind: "register", event, undo: open.undo, key: newKey() });
      else await registerEvent(game, parametersOf(game, event), newKey(), open.undo); // nothing waits for it
    });
  // Squads are many buttons: they are rendered again for changes of their own only.
  const who = useMemo(() => html`<${Who} game=${game} actionName=${details.actions[actionId]?.name} query=${query} setQuery=${setQuery} side=${side} setSide=${setSide} pick=${pick} />`, [game.targets, details.actions, picked, query, side]);
  const isClosed = details.closed_at !== null;
  const hold = () => attempt(() => session.client.call(game.details.held_at === null ? "hold_betting_for_game" : "release_betting_for_game", { game_id: game.id }));
  useKeys(keysOf({ game, isClosed, letters, choose, open, hold, selected: () => latest.current, select }));
  const acts = useMemo(() => ({ ...open, hold }), []);
  const View = sheet && SHEETS[sheet.kind];
  return html`<main id="main" tabindex="-1" class="desk" data-tab=${tab}>
      <h1 class="vh">Desk: ${details.name}</h1>
      <${Strip} details=${details} readings=${game.readings} acts=${acts} />
      ${isClosed && html`<${Closed} details=${details} reopen=${open.reopen} />`}
      <div class=${isClosed ? "bench bench--closed pane" : "bench pane"} id="register">
        ${isClosed ? null : actionId === undefined ? html`<${Empty} title="No actions yet" level=${2}>Without actions nothing can be registered.</>` : html`<${Actions} details=${details} letters=${letters} chosen=${actionId} choose=${choose} />
        ${who}`}
        <${Log} game=${game} details=${details} undo=${open.undo} />
      </div>
      <${Pools} game=${game} selected=${selected} select=${select} openPool=${open.pool} addPool=${open.newPool} undo=${open.undo} />
    </main>
    <${TabBar} game=${game} tab=${tab} open=${open} />
    ${View && html`<${View} key=${sheet.key} game=${game} details=${details} letters=${letters} open=${open} ...${sheet} close=${close} />`}`;
}

/** What opens each sheet. */
function openersOf(setSheet) {
  const show = (kind, properties = {}) => setSheet({ kind, key: newKey(), ...properties });
  const plain = (kind) => () => show(kind);
  return {
    undo: (id) => id !== null && show("undo", { id }),
    pool: (id, tab) => show("pool", { id, tab }),
    newPool: plain("new-pool"),
    close: plain("close"),
    cancel: plain("cancel"),
    reopen: plain("reopen"),
    clock: plain("clock"),
    settings: plain("settings"),
    invite: plain("invite"),
    keys: plain("keys"),
  };
}

const parametersOf = (game, { actionId, targetId, tappedAt }) => ({ game_id: game.id, action_id: actionId, target_id: targetId, happened_at: tappedAt });

/** What a tap would settle. One that this device's clock puts a moment after the server's now is at that now. */
async function previewTap(game, event) {
  const ask = (one) => session.client.call("preview_game_event", parametersOf(game, one));
  try {
    return { event, preview: await ask(event) };
  } catch (error) {
    const now = error.details?.response_header.t;
    if (error.field !== "happened_at" || !(event.tappedAt - now < CLOCK_ERROR_MS)) throw error;
    const moved = { ...event, tappedAt: Math.min(now, event.tappedAt) };
    return { event: moved, preview: await ask(moved) };
  }
}

/** `selected()` is the id of the pool that is selected at the moment. A closed game has only its log to act on. */
function keysOf({ game, isClosed, letters, choose, open, hold, selected, select }) {
  const onPool = (act) => () => {
    const pool = openPools(game).find(({ pool_id: id }) => id === selected());
    if (pool !== undefined) act(pool);
  };
  const move = (by) => () => {
    const pools = openPools(game);
    const at = pools.findIndex(({ pool_id: id }) => id === selected());
    const next = pools[at === -1 ? (by > 0 ? 0 : pools.length - 1) : (at + by + pools.length) % pools.length];
    if (next === undefined) return;
    select(next.pool_id);
    document.querySelector(`tr[data-pool="${next.pool_id}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const always = { "?": open.keys, u: () => open.undo(lastEvent(game.details)) };
  if (isClosed) return always;
  return {
    ...always,
    ...Object.fromEntries([...letters].map(([id, letter]) => [letter.toLowerCase(), () => choose(id)])),
    "/": () => document.getElementById("find")?.focus(),
    h: hold,
    n: open.newPool,
    j: move(1),
    k: move(-1),
    b: onPool(toggleBlock),
    t: onPool((one) => !isByHand(one) && toggleHot(one)),
    e: onPool((one) => open.pool(one.pool_id, "resolve")),
    v: onPool((one) => open.pool(one.pool_id, "void")),
  };
}

function Closed({ details, reopen }) {
  const isCancelled = details.cancelled_at !== null;
  return html`<${Empty} kind="done" title=${isCancelled ? "This game was called off" : "This game is closed"} action=${isCancelled ? undefined : { label: "Open it again", run: reopen }}>${isCancelled ? "All stakes went back." : "Corrections are still possible in the log."}</>`;
}

function TabBar({ game, tab, open }) {
  const here = (name) => (name === tab ? "page" : undefined);
  const pools = openPools(game).length;
  return html`<nav class="tabbar" aria-label="Desk">
    <a href=${to("desk", game.id)} aria-current=${here("register")}><${Icon} name="whistle" />${game.details.closed_at === null ? "Register" : "Log"}</a>
    <a href=${to("desk", game.id, "pools")} aria-current=${here("pools")}><${Icon} name="pools" />Pools${pools > 0 && html`<span class="tabbar__n">${pools}</span>`}</a>
    <button type="button" disabled=${lastEvent(game.details) === null} onClick=${() => open.undo(lastEvent(game.details))}><${Icon} name="undo" />Undo</button>
    <button type="button" onClick=${game.details.closed_at === null ? open.close : open.reopen}><${Icon} name="lock" />${game.details.closed_at === null ? "Close" : "Reopen"}</button>
  </nav>`;
}
