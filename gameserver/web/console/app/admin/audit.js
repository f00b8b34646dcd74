// What admins have done, newest first.
import { Refusal } from "../act.js";
import { day, nameFromId, timeOfDay } from "../format.js";
import { html, useState } from "../html.js";
import { session } from "../session.js";
import { Empty, Loading } from "../ui.js";
import { useLoaded } from "../store.js";

const PAGE = 50;

export function Audit() {
  const [before, setBefore] = useState([undefined]);
  const { value, error } = useLoaded(async () => {
    const pages = await Promise.all(before.map((id) => session.client.call("get_audit_log", { limit: PAGE, ...(id && { before: id }) })));
    return { entries: pages.flatMap(({ entries }) => entries), next: pages.at(-1).next };
  }, [before]);
  if (value === undefined) return error ? html`<${Refusal} refusal=${error} />` : html`<${Loading} />`;
  if (value.entries.length === 0) return html`<${Empty} title="Nothing yet">What admins do is kept here.</>`;
  const now = session.now();
  return html`<ol class="card">${value.entries.map((entry) => html`<li key=${entry.id} class="lrow lrow--tall audit"><span class="mid sm nowrap">${day(entry.at, now)}, ${timeOfDay(entry.at)}</span><b class="cut">${entry.username}</b><span class="nowrap">${nameFromId(entry.name.replaceAll("_", "-"))}</span><code class="mono cut mid">${JSON.stringify(entry.parameters)}</code></li>`)}</ol>
    ${value.next !== null && html`<button type="button" class="btn" onClick=${() => setBefore([...before, value.next])}>Earlier</button>`}`;
}
