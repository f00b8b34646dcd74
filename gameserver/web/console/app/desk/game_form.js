// A new game, with its targets as they will be.
import { newKey } from "../../client.js";
import { counted, timeOfDay } from "../format.js";
import { html, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { router, to } from "../router.js";
import { session } from "../session.js";
import { TopBar } from "../shell.js";
import { useStore } from "../store.js";
import { Empty, Field, FieldError, Plate, Spinner, useTitle } from "../ui.js";
import { Refusal, useAct } from "../act.js";
import { localTime, momentOfField } from "./durations.js";
import { idOf, readLines } from "./lines.js";

const ACTIONS = ["Goal", "Own goal", "Penalty won", "Yellow card", "Red card", "Corner", "Substitution", "Offside", "Shot saved"];
const HOUR_MS = 3_600_000;
const OPENING = [["now", "at once"], ["1", "1 hour before"], ["24", "1 day before"]];

export function GameFormPage({ parts: [sourceId] }) {
  useStore(session);
  useTitle("New game");
  return html`<${TopBar} crumbs=${[{ label: "Desk", href: to("desk") }, { label: "New game" }]} currency=${null} />
    <main id="main" tabindex="-1">${session.user === null || !sourceId ? html`<div class="kit"><${Empty} level=${1} title="The desk is for operators" action=${{ label: "To the desk", href: to("desk") }}>Games are made in a source that you run.</></div>` : html`<${GameForm} sourceId=${sourceId} />`}</main>`;
}

function GameForm({ sourceId }) {
  const [form, setForm] = useState(() => ({ name: "", kind: "football", currency: "DON", start: localTime(session.now() + HOUR_MS), opening: "now", actions: ACTIONS, lines: "" }));
  const tree = useMemo(() => readLines(form.lines), [form.lines]);
  const key = useMemo(newKey, []);
  const act = useAct();
  const set = (fields) => setForm((form) => ({ ...form, ...fields }));
  const canSend = form.name.trim() !== "" && form.kind.trim() !== "" && momentOfField(form.start) !== null && !act.isSending;
  const make = (isOpen) =>
    act.send(async () => {
      const reply = await session.client.call(isOpen ? "create_and_open_game" : "create_game", parametersOf(sourceId, form, tree), { key });
      if (!isOpen) return router.go(to("desk"));
      await session.client.call("become_an_admin_for_game", { game_id: reply.game_id });
      router.go(to("desk", reply.game_id));
    });
  return html`<form class="formpage" onSubmit=${(event) => event.preventDefault()}>
      <div class="stack formcol">
        <h1>New game</h1>
        <${Field} id="game-name" label="Name" placeholder="Argentina – France" maxlength="256" value=${form.name} onInput=${(event) => set({ name: event.target.value })} />
        <div class="form2">
          <${Field} id="game-kind" label="Kind" maxlength="64" value=${form.kind} onInput=${(event) => set({ kind: event.target.value })} />
          <${Field} id="game-currency" label="Currency" value=${form.currency} onInput=${(event) => set({ currency: event.target.value })} />
          <${Field} id="game-start" label="Kick-off" type="datetime-local" value=${form.start} onInput=${(event) => set({ start: event.target.value })} />
          <div class="field"><label for="game-opening">Bets open</label><select id="game-opening" class="input" value=${form.opening} onChange=${(event) => set({ opening: event.target.value })}>${OPENING.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></div>
        </div>
        <${ActionsField} actions=${form.actions} change=${(actions) => set({ actions })} />
        <${LinesField} lines=${form.lines} faults=${tree.faults} change=${(lines) => set({ lines })} />
        <${Refusal} refusal=${act.refusal} />
      </div>
      <aside class="stack formcol" aria-label="As it will be">
        <div class="row row--ends"><h2>As it will be</h2><span class="mid sm">${counted(tree.roots.length, "side")}, ${counted(tree.count - tree.roots.length, "name")}, None</span></div>
        <${Tree} tree=${tree} />
        <${AsSeen} form=${form} tree=${tree} />
      </aside>
    </form>
    <div class="formfoot">${tree.faults.length > 0 && html`<span class="mid sm push">${counted(tree.faults.length, "line")} left out</span>`}<button type="button" class="btn" disabled=${!canSend} onClick=${() => make(false)}>Save as upcoming</button><button type="button" class="btn btn--ink" disabled=${!canSend} onClick=${() => make(true)}>${act.isSending && html`<${Spinner} />`}Open the game</button></div>`;
}

function parametersOf(sourceId, form, tree) {
  const start = momentOfField(form.start);
  const worth = { goal: 1, "own-goal": -1 };
  const scores = Object.fromEntries(form.actions.filter((name) => idOf(name) in worth).map((name) => [name, worth[idOf(name)]]));
  return {
    source_id: sourceId,
    game_name: form.name.trim(),
    type: form.kind.trim(),
    currency: form.currency.trim(),
    live_start_at: start,
    ...(form.opening !== "now" && { open_at: start - Number(form.opening) * HOUR_MS }),
    actions: form.actions,
    targets: tree.targets,
    ...(Object.keys(tree.labels).length > 0 && { labels: tree.labels }),
    scores,
  };
}

function ActionsField({ actions, change }) {
  const [name, setName] = useState("");
  const add = (event) => {
    if (event.key !== "Enter" && event.type !== "blur") return;
    event.preventDefault();
    const text = name.replaceAll(":", "").trim();
    if (text !== "" && !actions.some((action) => idOf(action) === idOf(text))) change([...actions, text]);
    setName("");
  };
  return html`<div class="field"><label for="game-action">Actions</label><div class="opt" role="group" aria-label="Actions">
    ${actions.map((action) => html`<button type="button" key=${action} class="pill" aria-label=${`Remove ${action}`} onClick=${() => change(actions.filter((one) => one !== action))}>${action} <${Icon} name="close" small=${true} /></button>`)}
    <input id="game-action" class="input addone" placeholder="Add one" aria-label="Add an action" maxlength="128" value=${name} onInput=${(event) => setName(event.target.value)} onKeyDown=${add} onBlur=${add} />
  </div></div>`;
}

function LinesField({ lines, faults, change }) {
  const [scroll, setScroll] = useState(0);
  const bad = new Set(faults.map(({ line }) => line));
  const numbers = lines.split("\n").map((_, index) => (bad.has(index + 1) ? html`<b>${`${index + 1}\n`}</b>` : `${index + 1}\n`));
  return html`<div class="field"><label for="game-lines">Targets, one a line</label>
    <p class="field__hint">Team, colon, number and name. Paste a whole squad list.</p>
    <div class="lines"><span class="lines__n" aria-hidden="true"><span class="lines__in" style=${{ "--up": `${-scroll}px` }}>${numbers}</span></span>
      <textarea id="game-lines" class="input" rows="12" spellcheck=${false} wrap="off" placeholder=${"Argentina\nArgentina: 10 Messi\nFrance\nFrance: 10 Mbappé"} value=${lines} aria-invalid=${faults.length > 0 ? "true" : undefined} onInput=${(event) => change(event.target.value)} onScroll=${(event) => setScroll(event.target.scrollTop)}></textarea></div>
    ${faults.slice(0, 3).map(({ line, why }) => html`<${FieldError} key=${line}>Line ${line} ${why}. It is left out.</>`)}
  </div>`;
}

function Tree({ tree }) {
  if (tree.roots.length === 0) return html`<${Empty} title="No sides yet" level=${3}>Write them on the left; the tree grows here.</>`;
  return html`<div class="card treecard"><div class="tree">
    ${tree.roots.map((root, index) => html`<${Branch} key=${root.id} node=${root} side=${String((index % 6) + 1)} path="" faults=${tree.faults} isRoot=${true} />`)}
    <div class="tree__row dim"><${Plate} side="none" small=${true} isLine=${true}>–</>None<span class="sm">added for you</span><span class="tree__id">none</span></div>
  </div></div>`;
}

const symbolOf = (name) => [...name].slice(0, 3).join("").toUpperCase();

function Branch({ node, side, path, faults, isRoot = false }) {
  const id = path === "" ? node.id : `${path}:${node.id}`;
  const refused = isRoot ? faults.filter(({ parent }) => parent === node.id) : [];
  const row = html`<${Plate} side=${side} small=${true} isLine=${!isRoot}>${node.number ?? symbolOf(node.name)}</>${isRoot ? html`<b class="cut">${node.name}</b>` : html`<span class="cut">${node.name}</span>`}
    ${node.isMade && html`<span class="tag">made from line ${node.line}</span>`}${node.repeats.length > 0 && html`<span class="tag">line ${node.repeats.join(", ")} is the same</span>`}<span class="tree__id">${id}</span>`;
  const children = html`${[...node.nodes.values()].map((child) => html`<${Branch} key=${child.id} node=${child} side=${side} path=${id} faults=${faults} />`)}
    ${refused.map(({ line, text }) => html`<li key=${`line${line}`} class="tree__row tree__row--bad"><${Icon} name="warning" small=${true} /><s class="cut">${text}</s><span class="tag tag--hot">line ${line}, not added</span></li>`)}`;
  const inside = (node.nodes.size > 0 || refused.length > 0) && html`<ul>${children}</ul>`;
  return isRoot ? html`<div class="tree__row">${row}</div>${inside}` : html`<li><div class="tree__row">${row}</div>${inside}</li>`;
}

function AsSeen({ form, tree }) {
  const start = momentOfField(form.start);
  const [home, away] = tree.roots;
  const counting = form.actions.filter((name) => ["goal", "own-goal"].includes(idOf(name)));
  return html`<div class="field"><span class="label">How players will see it</span>
    <section class="board asseen" aria-label="As players will see it"><div class="row">
      ${home && away ? html`<${Plate} side="1">${symbolOf(home.name)}</><b class="lg cut">${home.name}</b><span class="mid">${start === null ? "–" : timeOfDay(start)}</span><b class="lg cut">${away.name}</b><${Plate} side="2">${symbolOf(away.name)}</>` : html`<b class="lg cut">${form.name || "Your game"}</b>`}
    </div></section>
    <p class="field__hint">${counting.length > 0 ? `The score counts ${counting.join(" and ")}.` : "No action counts in the score."} The first two sides take the two colours.</p>
  </div>`;
}
