// All sources of the server.
import { Refusal } from "../act.js";
import { counted } from "../format.js";
import { html } from "../html.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { Empty, Loading } from "../ui.js";

async function readSources() {
  const sources = [];
  let after;
  do {
    const page = await session.client.call("list_game_sources", after ? { after } : {});
    sources.push(...page.sources);
    after = page.next;
  } while (after);
  return sources;
}

export function Sources() {
  const { value, error } = useLoaded(readSources, []);
  if (value === undefined) return error ? html`<${Refusal} refusal=${error} />` : html`<${Loading} />`;
  if (value.length === 0) return html`<${Empty} title="No sources yet">Users who may open sources do that at their desk.</>`;
  return html`<ul class="card">${value.map((source) => html`<li key=${source.id} class="lrow lrow--tall"><span class="cut"><b>${source.name}</b><span class="mid sm block">${source.description ?? source.id}</span></span><span class="push mid sm nowrap">${counted(source.games, "game")}</span></li>`)}</ul>`;
}
