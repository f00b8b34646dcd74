// A source: what it is called and keeps, who runs it, what it has turned over, and its end.
import { count } from "../format.js";
import { html, useState } from "../html.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { Field, Loading, Sheet, Spinner } from "../ui.js";
import { amount, Refusal, useAct } from "../act.js";
import { Switch } from "./pool_form.js";

export function SourceSheet({ source, close }) {
  const report = useLoaded(() => session.client.call("get_source_report", { source_id: source.id }), []);
  return html`<${Sheet} title=${source.name} sub="A source of games" close=${close}>
    ${report.value ? html`<${Report} report=${report.value} />` : html`<${Loading} rows=${1} />`}
    <${Change} source=${source} close=${close} />
    <${Admins} source=${source} />
    <${Close} source=${source} close=${close} />
  </>`;
}

function Report({ report }) {
  return html`<div class="sums"><div><b>${count(report.games)}</b><span>games</span></div><div><b>${count(report.bets)}</b><span>bets</span></div><div><b>${count(report.bettors)}</b><span>bettors</span></div></div>
    ${Object.entries(report.currencies).map(([currency, sums]) => html`<p key=${currency} class="mid sm">${amount(sums.turnover)} ${currency} staked, ${amount(sums.paid)} paid, ${amount(sums.refunded)} given back, ${amount(sums.takeout)} kept</p>`)}`;
}

function Change({ source, close }) {
  const [form, setForm] = useState({ name: source.name, description: source.description ?? "", percent: String(Number((100 * source.takeout).toFixed(4))), mayBet: source.admins_may_bet });
  const act = useAct();
  const set = (name) => ({ target }) => setForm((form) => ({ ...form, [name]: target.value }));
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      const takeout = Number((Number(form.percent) / 100).toFixed(6));
      await session.client.call("update_game_source", { source_id: source.id, source_name: form.name, description: form.description, takeout, admins_may_bet: form.mayBet });
      notices.show({ icon: "check", lead: form.name, text: "is changed." });
      close();
    });
  };
  return html`<form class="stack" onSubmit=${send}>
    <${Field} id="source-rename" label="Name" required=${true} maxlength="128" value=${form.name} onInput=${set("name")} />
    <${Field} id="source-description" label="Description" maxlength="512" value=${form.description} onInput=${set("description")} />
    <${Field} id="source-takeout" label="Takeout in percent" hint="of new pools" type="number" min="0" max="50" step="any" required=${true} value=${form.percent} onInput=${set("percent")} />
    <${Switch} label="Its admins may bet" value=${form.mayBet} change=${(mayBet) => setForm((form) => ({ ...form, mayBet }))} />
    <${Refusal} refusal=${act.refusal} />
    <button type="submit" class="btn btn--ink" disabled=${act.isSending}>${act.isSending && html`<${Spinner} />`}Change the source</button>
  </form>`;
}

function Admins({ source }) {
  const [username, setUsername] = useState("");
  const act = useAct();
  const run = (name, done) =>
    act.send(async () => {
      await session.client.call(name, { source_id: source.id, username: username.trim() });
      notices.show({ icon: "check", lead: username.trim(), text: done });
      setUsername("");
    });
  const add = (event) => {
    event.preventDefault();
    run("add_source_admin", "runs this source now.");
  };
  return html`<section class="stack"><h3>Who runs it</h3><form class="row" onSubmit=${add}><input class="input" aria-label="User name" placeholder="User name" value=${username} onInput=${(event) => setUsername(event.target.value)} /><button type="submit" class="btn" disabled=${act.isSending || username.trim() === ""}>Add</button><button type="button" class="btn btn--quiet" disabled=${act.isSending || username.trim() === ""} onClick=${() => run("remove_source_admin", "runs this source no more.")}>Remove</button></form><${Refusal} refusal=${act.refusal} /></section>`;
}

function Close({ source, close }) {
  const [isSure, setIsSure] = useState(false);
  const act = useAct();
  const send = () =>
    act.send(async () => {
      await session.client.call("close_game_source", { source_id: source.id });
      close();
    });
  return html`<section class="stack"><h3>Its end</h3><${Switch} label="Close the source with every game in it" value=${isSure} change=${setIsSure} /><${Refusal} refusal=${act.refusal} /><button type="button" class="btn btn--danger" disabled=${!isSure || act.isSending} onClick=${send}>Close the source</button></section>`;
}
