// Written by `make reference` from the declarations in gameserver/protocol; do not edit.

/** What a message is sent with. */
export interface ResponseHeader {
  /** The server's time, in epoch milliseconds. */
  t: number;
  id?: number | string;
  /** The position of a durable broadcast among the game's. */
  seq?: number;
  /** The reply was stored under the request's key, or the event under its `external_id`: nothing was done. */
  repeated?: boolean;
}

export type OperationName = keyof Operations;
export type MessageName = keyof Messages;
export type Reply<Name extends OperationName> = Messages[Operations[Name]["reply"]] & Received;
export type Broadcast = { [Name in MessageName]: Messages[Name] & Received & { res_name: Name } }[MessageName];
export interface Received { response_header: ResponseHeader; res: number; res_name: MessageName }

/** A refusal (666); its other fields, such as `available`, are those of the message. */
export class Refused extends Error {
  readonly code: ErrorCode;
  readonly field: string | null;
  readonly retryable: boolean;
  readonly details: Messages["error_reply"];
}

/** No answer in time, or no connection: whether a write was carried out is unknown. */
export class Unanswered extends Error {}

export interface Connection {
  /** `ended`: by us, or because the session has ended; it does not come back by itself. */
  state: "connecting" | "live" | "waiting" | "ended";
  /** Why it is not live; null while it is, and at first. */
  reason: "unreachable" | "full" | "slow" | "flood" | "restarting" | "signed_out" | "left" | null;
  /** When the next attempt is made, in the milliseconds of `Date.now()`; null if none is. */
  retryAt: number | null;
}

export interface Subscription {
  /** What 333 told at last; null before. */
  readonly joined: (Messages["game_joined"] & Received) | null;
  leave(): void;
}

export interface SubscriptionEvents {
  /** The connection has joined; `recovered` or not, nothing that follows has been heard before. */
  joined?(reply: Messages["game_joined"] & Received, isAgain: boolean): void;
  /** A broadcast of the game, in the order of its `seq`. */
  heard?(message: Broadcast): void;
  /** Joining was refused; it is tried no more. */
  refused?(refusal: Refused): void;
}

export interface ClientOptions {
  /** The API's address; that of the page's server by default. */
  url?: string;
  /** What logs on; without it the browser's cookie does. */
  sessionKey?: string;
}

export class Client {
  constructor(options?: ClientOptions);
  readonly connection: Connection;
  /** The server's time in epoch milliseconds. */
  now(): number;
  start(): void;
  /** Close the connection for good. */
  stop(): void;
  /** Connect at once, if waiting; else find out whether the connection still works. */
  check(): void;
  /** The sources whose new, opened and closed games are told without joining; reconnects if they are others. */
  watch(sourceIds: string[]): void;
  /** The sources that are watched. */
  readonly sources: readonly string[];
  /**
   * Send a request and resolve to its reply. Writes have a key of their own unless one is given, and are sent again
   * with it after a lost connection and whatever may be retried; reads are sent again too. The same key while it is
   * unanswered is the same request. Rejects with `Refused` or `Unanswered`.
   */
  call<Name extends OperationName>(
    name: Name,
    parameters?: Operations[Name]["parameters"],
    options?: { key?: string; deadlineMs?: number; retrying?(refusal: Refused, inMs: number): void },
  ): Promise<Reply<Name>>;
  /**
   * Join a game, and again after each reconnection with what was heard last, or when it is opened again. With `since`
   * of its details, what came after them is told first; a closed game can be joined so alone.
   */
  join(gameId: string, events: SubscriptionEvents, since?: { seq: number; epoch: string }): Subscription;
  on(event: "connection", hear: (connection: Connection) => void): () => void;
  on(event: "message", hear: (message: Broadcast) => void): () => void;
}

/** A new idempotency key. */
export function newKey(): string;

/** What is known of pools: of each field, what the greatest `version` told. */
export class PoolViews {
  readonly pools: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Take in a view of a pool; false if all of it was known better. */
  merge(poolId: string, version: number, fields: Record<string, unknown>): boolean;
  clear(): void;
}

export type ErrorCode =
  | "bad_json"
  | "bad_request"
  | "unknown_op"
  | "unsupported_version"
  | "missing_parameter"
  | "invalid_parameter"
  | "not_logged_in"
  | "not_authorized"
  | "not_found"
  | "game_not_open"
  | "game_closed"
  | "source_closed"
  | "betting_blocked"
  | "pool_resolved"
  | "betting_ended"
  | "betting_not_started"
  | "conflict"
  | "stake_limit"
  | "insufficient_funds"
  | "manual_pools_remain"
  | "key_reused"
  | "rate_limited"
  | "busy"
  | "storage_unavailable"
  | "internal";

