// Two ways in that a link names: with a session key, and to the game that is on now.
import { sentence } from "./act.js";
import { html, useEffect, useMemo, useState } from "./html.js";
import { LobbyStore } from "./lobby_store.js";
import { router, to } from "./router.js";
import { session } from "./session.js";
import { TopBar } from "./shell.js";
import { useStore } from "./store.js";
import { Empty, Loading, useTitle } from "./ui.js";

const frame = (content) => html`<${TopBar} crumbs=${[{ label: "Come in" }]} /><main id="main" tabindex="-1" class="kit">${content}</main>`;

/** The key leaves the address before anything else, so that no history has it. */
export function KeyPage({ parts: [key] }) {
  const [refusal, setRefusal] = useState(null);
  useTitle("Come in");
  useEffect(() => {
    history.replaceState(null, "", to("key"));
    session.signInByKey(key).then(() => router.replace(to(session.user.is_provider ? "desk" : "lobby")), setRefusal);
  }, []);
  if (refusal === null) return frame(html`<${Loading} />`);
  return frame(html`<${Empty} kind="bad" level=${1} title="This key opens nothing" action=${{ label: "Sign in", href: to("sign-in") }}>${sentence(refusal.message)}</>`);
}

/** To the game on the front, or the next one, or the lobby if there is none. */
export function PlayPage() {
  const lobby = useMemo(() => new LobbyStore(), []);
  useStore(lobby);
  useTitle("Come in");
  useEffect(() => {
    lobby.start();
    return () => lobby.stop();
  }, [lobby]);
  const game = lobby.front?.game ?? lobby.next[0];
  const place = lobby.sources === null ? null : game ? to("game", game.id) : to();
  useEffect(() => {
    if (place !== null) router.replace(place);
  }, [place]);
  return frame(html`<${Loading} />`);
}
