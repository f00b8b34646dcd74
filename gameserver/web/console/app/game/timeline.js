// What has happened in the match, newest first. What was taken back stays, struck out, with the reason.
import { html, memo } from "../html.js";
import { Icon } from "../icons.js";
import { kindOf } from "../summary.js";
import { Empty } from "../ui.js";

/** Rendered again for other details and other readings of the clock only. */
export const Timeline = memo(({ game, details }) => {
  const events = Object.entries(details.past_events);
  if (events.length === 0)
    return html`<${Empty} title=${details.closed_at === null ? "Nothing has happened yet" : "Nothing happened"} level=${3}>${details.closed_at === null && "Goals and cards appear here as they are registered."}</>`;
  return html`<ol class="card tl">
    ${events.map(([id, event]) => html`<${Event} key=${id} game=${game} event=${event} after=${scoreAfter(game, events, id)} />`)}
  </ol>`;
});

function Event({ game, event, after }) {
  const kind = kindOf(event.action_id, game.details.scores);
  const action = game.details.actions[event.action_id]?.name ?? event.action_id;
  const side = game.targets.get(event.target_id)?.side ?? "none";
  const isOver = Boolean(event.voided_at);
  return html`<li class=${isOver ? "tl__ev tl__ev--void" : "tl__ev"} data-kind=${kind} data-side=${side}>
    <span class="tl__min">${game.minuteOf(event.happened_at)}</span>
    <span class="tl__mark">${kind === "goal" && html`<${Icon} name="ball" />`}</span>
    <span class="tl__who"
      ><span
        >${isOver ? html`<s>${event.target_display_name}</s>` : event.target_display_name}${" "}${kind === "goal" && event.description && html`<span class="dim sm">${event.description}</span>`}<span
          class=${kind === "goal" || kind === "yellow" ? "vh" : "dim xs tl__what"}
          >${action}</span
        ></span
      >${isOver && html`<span class="dim xs">Taken back${event.reason ? `: ${event.reason}` : ""}</span>`}${kind !== "goal" && !isOver && event.description && html`<span class="dim xs">${event.description}</span>`}</span
    >
    ${after && html`<span class="tl__after">${after}</span>`}
  </li>`;
}

/** "3–2" after a goal, counted from the start; null where the sides are not two. */
function scoreAfter(game, events, id) {
  const { scores, score } = game.details;
  const sides = Object.keys(score ?? {});
  const index = events.findIndex(([known]) => known === id);
  if (sides.length !== 2 || events[index][1].voided_at || kindOf(events[index][1].action_id, scores) !== "goal")
    return null;
  const points = { ...score };
  for (const [, event] of events.slice(0, index)) {
    const worth = event.voided_at ? 0 : (scores?.[event.action_id] ?? 0);
    const own = game.targets.get(event.target_id)?.root;
    for (const side of sides) if ((side === own) === worth > 0) points[side] -= Math.abs(worth);
  }
  return sides.map((side) => points[side]).join("–");
}
