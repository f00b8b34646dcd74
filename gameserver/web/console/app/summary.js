// A game as its board shows it: sides with their scorers, and the match line.
import { elapsedAt, lineOf, minuteLabel } from "./match_time.js";
import { flatten } from "./targets.js";

/** What an event is to who looks: a goal where its action scores, a card by its name. */
export function kindOf(actionId, scores) {
  if ((scores?.[actionId] ?? 0) !== 0) return "goal";
  if (/yellow/.test(actionId)) return "yellow";
  return /red/.test(actionId) ? "red" : "other";
}

/** The clock's readings that are known, oldest first: those heard by this page, and the latest. */
export function readingsOf(details, heard = []) {
  return details.clock === null || heard.some(({ at }) => at === details.clock.at) ? heard : [...heard, details.clock];
}

/** { sides, line } of a game by its details. The line of a game that is over runs to where it ended. */
export function boardOf(details, now, heard) {
  const { live_start_at: start, live_finish_at: finish, closed_at: closedAt } = details;
  const readings = readingsOf(details, heard);
  const nowMinute = Math.max(0, elapsedAt(readings, start, closedAt ?? now) / 60_000);
  const { length, ticks } = lineOf(readings, nowMinute, finish ? (finish - start) / 60_000 : null);
  const minute = now >= start ? nowMinute : null;
  const isOver = Boolean(closedAt);
  const targets = flatten(details.targets);
  const marks = marksOf(details, targets, readings);
  const sides = sidesOf(details, targets, marks);
  return { sides, line: { minute, isOver, length, ticks, marks, title: describe(sides, nowMinute, marks) } };
}

function marksOf(details, targets, readings) {
  const roots = [...targets.values()].filter((target) => target.root === target.id && target.id !== "none");
  return Object.entries(details.past_events)
    .filter(([, event]) => !event.voided_at)
    .map(([id, event]) => {
      const elapsed = elapsedAt(readings, details.live_start_at, event.happened_at);
      const target = targets.get(event.target_id);
      const period = readings.findLast((reading) => reading.at <= event.happened_at)?.period;
      return {
        id,
        kind: kindOf(event.action_id, details.scores),
        minute: Math.max(0, elapsed / 60_000),
        label: minuteLabel(Math.max(0, elapsed), period),
        who: event.target_display_name ?? target?.name,
        root: target?.root,
        side: target?.side ?? "none",
        half: roots.findIndex((root) => root.id === target?.root) % 2 === 1 ? "down" : "up",
      };
    })
    .filter((mark) => mark.kind !== "other")
    .sort((a, b) => a.minute - b.minute);
}

function sidesOf(details, targets, marks) {
  const score = details.score ?? {};
  return Object.keys(score)
    .map((id) => targets.get(id))
    .filter(Boolean)
    .map((target) => ({ ...target, symbol: target.symbol.toUpperCase(), points: score[target.id], scorers: scorers(marks, target.id) }));
}

/** "Messi 23’, 108’ · Di María 36’" */
function scorers(marks, root) {
  const minutes = new Map();
  for (const goal of marks) {
    if (goal.kind === "goal" && goal.root === root) minutes.set(goal.who, [...(minutes.get(goal.who) ?? []), goal.label]);
  }
  return [...minutes].map(([who, labels]) => `${who} ${labels.join(", ")}`).join(" · ");
}

function describe(sides, nowMinute, marks) {
  const goals = sides.map(({ name, id }) => {
    const own = marks.filter((mark) => mark.kind === "goal" && mark.root === id);
    return own.length > 0 && `${name} ${own.map(({ label }) => label).join(", ")}`;
  });
  const told = goals.filter(Boolean).join("; ");
  return `Match line to minute ${Math.floor(nowMinute)}. ${told ? `Goals: ${told}.` : "No goals yet."}`;
}
