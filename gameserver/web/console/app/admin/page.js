// Administration: how the server is, who is on it, the sources, and what admins have done.
import { useStore } from "../store.js";
import { html } from "../html.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { TopBar } from "../shell.js";
import { Empty, useTitle } from "../ui.js";
import { Audit } from "./audit.js";
import { Sources } from "./sources.js";
import { Status } from "./status.js";
import { Users } from "./users.js";

const TABS = [["status", "Server", Status], ["users", "Users", Users], ["sources", "Sources", Sources], ["audit", "Audit", Audit]];

export function AdminPage({ parts: [name] }) {
  useStore(session);
  const [shown, title, View] = TABS.find(([tab]) => tab === name) ?? TABS[0];
  useTitle(`${title}, administration`);
  const mayLook = session.user?.is_admin;
  return html`<${TopBar} crumbs=${[{ label: "Lobby", href: to() }, { label: "Administration" }]} />
    <main id="main" tabindex="-1" class="kit"><h1>Administration</h1>
      ${mayLook ? html`<nav class="seg admin__tabs" aria-label="Administration">${TABS.map(([tab, label]) => html`<a key=${tab} href=${to("admin", tab)} aria-current=${tab === shown ? "page" : undefined}>${label}</a>`)}</nav><${View} />` : html`<${Empty} title="For admins of the server" action=${{ label: "To the lobby", href: to() }}>Another admin, or the command line, can make you one.</>`}
    </main>`;
}
