// A line of steps over time, drawn at its measured width so that its text keeps its size.
import { html, useLayoutEffect, useRef, useState } from "./html.js";

const LEFT = 54;
const TOP = 20;
const BOTTOM = 28;

/**
 * `points` are { at, value }, the oldest first, `until` is where the last one holds to; `base` is a dashed line.
 * `label(value)` and `time(at)` write what stands at the axes, `title` says it all in a sentence; `isWhole`: without
 * fractions between.
 */
export function StepChart({ points, until, base, label, time, title, isWhole = false, height = 210 }) {
  const box = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return html`<div ref=${box} class="chartbox" style=${{ height: `${height}px` }}>${width > LEFT && html`<${Picture} ...${{ points, until, base, label, time, title, isWhole, height, width }} />`}</div>`;
}

function Picture({ points, until, base, label, time, title, isWhole, height, width }) {
  const values = points.map(({ value }) => value).concat(base ?? []);
  const ticks = ticksOf(Math.min(...values), Math.max(...values), isWhole ? 1 : 0);
  const [low, high] = [ticks[0], ticks.at(-1)];
  const start = points[0].at;
  const span = Math.max(1, until - start);
  const x = (at) => LEFT + ((width - LEFT) * (at - start)) / span;
  const y = (value) => height - BOTTOM - ((height - TOP - BOTTOM) * (value - low)) / (high - low);
  const line = `M${x(start).toFixed(1)} ${y(points[0].value).toFixed(1)}${points.slice(1).map((point) => `H${x(point.at).toFixed(1)}V${y(point.value).toFixed(1)}`).join("")}H${width}`;
  const last = points.at(-1).value;
  return html`<svg class="money" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${title}>
    <path class="grid" d=${ticks.map((tick) => `M${LEFT} ${Math.round(y(tick)) + 0.5}H${width}`).join("")} />
    <path class="area" d=${`${line}V${height - BOTTOM}H${LEFT}Z`} />
    ${base !== undefined && html`<path class="base" d=${`M${LEFT} ${y(base).toFixed(1)}H${width}`} />`}
    <path class="ln" d=${line} />
    ${ticks.map((tick) => html`<text key=${tick} x=${LEFT - 8} y=${y(tick) + 4} text-anchor="end">${label(tick)}</text>`)}
    <text x=${LEFT} y=${height - 6}>${time(start)}</text>${time(until) !== time(start) && html`<text x=${width} y=${height - 6} text-anchor="end">${time(until)}</text>`}
    <text class="tip" x=${width} y=${Math.max(12, y(last) - 7)} text-anchor="end">${label(last)}</text>
  </svg>`;
}

/** Round values that hold the least and the greatest: three to six of them. */
function ticksOf(least, greatest, smallest) {
  const span = greatest - least || Math.abs(greatest) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 3));
  const step = Math.max(smallest, [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= 4));
  const first = Math.floor(least / step) * step;
  const count = Math.max(1, Math.ceil((greatest - first) / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => Number((first + index * step).toPrecision(12)));
}
