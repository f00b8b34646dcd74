// The table, friends and the chat.
import { ago, count, initials, net, stake } from "../format.js";
import { html, memo, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { Icon, Move } from "../icons.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { targetName } from "../targets.js";
import { Empty, FieldError, Segments, useNow } from "../ui.js";

/** Rendered again when the entries, their moves or something of friends is another. */
export const Leaderboard = memo(({ game, isOver }) => {
  const { table, friends } = game;
  const choose = (scope) => table.choose(scope);
  return html`<div class="panehead">
      <h2>Leaderboard</h2>
      <${Segments}
        className="seg push"
        label="Whose"
        value=${table.scope}
        options=${[
          ["game", "Game"],
          ["friends", "Friends"],
        ]}
        choose=${choose}
      />
    </div>
    ${table.entries?.length === 0 && html`<${Empty} title="Nobody is ahead" level=${3}>${isOver ? "No pool was settled." : "The first pool to settle makes the first table."}</>`}
    ${
      table.entries?.length > 0 &&
      html`<ol class="card">
        ${table.entries.map((entry, index) => html`<${Entry} key=${entry.user_id} entry=${entry} isMe=${entry.user_id === game.me.id} isFriend=${friends.isFriend(entry.user_id)} move=${table.moves.get(entry.user_id) ?? 0} isBroken=${table.breaks.has(entry.rank) && table.entries[index + 1]?.rank !== entry.rank} />`)}
      </ol>`
    }
    <${FriendList} game=${game} />`;
});

function Entry({ entry, isMe, isFriend, move, isBroken }) {
  return html`<li class=${isMe ? "lrow lrow--you" : "lrow"}>
      <span class="rank">${entry.rank}</span><${Moved} by=${move} /><span class=${isMe ? "cut b" : "cut"}
        >${entry.username}</span
      >
      ${isMe ? html`<span class="tag tag--you">you</span>` : isFriend && html`<span class="tag">friend</span>`}<span
        class="push b num"
        >${net(entry.points)}</span
      >
    </li>
    ${isBroken && html`<li class="lrow lrow--break dim sm" aria-hidden="true"><span class="rank">⋯</span></li>`}`;
}

function Moved({ by }) {
  if (by === 0)
    return html`<span class="move"><span aria-hidden="true">–</span><span class="vh">no change</span></span>`;
  const isUp = by > 0;
  return html`<span class=${isUp ? "move move--up" : "move"}
    ><${Move} isUp=${isUp} />${Math.abs(by)}<span class="vh">${isUp ? " up" : " down"}</span></span
  >`;
}

function FriendList({ game }) {
  const { friends } = game;
  const now = useNow(() => session.now(), 5_000);
  const add = { label: "Add a friend", href: to("account") };
  const name = (bet) =>
    targetName(
      bet.target,
      game.views.pools.get(bet.pool_id)?.distribution?.[bet.target] ?? { display_name: bet.target },
    );
  return html`<div class="panehead panehead--next">
      <h2>Friends</h2>
      ${friends.all.length > 0 && html`<span class="push mid sm">${count(friends.here.length)} here</span>`}
    </div>
    ${
      friends.all.length === 0
        ? html`<${Empty} title="Bets are better with friends" level=${3} action=${add}>Add somebody by name. You see each other’s bets once they accept.</>`
        : html`<ul class="card">
            ${friends.bets.map(
              (bet) =>
                html`<li key=${bet.bet_id ?? `${bet.user_id}-${bet.placed_at}-${bet.pool_id}`} class="lrow">
                  <span class="who who--s" aria-hidden="true">${initials(bet.username)}</span
                  ><span class="sm cut"
                    ><b>${bet.username}</b>${" "}${stake(bet.amount)} on ${name(bet)}${" "}<span class="dim"
                      >· ${game.views.pools.get(bet.pool_id)?.description}</span
                    ></span
                  >${bet.placed_at && html`<span class="push dim xs nowrap">${ago(now - bet.placed_at)}</span>`}
                </li>`,
            )}
            ${friends.bets.length === 0 && friends.all.slice(0, 8).map((friend) => html`<li key=${friend.user_id} class="lrow"><span class="who who--s" aria-hidden="true">${initials(friend.username)}</span><span class="cut">${friend.username}</span>${friend.online && html`<span class="push dot dot--ok"></span>`}</li>`)}
          </ul>`
    }`;
}

/** Rendered again when the lines are others. */
export const ChatPane = memo(({ game, lines, subscribers, isOpen, isOver }) => {
  const { chat } = game;
  const log = useRef(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    chat.setOpen(isOpen);
    game.changed();
  }, [isOpen]);
  useLayoutEffect(() => {
    if (isAtEnd.current) log.current.scrollTop = log.current.scrollHeight;
  }, [lines, isOpen]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = log.current;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  return html`<div class="panehead">
      <h2>Chat</h2>
      ${!isOver && html`<span class="push mid sm">${count(subscribers ?? 1)} here</span>`}
    </div>
    <div class="card">
      <div class="msgs" role="log" aria-label="Messages" tabindex="0" ref=${log} onScroll=${onScroll}>
        ${lines.length === 0 && html`<p class="dim">${isOver ? "Nobody said anything." : "Nobody has said anything yet."}</p>`}
        ${lines.map((line) => (line.event ? html`<p key=${line.id} class="msg--sys">${line.isVoid ? html`<s>${game.minuteOf(line.at)} ${line.event}</s>` : html`${game.minuteOf(line.at)} ${line.event}`}</p>` : html`<p key=${line.id} class=${line.senderId === game.me.id ? "msg msg--you" : "msg"}><b>${line.sender}</b>${" "}<span class="msg__text">${line.text}</span></p>`))}
      </div>
      ${!isOver && html`<${Say} chat=${chat} />`}
    </div>`;
});

function Say({ chat }) {
  const [text, setText] = useState("");
  const [error, setError] = useState(null);
  const send = async (event) => {
    event.preventDefault();
    const said = text.trim();
    if (said === "") return;
    setText("");
    try {
      await chat.send(said);
      setError(null);
    } catch (refusal) {
      setText(said);
      setError(refusal.message);
    }
  };
  return html`${error && html`<div class="say__error"><${FieldError}>${error}</></div>`}
    <form class="say" onSubmit=${send}>
      <input
        id="say"
        class="input"
        placeholder="Say something"
        aria-label="Message"
        maxlength="500"
        autocomplete="off"
        value=${text}
        onInput=${(event) => setText(event.target.value)}
      />
      <button class="btn btn--icon say__send" aria-label="Send"><${Icon} name="send" /></button>
    </form>`;
}
