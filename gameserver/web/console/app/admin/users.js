// Users: found by name; made providers or admins, banned, given points or a new password.
import { newKey } from "../../client.js";
import { amount, Refusal, useAct } from "../act.js";
import { ago } from "../format.js";
import { html, useEffect, useMemo, useState } from "../html.js";
import { Icon } from "../icons.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { Empty, Field, Loading, Sheet, Spinner } from "../ui.js";

const PAGE = 50;
const SETTLE_MS = 250;

export function Users() {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [limit, setLimit] = useState(PAGE);
  const [chosen, setChosen] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { value, error, reload } = useLoaded(() => readUsers(search, limit), [search, limit]);
  const user = value?.users.find(({ user_id: id }) => id === chosen);
  return html`<div class="find admin__find"><${Icon} name="find" /><input class="input" type="search" placeholder="Find by name" aria-label="Find users by name" value=${typed} onInput=${(event) => setTyped(event.target.value)} /></div>
    <${Refusal} refusal=${error} />
    ${value === undefined ? !error && html`<${Loading} />` : value.users.length === 0 ? html`<${Empty} title="Nobody is named so" level=${2} />` : html`<div class="card admin__scroll" tabindex="0" role="region" aria-label="Users"><table class="hist"><thead><tr><th scope="col">Name</th><th scope="col" class="opt-col">Seen</th><th scope="col" class="r">Has</th><th scope="col"><span class="vh">Change</span></th></tr></thead>
      <tbody>${value.users.map((one) => html`<${Row} key=${one.user_id} user=${one} open=${() => setChosen(one.user_id)} />`)}</tbody></table></div>`}
    ${value?.next && html`<button type="button" class="btn" onClick=${() => setLimit(limit + PAGE)}>More</button>`}
    ${user && html`<${UserSheet} key=${user.user_id} user=${user} reload=${reload} close=${() => setChosen(null)} />`}`;
}

/** So many users at least, page by page. */
async function readUsers(search, limit) {
  const users = [];
  let after;
  do {
    const page = await session.client.call("list_users", { limit: PAGE, ...(search && { search }), ...(after && { after }) });
    users.push(...page.users);
    after = page.next;
  } while (after !== null && users.length < limit);
  return { users, next: after };
}

function Row({ user, open }) {
  const is = [user.is_admin && "admin", user.is_provider && "provider", user.is_guest && "guest"].filter(Boolean);
  return html`<tr><td><b>${user.username}</b> <span class="dim sm">${user.user_id}</span> ${user.banned_at !== null && html`<span class="tag tag--hot">banned</span> `}${is.map((role) => html`<span key=${role} class="tag">${role}</span> `)}</td>
    <td class="mid sm opt-col">${user.last_seen_at === null ? "never" : `${ago(session.now() - user.last_seen_at)} ago`}</td>
    <td class="r nowrap">${Object.entries(user.balances).map(([currency, held]) => html`<span key=${currency} class="block">${amount(held.current_balance)} <small class="mid">${currency}</small></span>`)}</td>
    <td class="r"><button type="button" class="btn btn--dense" aria-label=${`Change ${user.username}`} onClick=${open}>Change</button></td></tr>`;
}

function UserSheet({ user, reload, close }) {
  const act = useAct();
  const change = (changes, done) =>
    act.send(async () => {
      await session.client.call("update_user", { user_id: user.user_id, ...changes });
      notices.show({ icon: "check", lead: user.username, text: done });
      reload();
    });
  const toggle = (name, label, changes) => html`<label class="switch"><input type="checkbox" role="switch" checked=${name === "banned" ? user.banned_at !== null : user[name]} disabled=${act.isSending} onChange=${changes} />${label}</label>`;
  return html`<${Sheet} title=${user.username} sub=${`user ${user.user_id}${user.is_guest ? ", a guest" : ""}`} close=${close}>
    <div class="stack">
      ${toggle("is_provider", "May open sources", () => change({ is_provider: !user.is_provider }, user.is_provider ? "may open no more sources." : "may open sources."))}
      ${toggle("is_admin", "Runs the server", () => change({ is_admin: !user.is_admin }, user.is_admin ? "runs the server no more." : "runs the server, too."))}
      ${toggle("banned", "Banned: cannot log on; running bets stay", () => change({ is_banned: user.banned_at === null }, user.banned_at === null ? "is banned." : "may come in again."))}
    </div>
    <${Refusal} refusal=${act.refusal} />
    <${Credit} user=${user} reload=${reload} />
    <${NewPassword} user=${user} />
    ${user.banned_at === null && html`<${BanWithBets} change=${change} isSending=${act.isSending} />`}
  </>`;
}

function Credit({ user, reload }) {
  const [form, setForm] = useState({ amount: "", currency: "DON", reason: "" });
  const [round, setRound] = useState(0);
  const key = useMemo(newKey, [round]);
  const act = useAct();
  const set = (name) => ({ target }) => setForm((form) => ({ ...form, [name]: target.value }));
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      const reply = await session.client.call("credit_user", { user_id: user.user_id, amount: form.amount.trim().replace("−", "-"), currency: form.currency, ...(form.reason && { reason: form.reason }) }, { key });
      notices.show({ icon: "check", lead: user.username, text: `has ${amount(reply.current_balance)} ${reply.currency}.` });
      setForm((form) => ({ ...form, amount: "" }));
      setRound(round + 1);
      reload();
    });
  };
  return html`<form class="stack" onSubmit=${send}><h3>Give points</h3>
    <div class="form2"><${Field} id="credit-amount" label="Amount" hint="−5 takes 5 back" inputmode="decimal" required=${true} value=${form.amount} onInput=${set("amount")} /><${Field} id="credit-currency" label="Currency" required=${true} value=${form.currency} onInput=${set("currency")} /></div>
    <${Field} id="credit-reason" label="Reason" hint="for the audit" maxlength="256" value=${form.reason} onInput=${set("reason")} />
    <${Refusal} refusal=${act.refusal} />
    <button type="submit" class="btn btn--ink" disabled=${act.isSending || form.amount.trim() === ""}>${act.isSending && html`<${Spinner} />`}Give</button>
  </form>`;
}

function NewPassword({ user }) {
  const [password, setPassword] = useState("");
  const act = useAct();
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      await session.client.call("update_user", { user_id: user.user_id, password });
      notices.show({ icon: "check", lead: user.username, text: "has a new password; its sessions have ended." });
      setPassword("");
    });
  };
  return html`<form class="stack" onSubmit=${send}><h3>New password</h3>
    <${Field} id="user-password" label="Password" hint="8 characters or more; all sessions end" type="password" autocomplete="new-password" minlength="8" maxlength="128" value=${password} onInput=${(event) => setPassword(event.target.value)} />
    <${Refusal} refusal=${act.refusal} />
    <button type="submit" class="btn" disabled=${act.isSending || password.length < 8}>Set it</button>
  </form>`;
}

function BanWithBets({ change, isSending }) {
  return html`<button type="button" class="btn btn--danger" disabled=${isSending} onClick=${() => change({ is_banned: true, void_bets: true }, "is banned, and its running stakes are back.")}>Ban, and give running stakes back</button>`;
}
