// Friends: who asks to be one, who is here, and adding one by name.
import { ago, initials } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { Icon } from "../icons.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { useLoaded } from "../store.js";
import { Loading } from "../ui.js";
import { Refusal, useAct } from "../act.js";

export function Friends() {
  const { value, reload } = useLoaded(() => session.client.call("list_friends", {}), []);
  const act = useAct();
  useEffect(() => session.client.on("message", (message) => message.res_name === "friends_changed" && reload()), []);
  const run = (name, parameters) =>
    act.send(async () => {
      await session.client.call(name, parameters);
      reload();
    });
  const here = value?.friends.filter(({ online }) => online).length ?? 0;
  return html`<section class="stack" aria-labelledby="friends-title"><div class="row row--ends"><h2 id="friends-title">Friends</h2><span class="mid sm">${here > 0 && `${here} here now`}</span></div>
    ${value === undefined ? html`<${Loading} rows=${2} />` : html`<ul class="card">
      ${value.incoming.map((user) => html`<li key=${`in${user.user_id}`} class="lrow lrow--tall"><${Face} user=${user} what="wants to be friends" /><button type="button" class="btn btn--ink btn--dense push" onClick=${() => run("accept_friend", { user_id: user.user_id })}>Accept</button><${Remove} label="Decline" user=${user} run=${run} /></li>`)}
      ${value.friends.map((user) => html`<li key=${user.user_id} class="lrow lrow--tall"><${Face} user=${user} /><${Whereabouts} user=${user} /><${Remove} label="No longer friends with" user=${user} run=${run} /></li>`)}
      ${value.outgoing.map((user) => html`<li key=${`out${user.user_id}`} class="lrow lrow--tall"><${Face} user=${user} what="was asked" /><span class="push"></span><${Remove} label="Take back the question to" user=${user} run=${run} /></li>`)}
      <li><${Add} run=${run} isSending=${act.isSending} /><${Refusal} refusal=${act.refusal} /></li>
    </ul>`}
  </section>`;
}

function Face({ user, what }) {
  return html`<span class="who who--s" aria-hidden="true">${initials(user.username)}</span><span class="cut"><b>${user.username}</b>${what && html`<span class="mid sm block">${what}</span>`}</span>`;
}

function Whereabouts({ user }) {
  if (user.games.length > 0) return html`<a class="push sm mid row nowrap" href=${to("game", user.games[0])}><span class="dot dot--ok"></span>in a game</a>`;
  if (user.online) return html`<span class="push sm mid row nowrap"><span class="dot dot--ok"></span>here</span>`;
  return html`<span class="push sm mid nowrap">${user.last_seen_at ? `${ago(session.now() - user.last_seen_at)} ago` : ""}</span>`;
}

function Remove({ label, user, run }) {
  return html`<button type="button" class="btn btn--quiet btn--dense btn--icon" aria-label=${`${label} ${user.username}`} onClick=${() => run("remove_friend", { user_id: user.user_id })}><${Icon} name="close" small=${true} /></button>`;
}

function Add({ run, isSending }) {
  const [username, setUsername] = useState("");
  const send = (event) => {
    event.preventDefault();
    run("add_friend", { username: username.trim() });
    setUsername("");
  };
  return html`<form class="lrow addfriend" onSubmit=${send}><input class="input" placeholder="Add a friend by name" aria-label="Add a friend by name" maxlength="32" value=${username} onInput=${(event) => setUsername(event.target.value)} /><button type="submit" class="btn btn--icon" aria-label="Add" disabled=${isSending || username.trim() === ""}><${Icon} name="plus" /></button></form>`;
}
