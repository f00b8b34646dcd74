// A new pool, as its players will see it.
import { newKey } from "../../client.js";
import { PoolCard } from "../game/pool_card.js";
import { html, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { nameOf, numberOf } from "../targets.js";
import { Field, Segments, Sheet, Spinner } from "../ui.js";
import { Refusal, useAct } from "../act.js";
import { durationOf } from "./durations.js";

const MAX_TARGETS = 500;
const NO_SLIP = { choose() {} };

export function PoolForm({ game, close }) {
  const [form, setForm] = useState(() => ({ question: "", isByHand: false, action: Object.keys(game.details.actions)[0] ?? "", level: 1, left: new Set(), ends: false, finish: "5:00", stop: "", unlisted: "stay_open", recreate: false, isHot: false, isBlocked: false, yes: "Yes", no: "No" }));
  const key = useMemo(newKey, []);
  const act = useAct();
  const set = (fields) => setForm((form) => ({ ...form, ...fields }));
  const levels = useMemo(() => levelsOf(game), [game.targets]);
  const wrong = faultOf(form, levels);
  const send = () =>
    act.send(async () => {
      await session.client.call("create_and_open_betting_pool", parametersOf(game, form, levels, session.now()), { key });
      notices.show({ icon: "check", lead: form.question, text: form.isBlocked ? "is open, and paused." : "takes bets." });
      close();
    });
  const submit = (event) => {
    if (event.key !== "Enter" || !event.target.matches("input.input") || wrong) return;
    event.preventDefault();
    send();
  };
  const foot = html`<button type="button" class="btn" onClick=${close}>Cancel <kbd class="desk-only" aria-hidden="true">Esc</kbd></button>
    <button type="button" class="btn btn--ink btn--big push" disabled=${act.isSending || wrong !== null} onClick=${send}>${act.isSending && html`<${Spinner} />`}${wrong ?? html`Open the pool <kbd class="desk-only" aria-hidden="true">↵</kbd>`}</button>`;
  return html`<${Sheet} title="New pool" sub="Players see it as in the preview." close=${close} foot=${foot} isWide=${true}><div class="twocol" onKeyDown=${submit}>
    <div class="stack">
      <${Field} id="pool-question" label="Question" autofocus=${true} value=${form.question} maxlength="512" onInput=${(event) => set({ question: event.target.value })} />
      <div class="field"><span class="label">Decided by</span><${Segments} label="Decided by" value=${form.isByHand} choose=${(isByHand) => set({ isByHand })} options=${[[false, "an event"], [true, "me, yes or no"]]} /></div>
      ${form.isByHand ? html`<${Labels} form=${form} set=${set} />` : html`<${ByEvent} game=${game} form=${form} set=${set} levels=${levels} />`}
      <${Ends} game=${game} form=${form} set=${set} />
      <${Refusal} refusal=${act.refusal} />
    </div>
    <div><p class="label previewlab">Preview</p><${Preview} game=${game} form=${form} levels=${levels} /></div>
  </div></>`;
}

function Labels({ form, set }) {
  return html`<div class="form2"><${Field} id="pool-yes" label="If it is so" value=${form.yes} maxlength="128" onInput=${(event) => set({ yes: event.target.value })} /><${Field} id="pool-no" label="If not" value=${form.no} maxlength="128" onInput=${(event) => set({ no: event.target.value })} /></div>`;
}

function ByEvent({ game, form, set, levels }) {
  const targets = levels[form.level] ?? [];
  const toggle = (id) => {
    const left = new Set(form.left);
    if (!left.delete(id)) left.add(id);
    set({ left });
  };
  return html`<div class="form2">
      <div class="field"><label for="pool-action">Action</label><select id="pool-action" class="input" value=${form.action} onChange=${(event) => set({ action: event.target.value })}>${Object.entries(game.details.actions).map(([id, { name }]) => html`<option key=${id} value=${id}>${name}</option>`)}</select></div>
      <div class="field"><label for="pool-level">Targets of the level</label><select id="pool-level" class="input" value=${form.level} onChange=${(event) => set({ level: Number(event.target.value), left: new Set() })}>${Object.keys(levels).map((level) => html`<option key=${level} value=${level}>${levelName(Number(level))}</option>`)}</select></div>
    </div>
    <div class="field"><span class="label" id="pool-targets">Targets</span><div class="opt opt--targets" role="group" aria-labelledby="pool-targets">
      ${targets.map((target) => html`<button type="button" key=${target.id} class="pill" aria-pressed=${String(!form.left.has(target.id))} onClick=${() => toggle(target.id)}>${!form.left.has(target.id) && html`<${Icon} name="check" small=${true} />`}${[numberOf(target), nameOf(target)].filter(Boolean).join(" ")}</button>`)}
      <span class="pill pill--none">None, always there</span>
    </div></div>`;
}

function Ends({ game, form, set }) {
  const action = form.isByHand ? "" : (game.details.actions[form.action]?.name ?? "");
  return html`<div class="form2">
      <div class="field"><span class="label">Ends</span><${Segments} label="Ends" value=${form.ends} choose=${(ends) => set({ ends })} options=${[[false, form.isByHand ? "when I say" : "with the event"], [true, "at a time"]]} /></div>
      ${form.ends && html`<${Field} id="pool-finish" label=${form.isByHand ? "Ends as the second in" : "Ends as None in"} value=${form.finish} onInput=${(event) => set({ finish: event.target.value })} />`}
      <${Field} id="pool-stop" label="Takes bets for" hint="empty: as long as it runs" placeholder="4:30" value=${form.stop} onInput=${(event) => set({ stop: event.target.value })} />
      ${!form.isByHand && html`<div class="field"><label for="pool-unlisted">${action} by anybody else</label><select id="pool-unlisted" class="input" value=${form.unlisted} onChange=${(event) => set({ unlisted: event.target.value })}><option value="stay_open">Leaves it open</option><option value="none">Ends it as None</option><option value="refund">Returns the stakes</option></select></div>`}
    </div>
    <div class="row row--wide row--wrap">
      ${!form.isByHand && html`<${Switch} label="Open it anew each time" value=${form.recreate} change=${(recreate) => set({ recreate })} />`}
      <${Switch} label="Start hot" value=${form.isHot} change=${(isHot) => set({ isHot })} />
      <${Switch} label="Start paused" value=${form.isBlocked} change=${(isBlocked) => set({ isBlocked })} />
    </div>`;
}

export function Switch({ label, value, change }) {
  return html`<label class="switch"><input type="checkbox" role="switch" checked=${value} onChange=${() => change(!value)} />${label}</label>`;
}

/** Level → its targets, but for "none". */
function levelsOf(game) {
  const levels = {};
  for (const target of game.targets.values()) {
    if (target.id !== "none" && target.isActive) (levels[target.id.split(":").length] ??= []).push(target);
  }
  return levels;
}

const levelName = (level) => ({ 1: "Sides", 2: "Players" })[level] ?? `Level ${level}`;

const chosenOf = (form, levels) => (levels[form.level] ?? []).filter(({ id }) => !form.left.has(id));

/** Why the form cannot be sent yet, as its button says; null if it can. */
function faultOf(form, levels) {
  if (form.question.trim() === "") return "Write the question";
  if (form.isByHand && (form.yes.trim() === "" || form.no.trim() === "")) return "Name both answers";
  if (!form.isByHand && form.action === "") return "The game has no actions";
  if (!form.isByHand && chosenOf(form, levels).length === 0) return "Choose a target";
  if (!form.isByHand && chosenOf(form, levels).length > MAX_TARGETS) return `At most ${MAX_TARGETS} targets`;
  if (form.ends && durationOf(form.finish) === null) return "Write when it ends, as 5:00";
  return form.stop.trim() !== "" && durationOf(form.stop) === null ? "Write times as 5:00" : null;
}

function parametersOf(game, form, levels, now) {
  const type = (form.isByHand ? 3 : 1) + (form.ends ? 1 : 0);
  return {
    game_id: game.id,
    description: form.question.trim(),
    pool_type: type,
    targets: form.isByHand ? [form.yes.trim(), form.no.trim()] : chosenOf(form, levels).map(({ id }) => id),
    is_hot: form.isHot,
    is_blocked: form.isBlocked,
    ...(!form.isByHand && { action_id: form.action, recreate_on_end: form.recreate, unlisted_target: form.unlisted }),
    ...(form.ends && { finish_at: now + durationOf(form.finish) }),
    ...(form.stop.trim() !== "" && { stop_accepting_bets_at: now + durationOf(form.stop) }),
  };
}

function Preview({ game, form, levels }) {
  const now = session.now();
  const sums = (name) => ({ display_name: name, backing_people: 0, backing_money: 0, to_win_if_backed: 1, is_active: true });
  const targets = form.isByHand ? [["yes", form.yes], ["no", form.no]] : [...chosenOf(form, levels).slice(0, 12).map(({ id, name }) => [id, name]), ["none", "None"]];
  const stop = durationOf(form.stop) ?? (form.ends ? durationOf(form.finish) : null);
  const pool = { pool_id: "preview", description: form.question || "Your question", type: form.isByHand ? 3 : 1, action_id: form.action, participants: 0, amount_total: 0, bet_count: 0, distribution: Object.fromEntries(targets.map(([id, name]) => [id, sums(name)])), is_blocked: form.isBlocked, is_hot: false, start_at: now, finish_at: null, stop_accepting_bets_at: stop === null ? null : now + stop, status: "open", takeout: 0 };
  const more = form.isByHand ? 0 : chosenOf(form, levels).length - 12;
  return html`<div class="previewbox" inert><${PoolCard} game=${game} slip=${NO_SLIP} pool=${pool} state=${form.isBlocked ? "paused" : "open"} chosen=${null} isLive=${true} /></div>
    ${more > 0 && html`<p class="sm mid">and ${more} more</p>`}
    ${!form.isByHand && html`<p class="sm mid">${game.details.actions[form.action]?.name ?? "The action"} by any of them, or below them, decides it.</p>`}`;
}
