// What happened and who did it: actions with their letters, shirts by number, and the field that finds one.
import { html, useMemo } from "../html.js";
import { Icon } from "../icons.js";
import { nameOf, numberOf, plateOf } from "../targets.js";
import { moveInRadioGroup, Plate, Segments } from "../ui.js";
import { matches, squadsOf } from "./letters.js";

const SHIRTS_SHOWN = 60;

export function Actions({ details, letters, chosen, choose }) {
  const counted = (id) => Object.entries(details.game_state[id] ?? {}).reduce((sum, [target, number]) => (target.includes(":") ? sum : sum + number), 0);
  return html`<section aria-labelledby="step-what">
    <div class="step"><span class="step__n" aria-hidden="true">1</span><h2 id="step-what">What</h2></div>
    <div class="acts" role="radiogroup" aria-labelledby="step-what" onKeyDown=${moveInRadioGroup}>
      ${Object.entries(details.actions).map(([id, { name }]) => html`<button type="button" key=${id} class="act" role="radio" aria-checked=${String(id === chosen)} tabindex=${id === chosen ? 0 : -1} data-action=${id} aria-keyshortcuts=${letters.get(id)} onClick=${() => choose(id)}><kbd aria-hidden="true">${letters.get(id)}</kbd><span class="cut">${name}</span><span class="act__n">${counted(id) || ""}</span></button>`)}
    </div>
  </section>`;
}

/** `pick(targetId)` when a shirt, or a whole side, is tapped. */
export function Who({ game, actionName, query, setQuery, side, setSide, pick }) {
  const squads = useMemo(() => squadsOf(game.targets), [game.targets]);
  const shown = squads.map((squad) => ({ ...squad, found: squad.members.filter((target) => matches(target, squad.root, query)) }));
  const current = squads.some(({ root }) => root.id === side) ? side : squads[0]?.root.id;
  const pickFirst = (event) => {
    const typed = event.target.value; // Enter may come before what was typed is rendered
    const first = event.key === "Enter" && typed.trim() !== "" ? firstOf(squads, typed) : undefined;
    if (first === undefined) return;
    event.preventDefault();
    event.target.blur(); // letters are keys again
    pick(first.id);
  };
  return html`<section aria-labelledby="step-who">
    <div class="step stepwho"><span class="step__n" aria-hidden="true">2</span><h2 id="step-who">Who</h2><span class="mid sm desk-only">${actionName} by… The time is taken at the first tap.</span>
      <div class="find"><${Icon} name="find" /><input id="find" class="input" type="search" autocomplete="off" value=${query} placeholder="Type: mba, f10, 26" aria-label="Find a player by name or number" onInput=${(event) => setQuery(event.target.value)} onKeyDown=${pickFirst} aria-keyshortcuts="/" /><kbd aria-hidden="true">/</kbd></div>
    </div>
    ${squads.length > 1 && squads.length <= 3 && html`<div class="phone-only sides"><${Segments} label="Side" value=${current} choose=${setSide} options=${squads.map(({ root }) => [root.id, html`<${Plate} side=${root.side} small=${true}>${root.symbol.toUpperCase()}</><span class="cut">${root.name}</span>`])} /></div>`}
    <div class="squads">${shown.map((squad) => html`<${Squad} key=${squad.root.id} ...${squad} actionName=${actionName} isOn=${squads.length > 3 || query.trim() !== "" || squad.root.id === current} pick=${pick} />`)}</div>
  </section>`;
}

/** The first that a query means: a player, or a side that has none. */
function firstOf(squads, query) {
  return squads.flatMap(({ root, members }) => (members.length === 0 ? [root] : members).filter((target) => matches(target, root, query)))[0];
}

function Squad({ root, members, found, actionName, isOn, pick }) {
  const rest = found.length - SHIRTS_SHOWN;
  return html`<div class=${isOn ? "squad squad--on" : "squad"} data-side=${root.side}>
    <button type="button" class="squad__head" data-target=${root.id} onClick=${() => pick(root.id)}><${Plate} side=${root.side} small=${true}>${root.symbol.toUpperCase()}</><span class="cut">${root.name}</span><span class="vh">${actionName}, the whole side</span><span class="push dim sm">${members.length || ""}</span></button>
    <div class="shirts">${found.slice(0, SHIRTS_SHOWN).map((target) => html`<${Shirt} key=${target.id} target=${target} root=${root} actionName=${actionName} pick=${pick} />`)}</div>
    ${rest > 0 && html`<p class="sm mid">and ${rest} more: type a name</p>`}
  </div>`;
}

function Shirt({ target, root, actionName, pick }) {
  return html`<button type="button" class="shirt" data-side=${target.side} data-target=${target.id} onClick=${() => pick(target.id)}><span>${nameOf(target)}</span><b aria-hidden=${numberOf(target) ? undefined : "true"}>${plateOf(target)}</b><span class="vh">${actionName}, ${root.name}</span></button>`;
}
