// The match as a line: the first side above it, the second below, a dot for now.
import { html } from "./html.js";

/**
 * `marks` are { minute, label, kind: "goal" | "yellow" | "red", half: "up" | "down", side }, `ticks` [minute, name].
 * `minute` is now, or the end of a match that is over; null before the match.
 */
export function MatchLine({ minute, isOver = false, length, marks = [], ticks = [], title }) {
  const goals = marks.filter((mark) => mark.kind === "goal");
  return html`<div
    class="mline"
    style=${{ "--now": minute ?? 0, "--len": length }}
    role="img"
    aria-label=${title ?? "Match line on which nothing has happened yet"}
  >
    <span class="mline__rail"></span><span class="mline__run"></span>
    ${ticks.map(([at, name]) => html`<span key=${`t${at}`} class="mline__tick" style=${{ "--t": at }}></span><span key=${`l${at}`} class="mline__lab" style=${{ "--t": at }}>${name}</span>`)}
    ${spread(marks, length).map(({ mark, nudge }) => html`<span key=${mark.id} class="mline__ev" data-kind=${mark.kind} data-side=${mark.side} data-half=${mark.half} style=${{ "--t": mark.minute, "--nudge": `${nudge}px` }}></span>`)}
    ${labels(goals, length).map((label) => html`<span key=${label.key} class="mline__n" data-half=${label.half} style=${{ "--t": label.minute }}>${label.text}</span>`)}
    ${minute !== null && html`<span class=${isOver ? "mline__now mline__now--over" : "mline__now"}></span>`}
  </div>`;
}

/** Marks that would lie on each other move apart by a pixel. */
function spread(marks, length) {
  return marks.map((mark, index) => {
    const isNear = (other) => other && other.half === mark.half && Math.abs(other.minute - mark.minute) < length / 100;
    return { mark, nudge: isNear(marks[index - 1]) ? 1 : isNear(marks[index + 1]) ? -1 : 0 };
  });
}

/** The minutes of goals; those close together share a label. */
function labels(goals, length) {
  const found = [];
  for (const half of ["up", "down"]) {
    for (const goal of goals.filter((mark) => mark.half === half)) {
      const last = found.findLast((label) => label.half === half);
      if (last && goal.minute - last.last < length / 18) {
        last.minute = (last.minute * last.count + goal.minute) / (last.count + 1);
        Object.assign(last, {
          text: last.count > 2 ? last.text : `${last.text} ${goal.label}`,
          last: goal.minute,
          count: last.count + 1,
        });
      } else found.push({ key: goal.id, half, minute: goal.minute, last: goal.minute, text: goal.label, count: 1 });
    }
  }
  return found;
}
