// The shares of a pool's money over time, as steps: percents, since they are bounded and add up.
import { ago, floorTo } from "../format.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { session } from "../session.js";
import { useNow } from "../ui.js";
import { shares } from "./pool_states.js";

const HEIGHT = 92;
const LABEL_WIDTH = 96;
const LINES = 3;
const TOLD_FROM = 0.05; // of the money there is now: shares of less say nothing
const TICK_MS = 5_000;
const LEAST_MS = 1_000; // what is newer has no history

/** Drawn at its measured width, so that its text has one size everywhere. */
export function ShareChart({ game, pool, sideOf, nameOf }) {
  const place = useRef(null);
  const [width, setWidth] = useState(0);
  const now = useNow(() => session.now(), TICK_MS);
  useEffect(() => {
    game.startTrail(pool.pool_id);
  }, [pool.pool_id]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.min(440, Math.floor(entry.contentRect.width))));
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  const total = pool.amount_total;
  const trail = (game.trails.get(pool.pool_id) ?? []).filter((point) => point.total >= total * TOLD_FROM);
  const points = [...trail, { at: now, shares: shares(pool) }];
  const isShown = width > 0 && total > 0 && now - points[0].at >= LEAST_MS;
  return html`<div class="sparkplace" ref=${place}>
    ${isShown && html`<${Lines} width=${width} points=${points} sideOf=${sideOf} nameOf=${nameOf} />`}
  </div>`;
}

function Lines({ width, points, sideOf, nameOf }) {
  const last = points.at(-1).shares;
  const ids = Object.keys(last)
    .sort((a, b) => last[b] - last[a])
    .slice(0, LINES)
    .filter((id) => last[id] > 0);
  const most = Math.max(10, ...points.flatMap((point) => ids.map((id) => point.shares[id] ?? 0)));
  const right = width - LABEL_WIDTH;
  const [from, until] = [points[0].at, points.at(-1).at];
  const x = (at) => (until === from ? 0 : (right * (at - from)) / (until - from));
  const y = (share) => 4.5 + (HEIGHT - 24) * (1 - share / most);
  const sides = new Set();
  const lines = ids.map((id) => {
    const side = sideOf(id);
    const isSecond = sides.has(side) || (sides.size > 0 && ids.length === 2);
    sides.add(side);
    return { id, side, isSecond, path: steps(points, id, x, y, right), label: `${nameOf(id)} ${Math.round(last[id])}` };
  });
  const labels = apart(lines.map((line) => y(last[line.id]) + 4));
  const told = lines.map(
    ({ id }) => `${nameOf(id)} from ${Math.round(points[0].shares[id] ?? 0)} to ${Math.round(last[id])} percent`,
  );
  return html`<svg
    class="spark"
    width=${width}
    height=${HEIGHT}
    viewBox=${`0 0 ${width} ${HEIGHT}`}
    role="img"
    aria-label=${`Share of points over ${ago(until - from)}: ${told.join(", ")}.`}
  >
    <path class="grid" d=${[0, 0.5, 1].map((part) => `M0 ${floorTo(y(most * part), 1)}H${right}`).join("")} />
    ${lines.map((line) => html`<path key=${line.id} class=${line.isSecond ? "ln ln--b" : "ln"} data-side=${line.side} d=${line.path} />`)}
    <text x="0" y=${HEIGHT - 3}>${ago(until - from)} ago</text>
    <text x=${right} y=${HEIGHT - 3} text-anchor="end">now</text>
    ${lines.map((line, index) => html`<text key=${`t${line.id}`} class="lab" data-side=${line.side} x=${right + 7} y=${labels[index]}>${short(line.label)}</text>`)}
  </svg>`;
}

function steps(points, id, x, y, right) {
  const parts = points.map((point, index) => {
    const height = y(point.shares[id] ?? 0).toFixed(1);
    return index === 0 ? `M0 ${height}` : `H${x(point.at).toFixed(1)}V${height}`;
  });
  return `${parts.join("")}H${right}`;
}

/** Labels keep a line's distance, in the order of their lines. */
function apart(heights) {
  return heights.map((height, index, all) =>
    index > 0 ? (all[index] = Math.max(height, all[index - 1] + 13)) : height,
  );
}

const short = (label) => (label.length > 13 ? `${label.slice(0, 9)}… ${label.split(" ").at(-1)}` : label);
