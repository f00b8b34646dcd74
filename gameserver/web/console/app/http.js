// The server's HTTP side: accounts, and what may be read without one.

/** A refusal of an HTTP request, or its failure (`status` 0). */
export class HttpRefused extends Error {
  constructor(status, { code = "unreachable", msg = "the server does not answer", field = null } = {}, retryAfterS = null) {
    super(msg);
    Object.assign(this, { status, code, field, retryAfterS });
  }
}

/** The JSON that a path answers with, relative to the console. Rejects with `HttpRefused`. */
export async function http(method, path, body, headers = {}) {
  const options = { method, headers };
  if (body !== undefined) {
    options.headers = { ...headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), options);
  } catch {
    throw new HttpRefused(0);
  }
  const value = await response.json().catch(() => undefined);
  if (response.ok && value !== undefined) return value;
  throw new HttpRefused(response.status, value, Number(response.headers.get("Retry-After")) || null);
}

const active = ({ source_id: source }) => `r/sources/${source}/games/active/`;
const PUBLIC = {
  get_game_details: ({ source_id: source, game_id: game }) => `${active({ source_id: source })}${game}/`,
  list_game_sources: () => "r/sources/",
  list_games_for_source: active,
  list_upcoming_games_for_source: ({ source_id: source }) => `r/sources/${source}/games/upcoming/`,
  list_all_betting_pools_for_game: ({ source_id: source, game_id: game }) => `${active({ source_id: source })}${game}/pools/open/`,
  get_leaderboard_for_game: ({ game_id: game }) => `r/leaderboard/global/game/${game}/`,
};

/** What an operation that anybody may call answers, without a session. */
export function readPublicly(name, parameters = {}) {
  return http("GET", PUBLIC[name](parameters));
}
