// The game's chat, with its events as rules between the lines.
import { session } from "../session.js";

const KEPT = 200;

export class Chat {
  lines = []; // { id, at, sender, senderId, text } or { id, at, event, isVoid }
  unread = 0;
  isOpen = false;
  #game;

  constructor(game) {
    this.#game = game;
  }

  async load() {
    const history = await session.client.call("get_chat_history", { channel: this.#game.id }).catch(() => null);
    const events = this.lines.filter((line) => line.event);
    this.#keep([...(history?.messages ?? []).map(lineOf), ...events]);
    this.#game.changed();
  }

  add(message) {
    if (this.lines.some((line) => line.id === message.message_id)) return;
    this.#keep([...this.lines, lineOf(message)]);
    if (!this.isOpen && message.sender_id !== this.#game.me.id) this.unread += 1;
  }

  addEvent(message, event) {
    this.#keep([...this.lines, { id: message.event_id, at: message.registered_at, event }]);
  }

  /** An event that was taken back is struck out here, too. */
  strike(eventId) {
    this.lines = this.lines.map((line) => (line.id === eventId ? { ...line, isVoid: true } : line));
  }

  remove(messageId) {
    this.lines = this.lines.filter((line) => line.id !== messageId);
  }

  setOpen(isOpen) {
    this.isOpen = isOpen;
    if (isOpen) this.unread = 0;
  }

  /** Rejects with what refuses it. */
  send(text) {
    return session.client.call("text_message", { text, targets: [this.#game.id] });
  }

  #keep(lines) {
    this.lines = [...lines].sort((a, b) => a.at - b.at).slice(-KEPT);
  }
}

const lineOf = ({ message_id: id, received_at: at, sender, sender_id: senderId, text }) => ({
  id,
  at,
  sender,
  senderId,
  text,
});
