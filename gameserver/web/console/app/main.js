// The console: starts the session, and shows the page that the address names.
import { html, render, useEffect, useState } from "./html.js";
import { applyStyles, PAGES } from "./pages.js";
import { router, to } from "./router.js";
import { session } from "./session.js";
import { Skip, Toast, TopBar } from "./shell.js";
import { useStore } from "./store.js";
import { Empty } from "./ui.js";

function App() {
  useStore(router);
  useStore(session);
  const { name, parts } = router.place;
  const page = usePage(name);
  if (name === "overlay") return page && html`<${page.View} key=${parts.join("/")} parts=${parts} />`; // nobody's but its key's
  if (session.state === "unknown") return null;
  if (session.state === "unreachable") return html`<${Unreachable} />`;
  return html`<${Skip} />
    ${page && html`<${page.View} key=${`${name}/${parts[0] ?? ""}`} parts=${parts} ...${PAGES[name]?.fixed} />`}
    <${Toast} />`;
}

/** The page of a name once it has been loaded; until then the one before it stays. */
function usePage(name) {
  const [page, setPage] = useState(null);
  useEffect(() => {
    let isWanted = true;
    const { load, styles } = PAGES[name] ?? { load: async () => Lost, styles: ["account"] };
    Promise.all([load(), applyStyles(styles)]).then(
      ([View]) => isWanted && setPage({ View, name }),
      () => isWanted && setPage({ View: NotLoaded, name }),
    );
    return () => {
      isWanted = false;
    };
  }, [name]);
  return page?.name === name ? page : null;
}

const frame = (here, content) => html`<${TopBar} crumbs=${[{ label: "Lobby", href: to() }, { label: here }]} /><main id="main" tabindex="-1" class="kit">${content}</main>`;

function Lost() {
  return frame("Not here", html`<${Empty} kind="bad" level=${1} title="This page is not here" action=${{ label: "To the lobby", href: to() }}>The address is mistyped.</>`);
}

function NotLoaded() {
  const again = { label: "Try again", run: () => location.reload() };
  return frame("Not loaded", html`<${Empty} kind="bad" level=${1} title="This page did not come" action=${again}>The server did not answer while it was loading.</>`);
}

function Unreachable() {
  useEffect(() => {
    applyStyles(["account"]);
  }, []);
  return frame("No answer", html`<${Empty} kind="bad" level=${1} title="No answer from the server" action=${{ label: "Try now", run: () => session.begin() }}>It may be restarting. This page tries again by itself.</>`);
}

render(html`<${App} />`, document.body);
session.begin();
