// A code to project: whoever scans it is in the game after one tap.
import { html } from "../html.js";
import { http } from "../http.js";
import { useLoaded } from "../store.js";
import { Field, Loading, Sheet } from "../ui.js";
import { Refusal } from "../act.js";

export function InviteSheet({ game, close }) {
  const invitation = useLoaded(() => http("GET", `r/invitations/${game.id}/`), []);
  return html`<${Sheet} title="Come in" sub=${game.details.name} close=${close} isWide=${true}>
    <${Refusal} refusal=${invitation.error} />
    ${invitation.value ? html`<${Invitation} ...${invitation.value} />` : !invitation.error && html`<${Loading} />`}
  </>`;
}

function Invitation({ url, is_reachable: isReachable, size, path }) {
  return html`<div class="invite">
    <svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${`QR code of ${url}`}><path d=${path} /></svg>
    <p class="invite__url">${url}</p>
    ${isReachable ? html`<p class="mid">A phone in the same network that scans it is in the game as a guest after one tap.</p>` : html`<p class="pool__notice pool__notice--warn"><span><b>Only this machine can open it.</b> Start the server with <code>make run HOST=0.0.0.0</code>, or open the console at the address by which others reach it.</span></p>`}
    <${Field} id="invite-url" label="Or send the address" readonly=${true} value=${url} onFocus=${(event) => event.target.select()} />
  </div>`;
}
