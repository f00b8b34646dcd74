// The head of the desk: score, clock and match line, and what concerns all of the game.
import { count, matchTime } from "../format.js";
import { html, memo } from "../html.js";
import { Icon } from "../icons.js";
import { MatchLine } from "../match_line.js";
import { periodName, shown } from "../match_time.js";
import { session } from "../session.js";
import { boardOf } from "../summary.js";
import { Plate, useNow } from "../ui.js";

export const Strip = memo(({ details, readings, acts }) => {
  const now = useNow(() => session.now());
  const { sides, line } = boardOf(details, now, readings);
  const isClosed = details.closed_at !== null;
  return html`<section class="board strip" aria-label="Score">
    <div class="row"><${Figures} name=${details.name} sides=${sides} /><${Clock} details=${details} now=${now} open=${acts.clock} /></div>
    <${MatchLine} ...${line} />
    <div class="row">
      ${!isClosed && html`<${Hold} isHeld=${details.held_at !== null} act=${acts.hold} />`}
      ${!isClosed && html`<button type="button" class="btn desk-only" onClick=${acts.invite}><${Icon} name="code" small=${true} />Invite</button><button type="button" class="btn desk-only" onClick=${acts.close}>Close game</button>`}
      <button type="button" class="btn btn--icon" aria-label="More about the game" title="Times, scoring, admins, overlay" onClick=${acts.settings}><${Icon} name="more" /></button>
    </div>
  </section>`;
});

function Figures({ name, sides }) {
  if (sides.length !== 2) return html`<p class="strip__score"><span class="cut">${name}</span></p>`;
  const [home, away] = sides;
  return html`<p class="strip__score"><span class="vh">${home.name} ${home.points}, ${away.name} ${away.points}</span>
    <${Plate} side=${home.side}>${home.symbol}</><span aria-hidden="true">${home.points}</span><i class="score__dash"></i><span aria-hidden="true">${away.points}</span><${Plate} side=${away.side}>${away.symbol}</>
  </p>`;
}

function Clock({ details, now, open }) {
  const { clock } = details;
  const time = details.closed_at !== null ? "Closed" : clock === null ? "Set clock" : matchTime(shown(clock, now));
  const isRunning = clock?.is_running && details.closed_at === null;
  return html`<button type="button" class="strip__clock" onClick=${open} disabled=${details.closed_at !== null} aria-label=${`Match clock: ${time}`}>
    <span class="row"><span class=${isRunning ? "dot dot--live" : "dot"}></span>${time}</span>
    <small>${clock && `${periodName(clock.period)}, `}${count(details.subscribers ?? 1)} watching</small>
  </button>`;
}

function Hold({ isHeld, act }) {
  if (isHeld) return html`<button type="button" class="btn btn--ink" onClick=${act}>Let bets in<kbd class="desk-only" aria-hidden="true">H</kbd></button>`;
  return html`<button type="button" class="btn btn--danger" onClick=${act}><${Icon} name="pause" small=${true} /><span>Hold<span class="desk-only"> betting</span></span><kbd class="desk-only" aria-hidden="true">H</kbd></button>`;
}