export interface Operations {
  /** 1. Check that the server answers; the reply's header has its time. */
  ping: {
    parameters: {
    };
    reply: "pong";
  };
  /** 2. List the operation and response codes. */
  get_opcodes: {
    parameters: {
    };
    reply: "opcodes";
  };
  /** 100. Log on: by `header.session_key`, or by `id`, `n` and `h` together. */
  logon: {
    parameters: {
      id?: number | null;
      n?: string | null;
      h?: string | null;
    };
    reply: "logon_success" | "logon_fail" | "logon_fail_already_logged_in";
  };
  /** 101. Make a session key that can only join games and read what everybody may read, for an overlay or a screen. */
  create_view_key: {
    parameters: {
    };
    reply: "view_key_created";
  };
  /** 102. List the user's live sessions. */
  list_my_sessions: {
    parameters: {
    };
    reply: "my_sessions_list";
  };
  /** 103. End one of the user's sessions; the connection's own one too, after the reply. */
  end_session: {
    parameters: {
      session_id: string;
    };
    reply: "session_ended";
  };
  /** 363. Subscribe to a game's broadcasts; with `after_seq`, those after it are sent first. */
  join_game: {
    parameters: {
      game_id: string;
      after_seq?: number | null;
      epoch?: string | null;
    };
    reply: "game_joined";
  };
  /** 364. Unsubscribe from a game's broadcasts. */
  leave_game: {
    parameters: {
      game_id: string;
    };
    reply: "game_left";
  };
  /** 365. Open a game source, under which games are created. */
  open_game_source: {
    parameters: {
      source_name: string;
      description?: string | null;
      takeout?: number | string;
      admins_may_bet?: boolean;
    };
    reply: "game_source_opened";
  };
  /** 366. Close a source and every game of it, upcoming ones too, as close_game does. */
  close_game_source: {
    parameters: {
      source_id: string;
    };
    reply: "game_source_closed";
  };
  /** 367. Make another user an admin of the source. */
  add_source_admin: {
    parameters: {
      source_id: string;
      username: string;
    };
    reply: "source_admin_added";
  };
  /** 368. Remove an admin of the source, other than the user who opened it. */
  remove_source_admin: {
    parameters: {
      source_id: string;
      username: string;
    };
    reply: "source_admin_removed";
  };
  /** 369. Change the given properties of a source. Pools keep the takeout that they were opened with. */
  update_game_source: {
    parameters: {
      source_id: string;
      source_name?: string | null;
      description?: string | null;
      takeout?: number | string;
      admins_may_bet?: boolean | null;
    };
    reply: "game_source_updated";
  };
  /** 370. Create a game with its actions and nested targets, and open it. */
  create_and_open_game: {
    parameters: {
      actions?: Array<string> | string;
      targets?: Array<string> | string;
      labels?: Record<string, TargetLabelParameters> | null;
      action_labels?: Record<string, string> | null;
      source_id: string;
      game_name: string;
      type: string;
      create_at?: number | null;
      open_at?: number | null;
      close_at?: number | null;
      live_start_at?: number | null;
      live_finish_at?: number | null;
      currency?: string;
      hashtag?: string | null;
      image_url?: string | null;
      scores?: Record<string, number> | null;
      chat?: "all" | "accounts" | "off";
    };
    reply: "game_created_and_opened";
  };
  /** 372. Read a game's details with its newest `limit` events, or those older than the event `before`. */
  get_game_details: {
    parameters: {
      game_id: string;
      limit?: number;
      before?: string | null;
      with_voided?: boolean;
    };
    reply: "game_details";
  };
  /** 373. Add actions and targets to a game, and change what is given; `clear` names what gets its default again. */
  update_game_details: {
    parameters: {
      game_id: string;
      game_name?: string | null;
      hashtag?: string | null;
      image_url?: string | null;
      open_at?: number | null;
      close_at?: number | null;
      live_start_at?: number | null;
      live_finish_at?: number | null;
      scores?: Record<string, number> | null;
      chat?: "all" | "accounts" | "off" | null;
      clear?: Array<string> | string;
      actions?: Array<string> | string;
      targets?: Array<string> | string;
      labels?: Record<string, TargetLabelParameters> | null;
      action_labels?: Record<string, string> | null;
    };
    reply: "game_details_updated";
  };
  /** 374. Set what the clock of the match shows `at` a moment, or now. Nothing depends on it. */
  set_match_clock: {
    parameters: {
      game_id: string;
      period: string;
      elapsed_ms: number;
      is_running: boolean;
      at?: number | null;
    };
    reply: "match_clock_set";
  };
  /** 375. Close a game. */
  close_game: {
    parameters: {
      game_id: string;
    };
    reply: "game_closed";
  };
  /** 376. Call a game off: every unresolved pool is voided, with `include_resolved` every resolved one too. */
  cancel_game: {
    parameters: {
      game_id: string;
      reason?: string | null;
      include_resolved?: boolean;
      preview?: boolean;
    };
    reply: "game_cancelled";
  };
  /** 378. Take back a close made by mistake, within `game_log_days`, or free a game that is closing. */
  reopen_game: {
    parameters: {
      game_id: string;
      close_at?: number | null;
      preview?: boolean;
    };
    reply: "game_reopened";
  };
  /** 380. List the games of a source: those that are open or closing, those that are closed, or all there have been. */
  list_games_for_source: {
    parameters: {
      source_id: string;
      status?: "open" | "closed" | "all";
      limit?: number;
      after?: string | null;
    };
    reply: "games_list_for_source";
  };
  /** 382. List the sources that are open. */
  list_game_sources: {
    parameters: {
      limit?: number;
      after?: string | null;
    };
    reply: "game_sources_list";
  };
  /** 383. Read what the games of a source have come to so far, closed ones included. */
  get_source_report: {
    parameters: {
      source_id: string;
    };
    reply: "source_report";
  };
  /** 385. Open a betting pool. */
  create_and_open_betting_pool: {
    parameters: {
      game_id: string;
      description: string;
      action_id?: string | null;
      targets?: Array<string> | string;
      type?: number | null;
      pool_type?: number | null;
      start_at?: number | null;
      finish_at?: number | null;
      stop_accepting_bets_at?: number | null;
      is_blocked?: boolean;
      is_hot?: boolean;
      recreate_on_end?: boolean;
      unlisted_target?: "stay_open" | "none" | "refund";
      min_stake?: number | string;
      max_stake?: number | string;
      is_cancellable?: boolean;
      settle_delay_ms?: number;
    };
    reply: "betting_pool_created";
  };
  /** 387. List the unresolved pools of a game. */
  list_all_betting_pools_for_game: {
    parameters: {
      game_id: string;
      limit?: number;
      after?: string | null;
    };
    reply: "all_betting_pools_for_game";
  };
  /** 388. List the unresolved pools of a game in which the user has no bet. */
  list_my_open_betting_pools_for_game: {
    parameters: {
      game_id: string;
      limit?: number;
      after?: string | null;
    };
    reply: "you_open_pools_list_for_game";
  };
  /** 389. List the unresolved pools of a game in which the user has a bet. */
  list_my_running_pools_for_game: {
    parameters: {
      game_id: string;
      limit?: number;
      after?: string | null;
    };
    reply: "your_running_pools_for_game";
  };
  /** 390. List the ended pools of a game in which the user had a bet. */
  list_my_resolved_pools_for_game: {
    parameters: {
      game_id: string;
      limit?: number;
      after?: string | null;
    };
    reply: "your_resolved_pools_for_game";
  };
  /** 391. Read one of the user's own bets with what was moved for it in the ledger. */
  get_bet_receipt: {
    parameters: {
      bet_id: string;
    };
    reply: "bet_receipt";
  };
  /** 392. Stake an amount, in units of the game's currency, on a target of a pool. */
  place_bet_in_betting_pool: {
    parameters: {
      pool_id: string;
      target: string;
      amount: number | string;
    };
    reply: "bet_placed_in_betting_pool";
  };
  /** 393. Read a pool with its latest bets. */
  get_betting_pool_bets_distribution: {
    parameters: {
      pool_id: string;
    };
    reply: "new_betting_pool_bets_distribution";
  };
  /** 394. Read how the money behind the targets of a pool has grown, at up to `points` times. */
  get_betting_pool_history: {
    parameters: {
      pool_id: string;
      points?: number;
    };
    reply: "betting_pool_history";
  };
  /** 395. Register what happened: `game_id`, `action_id` and `target_id`. Every pool it decides ends. */
  register_game_event: {
    parameters: {
      target_id: string;
      game_id?: string | null;
      action_id?: string | null;
      pool_id?: string | null;
      happened_at?: number | null;
      description?: string | null;
      external_id?: string | null;
    };
    reply: "new_game_event";
  };
  /** 396. Mark a pool as hot, now or at `likely_to_happen_at`, or with `is_hot` false as hot no longer. */
  suggest_hot_betting_pool: {
    parameters: {
      pool_id: string;
      likely_to_happen_at?: number | null;
      is_hot?: boolean;
    };
    reply: "hot_betting_pool_suggested";
  };
  /** 397. Stop a pool from accepting bets, now or at `block_at`. */
  block_betting_in_betting_pool: {
    parameters: {
      pool_id: string;
      block_at?: number | null;
    };
    reply: "betting_in_pool_blocked";
  };
  /** 398. Let a pool accept bets again, now or at `allow_at`. */
  allow_betting_in_betting_pool: {
    parameters: {
      pool_id: string;
      allow_at?: number | null;
    };
    reply: "betting_in_pool_allowed";
  };
  /** 450. Read a part of the ranking by net winnings in a currency, in all games or in those of a type. */
  get_leaderboard: {
    parameters: {
      start?: number;
      end?: number;
      currency?: string;
      game_type?: string | null;
    };
    reply: "leaderboard";
  };
  /** 451. Read a part of the ranking in a game; `currency` is the game's by default, and nobody is ranked in another. */
  get_leaderboard_for_game: {
    parameters: {
      start?: number;
      end?: number;
      game_id: string;
      currency?: string | null;
    };
    reply: "leaderboard_for_game";
  };
  /** 452. Rank the user and the user's friends by all games, or by those of a type. */
  get_friends_leaderboard: {
    parameters: {
      currency?: string;
      game_type?: string | null;
    };
    reply: "leaderboard_friends";
  };
  /** 453. Rank the user and the user's friends by a game; `currency` as in get_leaderboard_for_game. */
  get_friends_leaderboard_for_game: {
    parameters: {
      game_id: string;
      currency?: string | null;
    };
    reply: "leaderboard_friends_for_game";
  };
  /** 454. Rank the user and the user's friends by the games of a source, or by those of a type. */
  get_friends_leaderboard_for_game_source: {
    parameters: {
      source_id: string;
      currency?: string;
      game_type?: string | null;
    };
    reply: "leaderboard_friends_for_game_source";
  };
  /** 460. Read what friends have bet in a pool; with `is_resolved`, only the bets that are settled, or running. */
  get_my_friends_predictions_for_pool: {
    parameters: {
      pool_id: string;
      is_resolved?: boolean | null;
    };
    reply: "my_friends_predictions_for_pool";
  };
  /** 461. Read what friends have bet in a game. */
  get_my_friends_predictions_for_game: {
    parameters: {
      game_id: string;
    };
    reply: "my_friends_predictions_for_game";
  };
  /** 462. Ask another user to be a friend; if that user has asked already, accept. */
  add_friend: {
    parameters: {
      username: string;
    };
    reply: "friend_requested" | "friend_accepted";
  };
  /** 463. Be friends no more; decline the request of another user, or withdraw one's own. */
  remove_friend: {
    parameters: {
      user_id: number;
    };
    reply: "friend_removed";
  };
  /** 464. List the user's friends, and the open requests to be friends. */
  list_friends: {
    parameters: {
    };
    reply: "friends_list";
  };
  /** 465. Accept the request of another user to be a friend. */
  accept_friend: {
    parameters: {
      user_id: number;
    };
    reply: "friend_accepted";
  };
  /** 467. Block another user: no requests and no chat of that user any more, who is not told, and a friend no longer. */
  block_user: {
    parameters: {
      user_id: number;
    };
    reply: "user_blocked";
  };
  /** 468. Block another user no longer. */
  unblock_user: {
    parameters: {
      user_id: number;
    };
    reply: "user_unblocked";
  };
  /** 469. List the users whom the user has blocked. */
  list_blocked: {
    parameters: {
    };
    reply: "blocked_list";
  };
  /** 610. List the games the user is an admin of; `after` takes the `next` of the page before. */
  list_games_i_am_admin_of: {
    parameters: {
      limit?: number;
      after?: string | null;
    };
    reply: "games_i_am_admin_of_list";
  };
  /** 611. List the sources the user is an admin of; `after` takes the `next` of the page before. */
  list_game_sources_i_am_admin_of: {
    parameters: {
      limit?: number;
      after?: string | null;
    };
    reply: "game_sources_i_am_admin_of_list";
  };
  /** 616. Become an admin of the game, as an admin of its source. A repetition succeeds. */
  become_an_admin_for_game: {
    parameters: {
      game_id: string;
    };
    reply: "become_an_admin_for_game_success" | "become_an_admin_for_game_fail";
  };
  /** 617. Make another user an admin of the game, who is notified by become_an_admin_for_game_success. */
  appoint_admin_for_game_by_username: {
    parameters: {
      game_id: string;
      username: string;
    };
    reply: "game_admin_appointed";
  };
  /** 618. Remove an admin of the game, other than the user who opened its source. */
  remove_game_admin: {
    parameters: {
      game_id: string;
      username: string;
    };
    reply: "game_admin_removed";
  };
  /** 800. Read what the user has, staked money included. */
  get_my_current_balance: {
    parameters: {
      currency?: string;
    };
    reply: "your_current_balance";
  };
  /** 810. Read what the user can stake. */
  get_my_available_balance: {
    parameters: {
      currency?: string;
    };
    reply: "your_available_balance";
  };
  /** 820. List the games in which the user has bet, in one currency or in all. */
  get_my_history: {
    parameters: {
      limit?: number;
      after?: string | null;
      currency?: string | null;
    };
    reply: "my_history";
  };
  /** 830. Read what the user's bets that have ended come to, or those of a friend, whom `user_id` names. */
  get_user_statistics: {
    parameters: {
      user_id?: number | null;
      currency?: string;
    };
    reply: "user_statistics";
  };
  /** 831. Read how the user's points have changed in the last `days`, today included. */
  get_my_points_history: {
    parameters: {
      days?: number;
      currency?: string;
    };
    reply: "my_points_history";
  };
  /** 840. Read what the user has staked in running bets. */
  get_my_exposure: {
    parameters: {
      currency?: string;
    };
    reply: "your_exposure";
  };
  /** 900. Write in the chat of one or several games that the user has joined, or of all of them; in all or in none. */
  text_message: {
    parameters: {
      text: string;
      targets?: Array<string> | string | null;
    };
    reply: "text_message_sent";
  };
  /** 902. Read the chat of a game; `before` takes the id of a message, such as the first that has been read. */
  get_chat_history: {
    parameters: {
      channel: string;
      limit?: number;
      before?: string | null;
    };
    reply: "chat_history";
  };
  /** 903. Remove a message from the chat of a game; its text is erased. */
  remove_text_message: {
    parameters: {
      message_id: string;
      reason?: string | null;
    };
    reply: "text_message_removal_done";
  };
  /** 904. Let a user not write in the chat of a game for some time; a new time replaces the old one. */
  mute_user: {
    parameters: {
      game_id: string;
      user_id: number;
      duration_s: number;
      reason?: string | null;
    };
    reply: "user_muted";
  };
  /** 1000. List the users, or those whose names begin with `search`, in order of their names; deleted ones are left out. */
  list_users: {
    parameters: {
      search?: string | null;
      limit?: number;
      after?: number | null;
    };
    reply: "users_list";
  };
  /** 1001. Give a user a role or take it away, ban it or let it back, give it a password, or return its running bets. */
  update_user: {
    parameters: {
      user_id: number;
      is_provider?: boolean | null;
      is_admin?: boolean | null;
      is_banned?: boolean | null;
      password?: string | null;
      void_bets?: boolean;
    };
    reply: "user_updated";
  };
  /** 1002. Give a user an amount from the mint; a negative one goes back there, at most what is available. */
  credit_user: {
    parameters: {
      user_id: number;
      amount: number | string;
      currency?: string;
      reason?: string | null;
    };
    reply: "user_credited";
  };
  /** 1003. Read how the server fares. */
  get_server_status: {
    parameters: {
    };
    reply: "server_status";
  };
  /** 1004. List what admins have done, all of them or a user, and in a source or a game. */
  get_audit_log: {
    parameters: {
      game_id?: string | null;
      source_id?: string | null;
      user_id?: number | null;
      limit?: number;
      before?: number | null;
    };
    reply: "audit_log";
  };
  /** 3701. Create an upcoming game, which open_game opens later. */
  create_game: {
    parameters: {
      actions?: Array<string> | string;
      targets?: Array<string> | string;
      labels?: Record<string, TargetLabelParameters> | null;
      action_labels?: Record<string, string> | null;
      source_id: string;
      game_name: string;
      type: string;
      create_at?: number | null;
      open_at?: number | null;
      close_at?: number | null;
      live_start_at?: number | null;
      live_finish_at?: number | null;
      currency?: string;
      hashtag?: string | null;
      image_url?: string | null;
      scores?: Record<string, number> | null;
      chat?: "all" | "accounts" | "off";
    };
    reply: "game_created";
  };
  /** 3702. Open an upcoming game. */
  open_game: {
    parameters: {
      game_id: string;
      actions?: Array<string> | string;
      targets?: Array<string> | string;
      labels?: Record<string, TargetLabelParameters> | null;
      action_labels?: Record<string, string> | null;
    };
    reply: "game_opened";
  };
  /** 3751. Read what closing the game would do. Nothing changes. */
  preview_close_game: {
    parameters: {
      game_id: string;
    };
    reply: "close_game_preview";
  };
  /** 3811. List the games of a source that are created and not yet opened. */
  list_upcoming_games_for_source: {
    parameters: {
      source_id: string;
      limit?: number;
      after?: string | null;
    };
    reply: "upcoming_games_list_for_source";
  };
  /** 3852. Change an open pool. */
  update_betting_pool: {
    parameters: {
      pool_id: string;
      description?: string | null;
      start_at?: number | null;
      finish_at?: number | null;
      stop_accepting_bets_at?: number | null;
      recreate_on_end?: boolean | null;
      min_stake?: number | string;
      max_stake?: number | string;
      clear?: Array<string> | string;
    };
    reply: "betting_pool_updated";
  };
  /** 3870. List the ended pools of a game. */
  list_resolved_betting_pools_for_game: {
    parameters: {
      game_id: string;
      limit?: number;
      after?: string | null;
    };
    reply: "resolved_betting_pools_for_game";
  };
  /** 3890. List the user's running bets in all games. */
  list_my_running_bets: {
    parameters: {
      limit?: number;
      after?: string | null;
    };
    reply: "my_running_bets";
  };
  /** 3921. Cancel a bet of one's own: in a pool with `is_cancellable`, while it takes bets and the match has not begun. */
  cancel_bet: {
    parameters: {
      bet_id: string;
    };
    reply: "bet_cancelled";
  };
  /** 3950. Read what registering an event, or resolving a pool by hand, would do. Nothing changes. */
  preview_game_event: {
    parameters: {
      target_id?: string | null;
      game_id?: string | null;
      action_id?: string | null;
      pool_id?: string | null;
      winners?: Array<string> | string | null;
      split?: "profit" | "pot" | null;
      happened_at?: number | null;
      description?: string | null;
      external_id?: string | null;
    };
    reply: "game_event_preview";
  };
  /** 3951. Void an event, and take back the settlement of every pool it ended. */
  void_game_event: {
    parameters: {
      game_id: string;
      event_id: string;
      reason?: string | null;
      keep_blocked?: boolean;
    };
    reply: "game_event_voided";
  };
  /** 3952. Void a pool: all stakes are returned. If it is resolved, its settlement is taken back first. */
  void_betting_pool: {
    parameters: {
      pool_id: string;
      reason?: string | null;
    };
    reply: "betting_pool_voided";
  };
  /** 3953. Read what voiding an event (3951) would do; with any of the last four parameters, what amending it (3954) would. */
  preview_void_game_event: {
    parameters: {
      event_id: string;
      action_id?: string | null;
      target_id?: string | null;
      happened_at?: number | null;
      description?: string | null;
    };
    reply: "void_game_event_preview";
  };
  /** 3954. Correct an event in one step: what is given replaces what it was, and pools are settled as if it always had been. */
  amend_game_event: {
    parameters: {
      event_id: string;
      action_id?: string | null;
      target_id?: string | null;
      happened_at?: number | null;
      description?: string | null;
    };
    reply: "game_event_amended";
  };
  /** 3955. Resolve a pool of any type by hand, to one or several of its targets (a dead heat). */
  resolve_betting_pool: {
    parameters: {
      pool_id: string;
      winners: Array<string> | string;
      happened_at?: number | null;
      split?: "profit" | "pot";
    };
    reply: "betting_pool_resolved";
  };
  /** 3961. Mark the unresolved pools on an action that hold a target as hot, now or at `likely_to_happen_at`. */
  suggest_hot_betting_pool_for_action_and_target: {
    parameters: {
      game_id: string;
      action_id: string;
      target_id: string;
      likely_to_happen_at?: number | null;
    };
    reply: "hot_betting_pool_suggested";
  };
  /** 3975. Stop the pools on an action from accepting bets, now or at `block_at`: those that are unresolved then. */
  block_betting_for_game_and_action: {
    parameters: {
      game_id: string;
      action_id: string;
      block_at?: number | null;
    };
    reply: "betting_for_game_and_action_blocked";
  };
  /** 3976. Stop all pools of a game from accepting bets, those too that open while the game is held. */
  hold_betting_for_game: {
    parameters: {
      game_id: string;
    };
    reply: "betting_for_game_held";
  };
  /** 3985. Let the pools on an action accept bets again, now or at `allow_at`: those that are unresolved then. */
  allow_betting_for_game_and_action: {
    parameters: {
      game_id: string;
      action_id: string;
      allow_at?: number | null;
    };
    reply: "betting_for_game_and_action_allowed";
  };
  /** 3986. End the hold of a game: its pools accept bets again, but for those that are blocked otherwise. */
  release_betting_for_game: {
    parameters: {
      game_id: string;
    };
    reply: "betting_for_game_released";
  };
  /** 4505. Read the user's own part of the ranking in all games or in those of a type; with `game_id`, in that game. */
  get_user_tailored_leaderboard: {
    parameters: {
      top_count?: number;
      bottom_count?: number;
      surrounding_count?: number;
      game_id?: string | null;
      currency?: string | null;
      game_type?: string | null;
    };
    reply: "leaderboard_tailored" | "leaderboard_for_game_tailored";
  };
  /** 4516. Read a part of the ranking in the games of a source, or in those of a type. */
  get_leaderboard_for_game_source: {
    parameters: {
      start?: number;
      end?: number;
      source_id: string;
      currency?: string;
      game_type?: string | null;
    };
    reply: "leaderboard_for_game_source";
  };
  /** 4517. Read the user's own part of the ranking in the games of a source, or in those of a type. */
  get_user_tailored_leaderboard_for_game_source: {
    parameters: {
      top_count?: number;
      bottom_count?: number;
      surrounding_count?: number;
      source_id: string;
      currency?: string;
      game_type?: string | null;
    };
    reply: "leaderboard_for_game_source_tailored";
  };
}

