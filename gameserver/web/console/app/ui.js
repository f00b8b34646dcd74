// The parts that all pages share.
import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icons.js";

/** The current time in milliseconds, told anew every `everyMs`. */
export function useNow(now, everyMs = 1_000) {
  const [time, setTime] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setTime(now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Math.max(time, now() - everyMs);
}

/** Name the page in the browser's window and history. */
export function useTitle(title) {
  useEffect(() => {
    document.title = title ? `${title} · gameserver` : "gameserver";
  }, [title]);
}

/** A page, or a part of one, in which there is nothing: a match line on which nothing has happened. */
export function Empty({ title, children, code, action, kind = "", level = 2, isCard = true }) {
  const classes = ["empty", isCard && "card", kind && `empty--${kind}`].filter(Boolean).join(" ");
  return html`<div class=${classes} role=${kind === "bad" ? "alert" : undefined}>
    <span class="empty__line" aria-hidden="true"></span>
    <${`h${level}`}>${title}</>
    ${children && html`<p>${children}</p>`}
    ${code && html`<p class="mono">${code}</p>`}
    ${action && html`<${Action} className="btn" ...${action} />`}
  </div>`;
}

/** A link where there is an address, else a button. */
export function Action({ label, href, run, className }) {
  if (href) return html`<a class=${className} href=${href}>${label}</a>`;
  return html`<button type="button" class=${className} onClick=${run}>${label}</button>`;
}

/** What stands where content is about to be. */
export function Loading({ rows = 3 }) {
  const lines = Array.from({ length: rows }, (_, row) => html`<span key=${row} class="skel skel--row"></span>`);
  return html`<div class="card pool" role="status" aria-busy="true" aria-label="Loading">
    <div class="pool__head"><span class="skel skel--title"></span></div>
    <div class="pool__body">${lines}</div>
  </div>`;
}

export function Field({ id, label, hint, error, ...input }) {
  const note = error || hint;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} class="input" aria-invalid=${error ? "true" : undefined} aria-describedby=${note ? `${id}-note` : undefined} ...${input} />
    ${error ? html`<${FieldError} id=${`${id}-note`}>${error}</>` : hint && html`<p class="field__hint" id=${`${id}-note`}>${hint}</p>`}
  </div>`;
}

export function FieldError({ children, ...others }) {
  return html`<p class="field__error" role="alert" ...${others}><${Icon} name="warning" small=${true} /><span>${children}</span></p>`;
}

/** A choice of one, in a row; the arrow keys move. `options` are [value, label]. */
export function Segments({ label, value, options, choose, className = "seg" }) {
  return html`<span class=${className} role="radiogroup" aria-label=${label} onKeyDown=${moveInRadioGroup}>
    ${options.map(
      ([option, text]) => html`<button type="button" key=${option} role="radio" aria-checked=${String(option === value)} tabindex=${option === value ? 0 : -1} onClick=${() => choose(option)}>${text}</button>`,
    )}
  </span>`;
}

/** Let the arrow keys move the focus among the radios of a group. */
export function moveInRadioGroup(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step === undefined || event.target.getAttribute("role") !== "radio") return;
  event.preventDefault();
  const radios = [...event.currentTarget.querySelectorAll('[role="radio"]:not([disabled])')];
  const next = radios[(radios.indexOf(event.target) + step + radios.length) % radios.length];
  next.focus();
}

/** A badge of a side, or a player's number. */
export function Plate({ side, children, small = false, isLine = false }) {
  return html`<span class=${`plate${small ? " plate--s" : ""}${isLine ? " plate--line" : ""}`} data-side=${side} aria-hidden="true">${children}</span>`;
}

export function Spinner() {
  return html`<span class="btn__spin" aria-hidden="true"></span>`;
}

/**
 * A panel over the page that keeps the focus until it is closed, and then gives it back. `lead` stands before the
 * title, `sub` below it.
 */
export function Sheet({ title, lead, sub, close, children, foot, isWide = false }) {
  const dialog = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  return html`<dialog class="sheet sheet--open" ref=${dialog} aria-labelledby="sheet-title" onClose=${close} onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <div class=${isWide ? "sheet__panel sheet__panel--wide" : "sheet__panel"}>
      <div class="sheet__head"><div class="sheet__lead">${lead}<div><h2 id="sheet-title">${title}</h2>${sub && html`<p class="mid">${sub}</p>`}</div></div><button type="button" class="btn btn--quiet btn--icon push" aria-label="Close" onClick=${() => dialog.current.close()}><${Icon} name="close" /></button></div>
      <div class="sheet__body">${children}</div>
      ${foot && html`<div class="sheet__foot">${foot}</div>`}
    </div>
  </dialog>`;
}
