// The icons, drawn in a square of 20.
import { html } from "./html.js";

const SHAPES = {
  clock: html`<circle cx="10" cy="10" r="7" /><path d="M10 6v4l2.500 2" />`,
  eye: html`<path d="M2.500 10S5.200 5 10 5s7.500 5 7.500 5-2.700 5-7.500 5-7.500-5-7.500-5Z" /><circle cx="10" cy="10" r="2.200" />`,
  flame: html`<path d="M10 2.500c.6 3-3.900 4.600-3.900 9A4 4 0 0 0 10 16.700a4 4 0 0 0 3.900-4.200c0-1.900-1-2.900-1.500-4-.6 1-1.100 1.400-1.800 1.700C11 7.500 11.500 4.700 10 2.500Z" />`,
  right: html`<path d="M4 10h12M11.500 5.500 16 10l-4.500 4.500" />`,
  back: html`<path d="m12 5-5 5 5 5" />`,
  down: html`<path d="m5 8 5 5 5-5" />`,
  check: html`<path d="m4 10.500 4 4 8-9" />`,
  close: html`<path d="m5 5 10 10M15 5 5 15" />`,
  lock: html`<rect x="4" y="9" width="12" height="8" rx="2" /><path d="M7 9V6.500a3 3 0 0 1 6 0V9" />`,
  pause: html`<path d="M7 5v10M13 5v10" />`,
  undo: html`<path d="M4.500 8h7a4 4 0 0 1 0 8H8" /><path d="M7.500 4.500 4 8l3.500 3.500" />`,
  info: html`<circle cx="10" cy="10" r="7" /><path d="M10 9.500V14" /><circle cx="10" cy="6.700" r=".5" fill="currentColor" />`,
  warning: html`<path d="M10 3.500 17.500 16.500h-15L10 3.500Z" /><path d="M10 8.500v3.500" /><circle cx="10" cy="14.200" r=".5" fill="currentColor" />`,
  key: html`<circle cx="7" cy="10" r="3.500" /><path d="M10.500 10H17v3M14 10v2.500" />`,
  plus: html`<path d="M10 4v12M4 10h12" />`,
  send: html`<path d="M3 10 17 3.500 13 17l-3-5.500L3 10Z" /><path d="m10 11.500 7-8" />`,
  ball: html`<circle cx="10" cy="10" r="7" /><path d="m10 6.800 3 2.200-1.150 3.500h-3.700L7 9l3-2.200ZM10 3v3.800M13 9l3.700-1.200M11.850 12.500l2.300 3.100M8.150 12.500l-2.300 3.100M7 9 3.300 7.800" />`,
  sound: html`<path d="M3 8v4h2.500L9.500 15V5L5.500 8H3Z" /><path d="M12.500 7.500a3.500 3.500 0 0 1 0 5M14.700 5.300a6.600 6.600 0 0 1 0 9.400" />`,
  mute: html`<path d="M3 8v4h2.500L9.500 15V5L5.500 8H3Z" /><path d="m12.500 8 4.500 4.500M17 8l-4.500 4.500" />`,
  pools: html`<path d="M3.500 5.500h13M3.500 10h8M3.500 14.500h4" />`,
  bets: html`<path d="M5 3.500h10v13.500l-2.500-1.500L10 17l-2.500-1.500L5 17V3.500Z" /><path d="M8 7.500h4M8 10.500h4" />`,
  match: html`<path d="M2.500 10h15" /><path d="M6 10V5M11 10v5M14.500 10V6" />`,
  table: html`<path d="M4 16V10M10 16V4M16 16V8" />`,
  whistle: html`<circle cx="7.500" cy="11.500" r="4.500" /><path d="M7.500 7H17v3h-5.200" /><circle cx="7.500" cy="11.500" r="1.200" />`,
  card: html`<rect x="6" y="3.500" width="8" height="13" rx="1.500" />`,
  flag: html`<path d="M5 17V3.500l10 3.500-10 3.500" />`,
  swap: html`<path d="M4 7h11l-3-3M16 13H5l3 3" />`,
  saved: html`<circle cx="10" cy="10" r="6.500" /><circle cx="10" cy="10" r="2.500" />`,
  find: html`<circle cx="9" cy="9" r="5" /><path d="m13 13 4 4" />`,
  more: html`<circle cx="4.500" cy="10" r="1" fill="currentColor" /><circle cx="10" cy="10" r="1" fill="currentColor" /><circle cx="15.500" cy="10" r="1" fill="currentColor" />`,
  code: html`<path d="M3.500 3.500h5v5h-5zM11.500 3.500h5v5h-5zM3.500 11.500h5v5h-5zM11.500 11.500h2v2h-2zM14.500 14.500h2v2h-2z" />`,
  chat: html`<path d="M3.500 5.500a2 2 0 0 1 2-2h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H9l-3.500 3v-3a2 2 0 0 1-2-2v-6Z" />`,
};

export function Icon({ name, small = false }) {
  const shape = SHAPES[name];
  return html`<svg class=${small ? "icon icon--s" : "icon"} viewBox="0 0 20 20" aria-hidden="true">${shape}</svg>`;
}

/** A small triangle: a price, or a rank, that went up or down. */
export function Move({ isUp, className }) {
  const path = isUp ? "M5 1.500 9.500 9H.5z" : "M5 8.500.5 1h9z";
  return html`<svg class=${className} viewBox="0 0 10 10" aria-hidden="true"><path d=${path} /></svg>`;
}
