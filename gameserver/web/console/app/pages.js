// Which page an address shows, and the styles it needs. A page's module is loaded when it is first shown.
/** name → { load, styles, properties of the parts of the address }. */
export const PAGES = {
  lobby: { load: async () => (await import("./lobby.js")).LobbyPage, styles: ["lobby"] },
  "sign-in": { load: async () => (await import("./sign_in.js")).SignInPage, styles: ["account"] },
  "sign-up": { load: async () => (await import("./sign_in.js")).SignInPage, styles: ["account"], fixed: { isNew: true } },
  key: { load: async () => (await import("./coming_in.js")).KeyPage, styles: ["lobby"] },
  play: { load: async () => (await import("./coming_in.js")).PlayPage, styles: ["lobby"] },
  desk: { load: async () => (await import("./desk/page.js")).DeskPage, styles: ["desk", "game", "lobby"] },
  overlay: { load: async () => (await import("./overlay.js")).OverlayPage, styles: ["overlay"] },
  account: { load: async () => (await import("./account/page.js")).AccountPage, styles: ["account"] },
  admin: { load: async () => (await import("./admin/page.js")).AdminPage, styles: ["account", "admin"] },
  "new-game": { load: async () => (await import("./desk/game_form.js")).GameFormPage, styles: ["desk"] },
  game: { load: async () => (await import("./game/page.js")).GamePage, styles: ["game", "lobby"] },
};

const links = new Map();

/** Let the styles of a page apply, and no other page's; resolves when they have come. */
export async function applyStyles(names) {
  const loaded = names.map((name) => links.get(name) ?? addStyle(name));
  await Promise.all(loaded.map(({ ready }) => ready));
  for (const [name, { link }] of links) link.disabled = !names.includes(name);
}

function addStyle(name) {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `style/${name}.css` });
  const ready = new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
  links.set(name, { link, ready });
  document.head.append(link);
  return links.get(name);
}
