// Numbers, times and names as the console writes them.

const MINUS = "−";
const figures = new Map();

function grouped(value, places) {
  if (!figures.has(places)) {
    const options = { minimumFractionDigits: places, maximumFractionDigits: places };
    figures.set(places, new Intl.NumberFormat("en", options));
  }
  return figures.get(places).format(value);
}

/** Round down to `places`, but not below what binary fractions mean. */
export function floorTo(value, places) {
  const scale = 10 ** places;
  return Math.floor(value * scale + 1e-6) / scale;
}

/** 1136.4 → "1,136.40" */
export function money(amount, places = 2) {
  return grouped(amount, places).replace("-", MINUS);
}

/** A stake: "50", but "12.50". */
export function stake(amount, places = 2) {
  return Number.isInteger(Number(amount)) ? grouped(Number(amount), 0) : money(Number(amount), places);
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1, roundingMode: "trunc" });

/** What fits everywhere: 98765432109 → "98.7B" */
export function brief(number) {
  return compact.format(number).replace("-", MINUS);
}

/** 1136.4 → "1,136.40", but from ten million on as brief as can be. */
export function briefMoney(amount, places = 2) {
  return Math.abs(amount) < 1e7 ? money(amount, places) : brief(amount);
}

/** A gain or loss with its sign. */
export function net(amount, places = 2) {
  return (amount > 0 ? "+" : "") + briefMoney(amount, places);
}

/** What one unit returns, rounded down: 2 places under 10, 1 under 100, 0 above, from a million on "1.2M". */
export function price(value) {
  if (value >= 1e6) return brief(value);
  const places = value < 10 ? 2 : value < 100 ? 1 : 0;
  return grouped(floorTo(value, places), places);
}

export function count(number) {
  return grouped(number, 0);
}

/** 1 → "1 player", 2 → "2 players" */
export function counted(number, noun, nouns = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : nouns}`;
}

const two = (number) => String(number).padStart(2, "0");

/** How long until something: "0:18", "24:48", "3 h 50", "8 days". */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))}`;
  return counted(Math.floor(seconds / 86_400), "day");
}

/** How long ago: "8 s", "2 m", "3 h". */
export function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** A match's time: "117:12". */
export function matchTime(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

export function timeOfDay(ms, { withMillis = false } = {}) {
  const at = new Date(ms);
  const minutes = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return withMillis ? `${minutes}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}` : minutes;
}

/** "today", or "Mon 26 Dec". */
export function day(ms, now) {
  const at = new Date(ms);
  if (at.toDateString() === new Date(now).toDateString()) return "today";
  return at.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" }).replace(",", "");
}

export function initials(name) {
  return [...name].slice(0, 2).join("");
}

/** "World Cup 2022" → "WC" */
export function monogram(name) {
  const words = name.split(/[\s-]+/).filter((word) => !/^(the|\d*)$/i.test(word));
  return (words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]).join("") : initials(words[0] ?? name)).toUpperCase();
}

/** "world-cup" → "World cup", for a name of which only the id is known. */
export function nameFromId(id) {
  const words = id.split(":").at(-1).replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
