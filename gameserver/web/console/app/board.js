// The scoreboard: sides, score and clock over the match line. It heads the game, and the lobby.
import { html } from "./html.js";

const FIELD =
  "M670 -40V300M-40 -60H180V280H-40M1380 -60H1160V280H1380M-40 30H70V190H-40M1380 30H1270V190H1380M180 50a84 84 0 0 1 0 120M1160 50a84 84 0 0 0 0 120";
const UPRIGHT =
  "M-20 450H780M110 -10V190H650V-10M110 910V710H650V910M250 -10V70H510V-10M250 910V830H510V910M280 190a110 110 0 0 0 200 0M280 710a110 110 0 0 1 200 0";

export function Pitch({ isUpright = false }) {
  return html`<svg
    class="board__pitch"
    viewBox=${isUpright ? "0 0 760 900" : "0 0 1340 220"}
    preserveAspectRatio="xMidYMid slice"
    aria-hidden="true"
  >
    <path d=${isUpright ? UPRIGHT : FIELD} />
    ${isUpright ? html`<circle cx="380" cy="450" r="150" /><circle cx="380" cy="450" r="4" />` : html`<circle cx="670" cy="110" r="120" /><circle cx="670" cy="110" r="3" />`}
  </svg>`;
}

/**
 * Two sides and their score, or the name alone of a game that has none. `sides` are { name, symbol, side, points,
 * scorers }; `clock` is what stands below the score.
 */
export function Score({ name, sides, clock }) {
  if (sides.length !== 2) {
    return html`<div class="score score--name">
      <div class="score__mid">
        <p class="score__name">${name}</p>
        ${
          sides.length > 2 &&
          html`<p class="score__scorers">
            ${sides
              .slice(0, 6)
              .map(({ name: who, points }) => `${who} ${points}`)
              .join(" · ")}
          </p>`
        }${clock}
      </div>
    </div>`;
  }
  const [home, away] = sides;
  return html`<div class="score">
    <div class="score__side">
      <div>
        <p class="score__name">${home.name}</p>
        <${Scorers} names=${home.scorers} />
      </div>
      <${Badge} ...${home} />
    </div>
    <div class="score__mid">
      <p class="score__figures">
        <span class="vh">${home.name} ${home.points}, ${away.name} ${away.points}</span
        ><span aria-hidden="true">${home.points}</span><i class="score__dash"></i
        ><span aria-hidden="true">${away.points}</span>
      </p>
      ${clock}
    </div>
    <div class="score__side score__side--away">
      <${Badge} ...${away} />
      <div>
        <p class="score__name">${away.name}</p>
        <${Scorers} names=${away.scorers} />
      </div>
    </div>
  </div>`;
}

function Scorers({ names }) {
  return names && html`<p class="score__scorers">${names}</p>`;
}

function Badge({ symbol, side }) {
  return html`<span class="score__badge" data-side=${side} aria-hidden="true">${symbol}</span>`;
}