export interface Messages {
  /** 1. The answer to a ping. */
  pong: {
  };
  /** 2. The numbers of every operation, and of every reply and broadcast, by name. */
  opcodes: {
    opcodes: Record<string, number>;
    response_codes: Record<string, number>;
  };
  /** 100. The connection now acts for this user. */
  logon_success: {
    session_key: string;
    user_id: number;
    username: string;
    limits: Limits;
  };
  /** 101. A new view key, and when it expires in epoch milliseconds. */
  view_key_created: {
    session_key: string;
    expires_at: number;
  };
  /** 102. The user's live sessions, newest first. */
  my_sessions_list: {
    sessions: Array<SessionEntry>;
  };
  /** 103. The session has ended; its connections are closed with 4002. */
  session_ended: {
    session_id: string;
  };
  /** 110. The logon failed; the client may try again. */
  logon_fail: {
    reason: "bad_credentials" | "banned" | "too_many_connections";
  };
  /** 112. The connection already acts for a user. */
  logon_fail_already_logged_in: {
    user_id: number;
    username: string;
  };
  /** 333. The connection receives the game's broadcasts after `seq`; if `recovered`, those it missed come first. */
  game_joined: {
    game_id: string;
    seq: number;
    recovered: boolean;
    roles: Array<"game_admin" | "source_admin">;
    subscribers: number;
    epoch: string;
  };
  /** 334. The connection no longer receives the game's broadcasts. */
  game_left: {
    game_id: string;
  };
  /** 335. The source is open, and the user who opened it is its first admin. */
  game_source_opened: {
    source_id: string;
  };
  /** 336. The source and all its games are closed. */
  game_source_closed: {
    source_id: string;
  };
  /** 337. The user is an admin of the source, now or already before. */
  source_admin_added: {
    source_id: string;
    username: string;
  };
  /** 338. The user is no longer an admin of the source. The user is notified by the same message. */
  source_admin_removed: {
    source_id: string;
    username: string;
  };
  /** 339. The source has been updated. */
  game_source_updated: {
    source_id: string;
  };
  /** 340. The game has been created and opened: betting pools can now be opened for it. */
  game_created_and_opened: {
    source_id: string;
    game_id: string;
    actions: Record<string, ActionNode>;
    game_name: string;
    type: string;
    open_at: number;
    live_start_at: number;
    live_finish_at: number | null;
    close_at: number | null;
    hashtag: string | null;
    targets: Record<string, TargetNode>;
  };
  /** 341. The game is closed, `cancelled` if it was called off; its subscriptions end. */
  game_closed: {
    game_id: string;
    cancelled?: boolean;
    reason?: string | null;
  };
  /** 342. The details of a game. */
  game_details: {
    game_id: string;
    name: string;
    game_name: string;
    source_id: string;
    source_name: string;
    status: string;
    type: string;
    currency: string;
    currency_decimals: number;
    hashtag: string | null;
    image_url: string | null;
    actions: Record<string, ActionNode>;
    targets: Record<string, TargetNode>;
    open_at: number;
    live_start_at: number;
    live_finish_at: number | null;
    close_at: number | null;
    closed_at: number | null;
    cancelled_at: number | null;
    held_at: number | null;
    past_events: Record<string, PastEvent>;
    game_state: Record<string, Record<string, number>>;
    scores: Record<string, number>;
    score: Record<string, number> | null;
    clock: ClockReading | null;
    chat: string;
    seq: number;
    epoch?: string;
    subscribers?: number;
    partial?: boolean;
  };
  /** 343. The game has been updated. */
  game_details_updated: {
    game_id: string;
  };
  /** 345. The games of a source by id, newest first; `next` is the `after` of the next page, or null. */
  games_list_for_source: {
    source_id: string;
    games: Record<string, GameEntry>;
    next: string | null;
  };
  /** 346. The open sources, newest first; `next` is the `after` of the next page, or null. */
  game_sources_list: {
    sources: Array<ListedSource>;
    next: string | null;
  };
  /** 350. The pool is open. */
  betting_pool_created: {
    pool_id: string;
    game_id: string;
    description: string;
    type: number;
    action_id: string;
  };
  /** 352. A pool has been opened or reopened: the pool object. */
  new_betting_pool: {
    pool_id: string;
    game_id: string;
    description: string;
    type: number;
    action_id: string;
    target_level: number;
    participants: number;
    amount_total: number;
    bet_count: number;
    distribution: Record<string, TargetSums>;
    is_blocked: boolean;
    is_hot: boolean;
    start_at: number;
    finish_at: number | null;
    stop_accepting_bets_at: number | null;
    recreate_on_end: boolean;
    unlisted_target: string;
    status: string;
    takeout: number;
    min_stake: number;
    max_stake: number | null;
    is_cancellable: boolean;
    settle_delay_ms: number;
    recreated_from: string | null;
    version: number;
  };
  /** 353. The unresolved pools in which the user has no bet. */
  you_open_pools_list_for_game: {
    game_id: string;
    pools_list: Record<string, PoolView>;
    next: string | null;
    seq: number;
  };
  /** 354. The unresolved pools in which the user has a bet. */
  your_running_pools_for_game: {
    game_id: string;
    pools_list: Record<string, PoolView>;
    next: string | null;
    seq: number;
  };
  /** 355. The ended pools in which the user had a bet; `total_winnings` is net. */
  your_resolved_pools_for_game: {
    game_id: string;
    pools_list: Record<string, PoolView>;
    next: string | null;
    seq: number;
  };
  /** 356. The bet is placed, and its stake is no longer available. */
  bet_placed_in_betting_pool: {
    pool_id: string;
    bet_id: string;
    target: string;
    amount: number;
    placed_at: number;
  };
  /** 360. The pool object with the latest bets on each target: 100, or fewer where a message could not hold them all. */
  new_betting_pool_bets_distribution: {
    pool_id: string;
    game_id: string;
    description: string;
    type: number;
    action_id: string;
    target_level: number;
    participants: number;
    amount_total: number;
    bet_count: number;
    distribution: Record<string, TargetSumsWithBets>;
    is_blocked: boolean;
    is_hot: boolean;
    start_at: number;
    finish_at: number | null;
    stop_accepting_bets_at: number | null;
    recreate_on_end: boolean;
    unlisted_target: string;
    status: string;
    takeout: number;
    min_stake: number;
    max_stake: number | null;
    is_cancellable: boolean;
    settle_delay_ms: number;
    recreated_from: string | null;
    version: number;
    pending?: Pending;
    winning_target?: string | null;
    winning_targets?: Array<string>;
    event_id?: string | null;
    price?: number | null;
    prices?: Record<string, number>;
    is_money_return?: boolean;
    resolved_at?: number | null;
  };
  /** 361. The distribution of a pool's stakes, and up to 50 of the bets since the last update. */
  betting_pool_bets_distribution_update: {
    pool_id: string;
    game_id: string;
    target_level: number;
    participants: number;
    amount_total: number;
    bet_count: number;
    version: number;
    distribution: Record<string, TargetSums>;
    new_bets: Array<ShownBet>;
    new_bets_count: number;
  };
  /** 362. The pool is resolved by an event, by hand, or with its game (`event_id` null). */
  bet_pool_resolved: {
    pool_id: string;
    game_id: string;
    event_id: string | null;
    winning_target: string | null;
    winning_targets: Array<string>;
    price: number | null;
    prices: Record<string, number>;
    description: string;
    winners: Record<string, number>;
    losers: Record<string, number>;
    invalidated_bettors: Array<number>;
    usernames: Record<string, string>;
    is_money_return: boolean;
    amount_total: number;
    participants: number;
    version: number;
    truncated?: boolean;
    winners_count?: number;
    losers_count?: number;
    invalidated_count?: number;
    resolved_at: number;
  };
  /** 363. The time-based pool has ended at its `finish_at`. */
  bet_pool_expired: {
    pool_id: string;
    game_id: string;
    event_id: string | null;
    winning_target: string | null;
    winning_targets: Array<string>;
    price: number | null;
    prices: Record<string, number>;
    description: string;
    winners: Record<string, number>;
    losers: Record<string, number>;
    invalidated_bettors: Array<number>;
    usernames: Record<string, string>;
    is_money_return: boolean;
    amount_total: number;
    participants: number;
    version: number;
    truncated?: boolean;
    winners_count?: number;
    losers_count?: number;
    invalidated_count?: number;
    expired_at: number;
  };
  /** 366. An event has been registered; or, with `pool_id`, a binary pool has been resolved by hand. */
  new_game_event: {
    event_id: string;
    target_id: string;
    happened_at: number;
    registered_at: number;
    pool_id?: string;
    game_id?: string;
    action_id?: string;
    target_display_name?: string;
    description?: string | null;
    current_count?: Record<string, number>;
    score?: Record<string, number> | null;
    external_id?: string | null;
  };
  /** 367. A pool is hot, named by `pool_id`; or, in the reply to 3961, the `pools` on an action and target are. */
  hot_betting_pool_suggested: {
    hot_since: number | null;
    pool_id?: string | null;
    version?: number | null;
    game_id?: string | null;
    action_id?: string | null;
    target_id?: string | null;
    pools?: Array<string> | null;
  };
  /** 368. The pool accepts no bets from this moment on. */
  betting_in_pool_blocked: {
    pool_id: string;
    blocked_at: number;
    version: number;
  };
  /** 369. The pool accepts bets again from this moment on. */
  betting_in_pool_allowed: {
    pool_id: string;
    allowed_at: number;
    version: number;
  };
  /** 370. The game's pools on the action accept no bets from this moment on; each has a 368 of its own. */
  betting_for_game_and_action_blocked: {
    game_id: string;
    action_id: string;
    blocked_at: number;
  };
  /** 371. The game's pools on the action accept bets again from this moment on; each has a 369 of its own. */
  betting_for_game_and_action_allowed: {
    game_id: string;
    action_id: string;
    allowed_at: number;
  };
  /** 376. The game is called off, and closed. `pools` maps each pool that is void to the amount given back. */
  game_cancelled: {
    game_id: string;
    reason: string | null;
    pools: Record<string, number>;
    overdrawn?: Record<string, number>;
  };
  /** 378. The game is open again. `pools` maps each pool that its close had settled to `reopened` or `kept`. */
  game_reopened: {
    game_id: string;
    close_at: number | null;
    pools: Record<string, string>;
    overdrawn?: Record<string, number>;
  };
  /** 383. What a source's games have come to so far; `currencies` maps currency to amounts. */
  source_report: {
    source_id: string;
    games: number;
    pools: number;
    bets: number;
    bettors: number;
    currencies: Record<string, Turnover>;
  };
  /** 450. A part of the ranking in all games, of accounts; guests are not ranked in it. */
  leaderboard: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
  };
  /** 451. A part of the ranking in a game. */
  leaderboard_for_game: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    game_id: string;
  };
  /** 452. The user and the user's friends, ranked among themselves by all games. */
  leaderboard_friends: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
  };
  /** 453. The user and the user's friends, ranked among themselves by a game. */
  leaderboard_friends_for_game: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    game_id: string;
  };
  /** 454. The user and the user's friends, ranked among themselves by the games of a source. */
  leaderboard_friends_for_game_source: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    source_id: string;
  };
  /** 455. A game's leaderboard has changed: its first 10 places, and how many ranks have moved since the last update. */
  leaderboard_update: {
    game_id: string;
    top: Array<RankedUser>;
    changed: number;
  };
  /** 460. The bets of friends in the pool, newest first: the latest 1,000. */
  my_friends_predictions_for_pool: {
    pool_id: string;
    predictions: Array<Prediction>;
  };
  /** 461. The bets of friends in the game: the latest 1,000, those in unresolved pools before all others. */
  my_friends_predictions_for_game: {
    game_id: string;
    predictions: PredictionsInGame;
  };
  /** 462. The user is asked to be a friend, by this request or an earlier one. */
  friend_requested: {
    user_id: number;
    username: string;
  };
  /** 463. The two users are no friends, and have not asked to be. */
  friend_removed: {
    user_id: number;
    username: string;
  };
  /** 464. The user's friends by name; the open requests of others (`incoming`) and the user's own, newest first. */
  friends_list: {
    friends: Array<FriendEntry>;
    incoming: Array<OtherUser>;
    outgoing: Array<OtherUser>;
  };
  /** 465. The two users are friends. */
  friend_accepted: {
    user_id: number;
    username: string;
  };
  /** 466. Something has changed between the user and another. */
  friends_changed: {
    user_id: number;
    username: string;
    change: "request_sent" | "request_received" | "accepted" | "removed" | "blocked" | "unblocked";
  };
  /** 467. The user is blocked. */
  user_blocked: {
    user_id: number;
    username: string;
  };
  /** 468. The user is no longer blocked. */
  user_unblocked: {
    user_id: number;
    username: string;
  };
  /** 469. The users whom the user has blocked, by name, and when. */
  blocked_list: {
    users: Array<OtherUser>;
  };
  /** 470. A user's first connection joined the game. */
  user_joined_game: {
    game_id: string;
    user_id: number;
    user_name: string;
  };
  /** 471. The number of connections to a large game, and of users who joined and left since the last update. */
  presence_update: {
    game_id: string;
    subscribers: number;
    joined: number;
    left: number;
  };
  /** 480. A user's last connection left the game. */
  user_left_game: {
    game_id: string;
    user_id: number;
    user_name: string;
  };
  /** 617. The named user is an admin of the game. */
  game_admin_appointed: {
    game_id: string;
    username: string;
  };
  /** 618. The user is no longer an admin of the game. The user is notified by the same message. */
  game_admin_removed: {
    game_id: string;
    username: string;
  };
  /** 620. The games the user is an admin of, newest first; `next` is present if more follow. */
  games_i_am_admin_of_list: {
    games: Array<AdministeredGame>;
    next?: string | null;
  };
  /** 621. The sources the user is an admin of, newest first; `next` is present if more follow. */
  game_sources_i_am_admin_of_list: {
    sources: Array<AdministeredSource>;
    next?: string | null;
  };
  /** 640. The user is an admin of the game. */
  become_an_admin_for_game_success: {
    game_id: string;
  };
  /** 645. The user did not become an admin of the game. */
  become_an_admin_for_game_fail: {
    game_id: string;
    reason: string;
  };
  /** 666. A refusal (protocol, "Errors"). */
  error_reply: {
    code: string;
    text: string;
    retryable: boolean;
    op?: number | null;
    field?: string | null;
    retry_after_ms?: number | null;
    pools?: Array<string> | null;
    event_id?: string | null;
    asked?: number | null;
    available?: number | null;
    min_stake?: number | null;
    max_stake?: number | null;
    left?: number | null;
  };
  /** 800. Available and staked money together. */
  your_current_balance: {
    currency: string;
    current_balance: number;
  };
  /** 810. The money that can be staked. */
  your_available_balance: {
    currency: string;
    available_balance: number;
  };
  /** 815. The user's balances in a currency have changed: current is available and staked together. */
  balance_update: {
    current_balance: number;
    available_balance: number;
    currency: string;
  };
  /** 820. The games in which the user has bet, newest first; `next` is the `after` of the next page, or null. */
  my_history: {
    games: Array<PlayedGame>;
    next: string | null;
  };
  /** 830. The statistics of a user in a currency, by type of game, and in every currency there is. */
  user_statistics: {
    user_id: number;
    username: string;
    currency: string;
    games: number;
    bets: number;
    won: number;
    lost: number;
    refunded: number;
    staked: number;
    net: number;
    best_win: number;
    average_stake: number | null;
    win_rate: number | null;
    average_reaction_ms: number | null;
    by_currency: Record<string, StatisticsShown>;
    by_type: Record<string, StatisticsShown>;
  };
  /** 831. The user's points on the days on which they have changed, each after the last change of the day. */
  my_points_history: {
    currency: string;
    points: Array<PointsAt>;
  };
  /** 840. The money staked in running bets. */
  your_exposure: {
    currency: string;
    exposure: number;
  };
  /** 900. The message is in the chat of each game, under an id of its own in each, in their order. */
  text_message_sent: {
    message_ids: Array<string>;
  };
  /** 901. Somebody has written in the chat of a game, whose id is the `channel`. */
  new_text_message: {
    message_id: string;
    sender: string;
    sender_id: number;
    text: string;
    received_at: number;
    channel: string;
  };
  /** 902. The newest messages of the chat, or of what is older than `before`, oldest first. */
  chat_history: {
    channel: string;
    messages: Array<ChatMessage>;
  };
  /** 903. The message is gone. */
  text_message_removal_done: {
    message_id: string;
  };
  /** 904. Until when the user may not write in the game, in epoch milliseconds; null if the user may. */
  user_muted: {
    game_id: string;
    user_id: number;
    username: string;
    until: number | null;
    reason: string | null;
  };
  /** 1000. Users in order of their names; `next` is the `after` of the next page, or null. */
  users_list: {
    users: Array<UserEntry>;
    next: number | null;
  };
  /** 1001. The user as it is now; `bets` is how many running bets were returned. */
  user_updated: {
    user_id: number;
    username: string;
    is_guest: boolean;
    is_provider: boolean;
    is_admin: boolean;
    banned_at: number | null;
    bets: number;
  };
  /** 1002. The balances are what they are now; `amount` is what was given, or below zero what was taken. */
  user_credited: {
    user_id: number;
    amount: number;
    currency: string;
    current_balance: number;
    available_balance: number;
  };
  /** 1003. What the server does now; what is per second, and the greatest delay of the event loop, of the last 10 seconds. */
  server_status: {
    version: string;
    started_at: number;
    connections: number;
    users_online: number;
    games_open: number;
    subscribers: number;
    requests_per_s: number;
    bets_per_s: number;
    deliveries_per_s: number;
    loop_delay_ms: number;
    commit_p99_ms: number | null;
    database_bytes: number;
    log_bytes: number;
    waiting_writes: number;
  };
  /** 1004. Acts of admins, newest first; `next` is the `before` of the next page, or null. */
  audit_log: {
    entries: Array<AuditEntry>;
    next: number | null;
  };
  /** 3401. The game has been created: it is upcoming until it is opened. */
  game_created: {
    source_id: string;
    game_id: string;
    actions: Record<string, ActionNode>;
    game_name: string;
    type: string;
    open_at: number;
    live_start_at: number;
    live_finish_at: number | null;
    close_at: number | null;
    hashtag: string | null;
    targets: Record<string, TargetNode>;
  };
  /** 3402. The upcoming game is open. */
  game_opened: {
    source_id: string;
    game_id: string;
    actions: Record<string, ActionNode>;
    game_name: string;
    type: string;
    open_at: number;
    live_start_at: number;
    live_finish_at: number | null;
    close_at: number | null;
    hashtag: string | null;
    targets: Record<string, TargetNode>;
  };
  /** 3411. What closing the game would do, by pool id. */
  close_game_preview: {
    pools: Record<string, ClosingPool>;
  };
  /** 3420. The clock is set. */
  match_clock_set: {
    period: string;
    elapsed_ms: number;
    is_running: boolean;
    at: number;
    game_id: string;
  };
  /** 3421. The clock has been set. */
  match_clock: {
    period: string;
    elapsed_ms: number;
    is_running: boolean;
    at: number;
    game_id: string;
  };
  /** 3422. What is shown of targets and actions has changed: target id to what has changed, action id to name. */
  labels_changed: {
    game_id: string;
    labels: Record<string, ChangedLabel>;
    action_labels: Record<string, string>;
  };
  /** 3461. The upcoming games of a source by id, newest first; `next` as in games_list_for_source. */
  upcoming_games_list_for_source: {
    source_id: string;
    games: Record<string, UpcomingGameEntry>;
    next: string | null;
  };
  /** 3535. The unresolved pools of a game, blocked ones and those not yet started included. */
  all_betting_pools_for_game: {
    game_id: string;
    pools_list: Record<string, PoolView>;
    next: string | null;
    seq: number;
  };
  /** 3536. The ended pools of a game, with how they ended. */
  resolved_betting_pools_for_game: {
    game_id: string;
    pools_list: Record<string, PoolView>;
    next: string | null;
    seq: number;
  };
  /** 3537. The user's running bets, newest first; `next` is the `after` of the next page, or null. */
  my_running_bets: {
    bets: Array<RunningBet>;
    next: string | null;
  };
  /** 3560. A bet with its outcome and what was moved for it. */
  bet_receipt: {
    bet_id: string;
    pool_id: string;
    game_id: string;
    target: string;
    amount: number;
    placed_at: number;
    status: string;
    transfers: Array<ShownTransfer>;
    payout?: number;
    price?: number;
    takeout?: number;
    winning_targets?: Array<string>;
    event_id?: string | null;
    settled_at?: number;
  };
  /** 3561. The bet no longer counts, and its stake is available again. */
  bet_cancelled: {
    bet_id: string;
    pool_id: string;
    game_id: string;
    amount: number;
    cancelled_at: number;
    version: number;
  };
  /** 3600. The valid money behind each target at times `at` from the pool's start to its last bet, in order of time. */
  betting_pool_history: {
    pool_id: string;
    at: Array<number>;
    backing_money: Record<string, Array<number>>;
  };
  /** 3660. What registering the event would do, by pool id; `untouched` are the game's other open pools. */
  game_event_preview: {
    pools: Record<string, PreviewedPool>;
    untouched: Array<string>;
    score: Record<string, number> | null;
  };
  /** 3661. The event is void. `pools` maps each pool it had ended to `reopened` or `voided`. */
  game_event_voided: {
    event_id: string;
    game_id: string;
    reason: string | null;
    pools: Record<string, string>;
    versions: Record<string, number>;
    action_id: string | null;
    target_id: string | null;
    current_count: Record<string, number> | null;
    score: Record<string, number> | null;
    overdrawn?: Record<string, number>;
  };
  /** 3662. The pool is void: all stakes have been returned. The reply alone has `overdrawn`, as in 3661. */
  betting_pool_voided: {
    pool_id: string;
    game_id: string;
    reason: string | null;
    amount_total: number;
    participants: number;
    version: number;
    overdrawn?: Record<string, number>;
  };
  /** 3663. What voiding or amending the event would do, by pool id. */
  void_game_event_preview: {
    event_id: string;
    game_id: string;
    pools: Record<string, CorrectedPool>;
    overdrawn: Record<string, number>;
  };
  /** 3664. An event is void, and registered anew as corrected; this is told in place of the 3661 and the 366. */
  game_event_amended: {
    event_id: string;
    voided_event_id: string;
    game_id: string;
    action_id: string;
    target_id: string;
    target_display_name: string;
    description: string | null;
    current_count: Record<string, number>;
    score: Record<string, number> | null;
    external_id: string | null;
    happened_at: number;
    registered_at: number;
    pools: Record<string, string>;
    versions: Record<string, number>;
    overdrawn?: Record<string, number>;
  };
  /** 3665. The pool is resolved by hand; `event_id` takes it back (3951). */
  betting_pool_resolved: {
    pool_id: string;
    game_id: string;
    event_id: string;
    winning_targets: Array<string>;
    prices: Record<string, number>;
    happened_at: number;
    registered_at: number;
    version: number;
  };
  /** 3681. The game is held: its unresolved `pools` accept no bets from this moment on; each has a 368 of its own. */
  betting_for_game_held: {
    game_id: string;
    pools: Array<string>;
  };
  /** 3691. The game is no longer held: the `pools` accept bets again that are not blocked otherwise; each has a 369. */
  betting_for_game_released: {
    game_id: string;
    pools: Array<string>;
  };
  /** 3852. The pool is changed. */
  betting_pool_updated: {
    pool_id: string;
    version: number;
  };
  /** 4505. The top, the surroundings of the user and the bottom of the ranking in all games. */
  leaderboard_tailored: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    break_after_rank: Array<number>;
  };
  /** 4515. The top, the surroundings of the user and the bottom of the ranking in a game. */
  leaderboard_for_game_tailored: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    break_after_rank: Array<number>;
    game_id: string;
  };
  /** 4516. A part of the ranking in the games of a source. */
  leaderboard_for_game_source: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    source_id: string;
  };
  /** 4517. The top, the surroundings of the user and the bottom of the ranking in the games of a source. */
  leaderboard_for_game_source_tailored: {
    leaderboard: Array<RankedUser>;
    total: number;
    my_rank: number | null;
    break_after_rank: Array<number>;
    source_id: string;
  };
  /** 4611. A friend has bet in a game that the connection has joined. */
  friend_bet: {
    user_id: number;
    username: string;
    pool_id: string;
    target: string;
    amount: number;
    placed_at: number;
  };
  /** 9031. A message has been removed from the chat of a game. */
  text_message_removed: {
    message_id: string;
    channel: string;
    reason: string | null;
  };
  /** 9041. Until when the user who is told may not write in the game, in epoch milliseconds; null if the user may. */
  you_were_muted: {
    game_id: string;
    until: number | null;
    reason: string | null;
  };
}

