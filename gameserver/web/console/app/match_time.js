// From moments to minutes of the match. The server's clock tells period and time since it was set at last; earlier
// readings are those this page has heard, and kick-off stands in for those it has not.

const MINUTE_MS = 60_000;
const HALF_MS = 45 * MINUTE_MS;
const NAMES = { "1H": "1st half", HT: "Half-time", "2H": "2nd half", ET: "Extra time", ET1: "Extra time", ET2: "Extra time", FT: "Full time", PEN: "Penalties" };

export const periodName = (period) => NAMES[period.toUpperCase()] ?? period;

/** What a reading of the clock shows at a moment, in milliseconds of the match. */
export function shown(reading, at) {
  return reading.elapsed_ms + (reading.is_running ? Math.max(0, at - reading.at) : 0);
}

/**
 * The milliseconds of the match at a moment; `readings` in the order of `at`, perhaps none. For what lies before the
 * first of them, the time that the clock has lost since kick-off is taken for the break at half-time.
 */
export function elapsedAt(readings, liveStartAt, at) {
  const sinceStart = at - liveStartAt;
  if (readings.length === 0) return sinceStart;
  const reading = readings.findLast((known) => known.at <= at);
  if (reading !== undefined) return shown(reading, at);
  const [first] = readings;
  const lost = first.at - liveStartAt - first.elapsed_ms;
  const afterBreak = sinceStart - lost;
  const isFirstHalf = first.elapsed_ms <= HALF_MS || afterBreak < HALF_MS;
  return isFirstHalf ? Math.min(sinceStart, HALF_MS) : afterBreak;
}

/** 80.4 → "81’", as the minute that is running is called; "45+2’" in added time. */
export function minuteLabel(elapsedMs, period) {
  const minute = Math.max(1, Math.ceil(elapsedMs / MINUTE_MS + 1e-9));
  const end = { "1H": 45, "2H": 90 }[period?.toUpperCase()];
  return end !== undefined && minute > end ? `${end}+${minute - end}’` : `${minute}’`;
}

/** How long the line is, in minutes, and its marks, for a match with a clock; without one it runs from start to now. */
export function lineOf(readings, nowMinute, lengthMinutes) {
  if (readings.length === 0) return { length: Math.max(lengthMinutes ?? 60, nowMinute * 1.04, 1), ticks: [] };
  const isExtra = nowMinute > 95 || readings.some((reading) => /^(ET|PEN)/i.test(reading.period));
  const ticks = [[45, "HT"], ...(isExtra ? [[90, "FT"], [105, "ET"]] : [])];
  return { length: Math.max(isExtra ? 120 : 90, nowMinute * 1.01), ticks };
}
