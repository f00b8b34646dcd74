// Times as an operator types them: "5:00" is five minutes, so is "5".
import { matchTime } from "../format.js";

/** Milliseconds of "5", "5:00" or "1:05:00"; null of anything else. */
export function durationOf(text) {
  if (!/^\d{1,4}(:[0-5]\d){0,2}$/.test(text.trim())) return null;
  const parts = text.trim().split(":").map(Number);
  if (parts.length === 1) return parts[0] * 60_000;
  return parts.reduce((sum, part) => sum * 60 + part, 0) * 1_000;
}

/** The moment that a duration leads to. Raises for what is none. */
export function momentIn(text, now) {
  const duration = durationOf(text);
  if (duration === null) throw new Error("write minutes and seconds, such as 5:00");
  return now + duration;
}

/** How long until a moment, as it is typed; empty without one. */
export const remaining = (at, now) => (at === null || at === undefined || at <= now ? "" : matchTime(at - now).replace(/^0(?=\d:)/, ""));

/** A moment as `datetime-local` fields write it. */
export function localTime(ms) {
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The moment of a `datetime-local` field; null of an empty one. */
export const momentOfField = (text) => (text === "" ? null : new Date(text).getTime());
