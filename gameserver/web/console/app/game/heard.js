// What each broadcast changes in what the page knows of the game. Every function is named as the broadcast.

const END_FIELDS = [
  "winning_target",
  "winning_targets",
  "price",
  "prices",
  "is_money_return",
  "amount_total",
  "participants",
  "resolved_at",
  "event_id",
];
const SUM_FIELDS = ["participants", "amount_total", "bet_count", "distribution"];
const NOTE_MS = 120_000;

const pick = (message, names) =>
  Object.fromEntries(names.filter((name) => name in message).map((name) => [name, message[name]]));

function ended(game, message) {
  const isKnown = game.merge(message.pool_id, message.version, { status: "resolved", ...pick(message, END_FIELDS) });
  if (!isKnown) return;
  game.end(message.pool_id, { at: message.resolved_at ?? message.expired_at, ...outcomeFor(game, message) });
}

/** What an ended pool has come to for me, as far as the broadcast lists me. */
function outcomeFor(game, message) {
  const me = String(game.me.id);
  const net = message.winners[me] ?? (message.losers[me] === undefined ? null : -Math.abs(message.losers[me]));
  return {
    net,
    isLate: message.invalidated_bettors.includes(game.me.id),
    expired: message.res_name === "bet_pool_expired",
  };
}

function applyEvent(game, { event_id: id, ...event }) {
  if (event.action_id === undefined) return;
  game.addEvent(id, { ...event, voided_at: null });
  game.count(event);
}

export const HEARD = {
  new_betting_pool(game, { response_header: _, res: __, res_name: ___, ...pool }) {
    const isNew = !game.views.pools.has(pool.pool_id);
    if (!game.merge(pool.pool_id, pool.version, pool)) return;
    game.reopen(pool.pool_id);
    if (isNew) game.tell("pool", `New pool: ${pool.description}`);
  },

  betting_pool_bets_distribution_update(game, message) {
    game.mergeDistribution(message.pool_id, message.version, pick(message, SUM_FIELDS));
  },

  bet_pool_resolved: ended,
  bet_pool_expired: ended,

  new_game_event(game, message) {
    applyEvent(game, message);
    if (message.action_id !== undefined) game.tellEvent(message);
  },

  game_event_voided(game, message) {
    game.strike(message.event_id, message.reason, message.response_header.t);
    if (message.action_id !== null) game.count(message);
    game.note(message, message.reason, NOTE_MS);
  },

  game_event_amended(game, message) {
    game.strike(message.voided_event_id, "corrected", message.response_header.t);
    applyEvent(game, message);
    game.note(message, "corrected", NOTE_MS);
  },

  betting_pool_voided(game, message) {
    const fields = { status: "voided", ...pick(message, ["amount_total", "participants"]) };
    if (game.merge(message.pool_id, message.version, fields)) {
      game.end(message.pool_id, { at: message.response_header.t, reason: message.reason, isVoid: true });
    }
  },

  hot_betting_pool_suggested(game, message) {
    if (!message.pool_id) return;
    const isHot = message.hot_since !== null;
    if (game.merge(message.pool_id, message.version, { is_hot: isHot }) && isHot) {
      game.tell("hot", `Hot: ${game.views.pools.get(message.pool_id).description ?? "a pool"}`);
    }
  },

  betting_in_pool_blocked(game, message) {
    game.merge(message.pool_id, message.version, { is_blocked: true, blocked_at: message.blocked_at });
  },

  betting_in_pool_allowed(game, message) {
    game.merge(message.pool_id, message.version, { is_blocked: false, blocked_at: null });
  },

  betting_for_game_held(game, message) {
    game.update({ held_at: message.response_header.t });
  },

  betting_for_game_released(game) {
    game.update({ held_at: null });
  },

  game_details(game, message) {
    const { past_events: events, ...fields } = message;
    game.update(
      message.partial ? { ...fields, past_events: game.details.past_events } : { ...fields, past_events: events },
    );
  },

  match_clock(game, { period, elapsed_ms, is_running, at }) {
    game.setClock({ period, elapsed_ms, is_running, at });
  },

  labels_changed(game) {
    game.reloadDetails();
  },

  game_closed(game, message) {
    game.close(message);
  },

  game_reopened(game, message) {
    game.update({ closed_at: null, close_at: message.close_at });
    game.table.soon();
    game.tell(null, "The game goes on");
  },

  user_joined_game(game, message) {
    game.setPresent(message, true);
  },

  user_left_game(game, message) {
    game.setPresent(message, false);
  },

  presence_update(game, message) {
    game.update({ subscribers: message.subscribers });
  },

  leaderboard_update(game) {
    game.table.soon();
  },

  new_text_message(game, message) {
    game.chat.add(message);
  },

  text_message_removed(game, message) {
    game.chat.remove(message.message_id);
  },

  friend_bet(game, message) {
    if (game.views.pools.has(message.pool_id)) game.friends.add(message);
  },
};