export interface ActionNode {
  name: string;
}
export interface AdministeredGame {
  id: string;
  name: string;
  status: string;
  closed_at: number | null;
  cancelled_at: number | null;
}
export interface AdministeredSource {
  id: string;
  name: string;
  description: string | null;
  takeout: number;
  admins_may_bet: boolean;
}
export interface AuditEntry {
  id: number;
  at: number;
  user_id: number | null;
  username: string;
  op: number | null;
  name: string;
  parameters: number | string;
  game_id: string | null;
}
export interface ChangedLabel {
  display_name?: string;
  symbol?: string;
  number?: number | null;
  color?: string | null;
  image_url?: string | null;
  is_active?: boolean;
}
export interface ChatMessage {
  message_id: string;
  sender: string;
  sender_id: number;
  text: string;
  received_at: number;
  channel: string;
}
export interface ClockReading {
  period: string;
  elapsed_ms: number;
  is_running: boolean;
  at: number;
}
export interface ClosingPool {
  outcome: string;
  price: number | null;
  paid: number | null;
  winners_count: number;
  participants: number;
  amount_total: number;
}
export interface CorrectedPool {
  outcome: string;
  amount: number;
  winners_count: number;
  late_bets: number;
  successor: string | null;
  successor_bets: number;
}
export interface FriendEntry {
  user_id: number;
  username: string;
  online: boolean;
  games: Array<string>;
  last_seen_at: number | null;
}
export interface GameEntry {
  status: string;
  name: string;
  type: string;
  open_at: number;
  live_start_at: number;
  close_at: number | null;
  currency: string;
  hashtag: string | null;
  subscribers: number;
  score: Record<string, number> | null;
  clock: ClockReading | null;
  open_pools: number;
  hot_pools: number;
  closed_at: number | null;
  cancelled_at: number | null;
  held_at: number | null;
}
export interface Limits {
  max_message_bytes: number;
  max_unsent_bytes: number;
  max_requests_per_s: number;
  ping_interval_s: number;
  ping_timeout_s: number;
  max_target_depth: number;
  max_targets: number;
  max_pool_targets: number;
  max_actions: number;
  max_details_bytes: number;
  max_game_admins: number;
  presence_detail_limit: number;
  game_log_days: number;
}
export interface ListedSource {
  id: string;
  name: string;
  description: string | null;
  games: number;
}
export interface OtherUser {
  user_id: number;
  username: string;
  at: number;
}
export interface PastEvent {
  happened_at: number;
  registered_at: number;
  target_id: string | null;
  target_display_name: string;
  action_id: string;
  description: string | null;
  external_id: string | null;
  pools: Array<string>;
  paid: number;
  voided_at?: number | null;
  reason?: string | null;
}
export interface Pending {
  block_at: number | null;
  allow_at: number | null;
  hot_at: number | null;
}
export interface PlayedGame {
  game_id: string;
  game_name: string;
  joined: number;
  bets: number;
  staked: number;
  won: number;
  lost: number;
  net: number;
  rank: number | null;
  ranked: number;
  closed_at: number | null;
}
export interface PointsAt {
  at: number;
  points: number;
}
export interface PoolView {
  pool_id: string;
  game_id: string;
  description: string;
  type: number;
  action_id: string;
  target_level: number;
  participants: number;
  amount_total: number;
  bet_count: number;
  distribution: Record<string, TargetSums>;
  is_blocked: boolean;
  is_hot: boolean;
  start_at: number;
  finish_at: number | null;
  stop_accepting_bets_at: number | null;
  recreate_on_end: boolean;
  unlisted_target: string;
  status: string;
  takeout: number;
  min_stake: number;
  max_stake: number | null;
  is_cancellable: boolean;
  settle_delay_ms: number;
  recreated_from: string | null;
  version: number;
  pending?: Pending;
  winning_target?: string | null;
  winning_targets?: Array<string>;
  event_id?: string | null;
  price?: number | null;
  prices?: Record<string, number>;
  is_money_return?: boolean;
  resolved_at?: number | null;
  user_backed?: Record<string, number>;
  my_bets?: Array<MyBet>;
  total_winnings?: number;
}
export interface Prediction {
  user_id: number;
  username: string;
  target: string;
  amount: number;
  status: string;
  payout: number | null;
}
export interface PredictionsInGame {
  running: Array<PredictionInGame>;
  resolved: Array<PredictionInGame>;
}
export interface PreviewedPool {
  winning_target: string | null;
  winning_targets: Array<string>;
  is_money_return: boolean;
  price: number | null;
  prices: Record<string, number>;
  paid: number;
  takeout: number;
  winners_count: number;
  losers_count: number;
  late_bets: number;
  late_amount: number;
  winners: Record<string, number>;
  losers: Record<string, number>;
  recreated: boolean;
}
export interface RankedUser {
  user_id: number;
  username: string;
  points: number;
  rank: number;
  position: number;
}
export interface RunningBet {
  bet_id: string;
  pool_id: string;
  game_id: string;
  target: string;
  amount: number;
  placed_at: number;
  status: string;
  transfers: Array<ShownTransfer>;
  game_name: string;
  description: string;
}
export interface SessionEntry {
  session_id: string;
  created_at: number;
  expires_at: number;
  is_current: boolean;
  is_view: boolean;
}
export interface ShownBet {
  bet_id: string;
  target: string;
  amount: number;
  placed_at: number;
  user_id?: number;
  username?: string;
}
export interface ShownTransfer {
  debited: string;
  credited: string;
  amount: number;
  reason: string;
  made_at: number;
}
export interface StatisticsShown {
  games: number;
  bets: number;
  won: number;
  lost: number;
  refunded: number;
  staked: number;
  net: number;
  best_win: number;
  average_stake: number | null;
  win_rate: number | null;
  average_reaction_ms: number | null;
}
export interface TargetLabelParameters {
  display_name?: string | null;
  symbol?: string | null;
  number?: number | null;
  color?: string | null;
  image_url?: string | null;
  is_active?: boolean | null;
  clear?: Array<string> | string;
}
export interface TargetNode {
  symbol: string;
  display_name: string;
  targets: Record<string, TargetNode>;
  number?: number;
  color?: string;
  image_url?: string;
  is_active?: boolean;
}
export interface TargetSums {
  display_name: string;
  backing_people: number;
  backing_money: number;
  to_win_if_backed: number;
  is_active: boolean;
}
export interface TargetSumsWithBets {
  display_name: string;
  backing_people: number;
  backing_money: number;
  to_win_if_backed: number;
  is_active: boolean;
  bets: Array<ShownBet>;
}
export interface Turnover {
  turnover: number;
  paid: number;
  refunded: number;
  takeout: number;
}
export interface UpcomingGameEntry {
  source_id: string;
  game_name: string;
  currency: string;
  live_start_at: number;
  open_at: number;
  type: string;
  hashtag: string | null;
}
export interface UserEntry {
  user_id: number;
  username: string;
  is_guest: boolean;
  is_provider: boolean;
  is_admin: boolean;
  banned_at: number | null;
  created_at: number;
  last_seen_at: number | null;
  balances: Record<string, HeldBalances>;
}
export interface HeldBalances {
  current_balance: number;
  available_balance: number;
}
export interface MyBet {
  bet_id: string;
  target: string;
  amount: number;
  placed_at: number;
  status: string;
  payout: number | null;
}
export interface PredictionInGame {
  user_id: number;
  username: string;
  target: string;
  amount: number;
  status: string;
  payout: number | null;
  pool_id: string;
}
