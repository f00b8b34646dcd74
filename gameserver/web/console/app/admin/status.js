// The server's figures, asked for every two seconds while they are looked at.
import { ago, count } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { session } from "../session.js";
import { StepChart } from "../step_chart.js";
import { Loading } from "../ui.js";

const EVERY_MS = 2_000;
const KEPT = 150;
const MIB = 2 ** 20;

const ms = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : count(value)} ms`);
const mib = (value) => `${(value / MIB).toFixed(1)} MiB`;
const rate = (value) => `${value < 10 ? value.toFixed(1) : count(value)}/s`;

/** name → [label, how it is written] */
const CHARTS = {
  connections: ["Connections", count],
  requests_per_s: ["Requests", rate],
  bets_per_s: ["Bets", rate],
  deliveries_per_s: ["Deliveries", rate],
  loop_delay_ms: ["Delay of the loop", ms],
  commit_p99_ms: ["Slowest commits (p99)", ms],
};
const FIGURES = { users_online: ["Users online", count], games_open: ["Open games", count], subscribers: ["Watching", count], waiting_writes: ["Waiting writes", count], database_bytes: ["Database", mib], log_bytes: ["Log", mib] };

export function Status() {
  const [samples, setSamples] = useState([]);
  useEffect(() => {
    const look = async () => {
      const status = await session.client.call("get_server_status", {}).catch(() => null);
      if (status !== null) setSamples((before) => [...before.slice(1 - KEPT), status]);
    };
    look();
    const timer = setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const now = samples.at(-1);
  if (now === undefined) return html`<${Loading} />`;
  return html`<p class="mid">Version ${now.version}, running for ${ago(now.response_header.t - now.started_at)}</p>
    <dl class="stats stats--6">${Object.entries(FIGURES).map(([name, [label, write]]) => html`<div key=${name}><dt>${label}</dt><dd>${write(now[name])}</dd></div>`)}</dl>
    <div class="kit__grid">${Object.entries(CHARTS).map(([name, [label, write]]) => html`<${Chart} key=${name} name=${name} label=${label} write=${write} samples=${samples} />`)}</div>`;
}

function Chart({ name, label, write, samples }) {
  const points = samples.filter((sample) => sample[name] !== null).map((sample) => ({ at: sample.response_header.t, value: sample[name] }));
  const last = points.at(-1);
  const time = (at) => new Date(at).toLocaleTimeString("en-GB");
  return html`<section class="card" aria-label=${label}><div class="card__head"><h2>${label}</h2><b class="push">${last ? write(last.value) : "–"}</b></div>
    <div class="card__body">${last && html`<${StepChart} isWhole=${write === count} points=${points} until=${last.at} base=${0} label=${write} time=${time} title=${`${label}: ${write(last.value)} now, at most ${write(Math.max(...points.map(({ value }) => value)))} since ${time(points[0].at)}`} height=${150} />`}</div>
  </section>`;
}
