// From guest to account, the password, the sessions, and leaving for good.
import { day, timeOfDay } from "../format.js";
import { html, useState } from "../html.js";
import { http } from "../http.js";
import { notices } from "../notices.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { Field, Loading, Sheet, Spinner } from "../ui.js";
import { Refusal, useAct } from "../act.js";

/** What a guest is asked first: to become somebody. */
export function KeepIt({ user }) {
  const [isOpen, setIsOpen] = useState(false);
  if (!user.is_guest) return null;
  return html`<section class="card keepit" aria-labelledby="keep-title"><h2 id="keep-title">Keep your points</h2><p class="mid">As a guest you are known to this device alone. With a name and a password you keep everything, everywhere.</p><button type="button" class="btn btn--ink" onClick=${() => setIsOpen(true)}>Make it an account</button></section>
    ${isOpen && html`<${Password} user=${user} close=${() => setIsOpen(false)} />`}`;
}

export function Security({ user }) {
  const [sheet, setSheet] = useState(null);
  const close = () => setSheet(null);
  return html`<section class="stack" aria-labelledby="sessions-title"><h2 id="sessions-title">Signed in</h2><${Sessions} />
      <div class="row row--wrap">${!user.is_guest && html`<button type="button" class="btn" onClick=${() => setSheet("password")}>${user.has_password ? "Change password" : "Set a password"}</button>`}<button type="button" class="btn btn--quiet" onClick=${() => setSheet("delete")}>Delete account</button></div></section>
    ${sheet === "delete" ? html`<${Delete} user=${user} close=${close} />` : sheet && html`<${Password} user=${user} close=${close} />`}`;
}

function Sessions() {
  // What concerns the connection can be asked only while there is one.
  const { value, reload } = useLoaded(async () => (session.isLive ? session.client.call("list_my_sessions", {}) : undefined), [session.isLive]);
  const act = useAct();
  const end = (id) =>
    act.send(async () => {
      await session.client.call("end_session", { session_id: id });
      reload();
    });
  if (value === undefined) return html`<${Loading} rows=${1} />`;
  const now = session.now();
  return html`<ul class="card">${value.sessions.map(({ session_id: id, created_at: at, is_current: isCurrent, is_view: isView }) => html`<li key=${id} class="lrow lrow--tall"><span class="cut"><b>${isCurrent ? "This session" : isView ? "An overlay" : "Another session"}</b><span class="mid sm block">since ${day(at, now)}, ${timeOfDay(at)}</span></span>${!isCurrent && html`<button type="button" class="btn btn--dense push" disabled=${act.isSending} onClick=${() => end(id)}>End</button>`}</li>`)}</ul><${Refusal} refusal=${act.refusal} />`;
}

function Password({ user, close }) {
  const [form, setForm] = useState({ username: user.username.startsWith("guest-") ? "" : user.username, old: "", fresh: "" });
  const act = useAct();
  const set = (name) => ({ target }) => setForm((form) => ({ ...form, [name]: target.value }));
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      const named = user.is_guest && form.username !== "" && form.username !== user.username ? { username: form.username } : {};
      await http("POST", "r/password/", { new: form.fresh, ...(user.has_password && { old: form.old }), ...named });
      notices.show({ icon: "check", lead: user.is_guest ? "The account is yours." : "The password is changed.", text: "Other sessions have ended." });
      close();
      await session.begin();
    });
  };
  return html`<${Sheet} title=${user.is_guest ? "Make it an account" : "Password"} sub=${user.is_guest ? "Points, bets and friends stay as they are." : "All other sessions end."} close=${close}><form class="stack" onSubmit=${send}>
    ${user.is_guest && html`<${Field} id="account-name" label="Name" hint="letters, digits, _ - and ." autocomplete="username" maxlength="32" placeholder=${user.username} value=${form.username} onInput=${set("username")} />`}
    ${user.has_password && html`<${Field} id="account-old" label="Password so far" type="password" autocomplete="current-password" required=${true} value=${form.old} onInput=${set("old")} />`}
    <${Field} id="account-new" label="New password" hint="8 characters or more" type="password" autocomplete="new-password" minlength="8" maxlength="128" required=${true} value=${form.fresh} onInput=${set("fresh")} />
    <${Refusal} refusal=${act.refusal} />
    <button type="submit" class="btn btn--ink btn--big btn--block" disabled=${act.isSending}>${act.isSending && html`<${Spinner} />`}${user.is_guest ? "Make it an account" : "Change it"}</button>
  </form></>`;
}

function Delete({ user, close }) {
  const [form, setForm] = useState({ name: "", password: "" });
  const act = useAct();
  const send = (event) => {
    event.preventDefault();
    act.send(async () => {
      session.client.stop(); // its end is no news
      await http("POST", "r/delete/", user.has_password ? { password: form.password } : {});
      session.leave();
    });
  };
  return html`<${Sheet} title="Delete the account" sub="It cannot be undone. Name, chat and friends are forgotten." close=${close}><form class="stack" onSubmit=${send}>
    <${Field} id="delete-name" label=${`Write ${user.username} to be sure`} autocomplete="off" value=${form.name} onInput=${({ target }) => setForm((form) => ({ ...form, name: target.value }))} />
    ${user.has_password && html`<${Field} id="delete-password" label="Password" type="password" autocomplete="current-password" required=${true} value=${form.password} onInput=${({ target }) => setForm((form) => ({ ...form, password: target.value }))} />`}
    <${Refusal} refusal=${act.refusal} />
    <button type="submit" class="btn btn--danger-solid btn--big btn--block" disabled=${act.isSending || form.name !== user.username}>Delete the account</button>
  </form></>`;
}
