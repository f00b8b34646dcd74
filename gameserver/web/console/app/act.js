// What somebody does that the server may refuse, and how they are told of.
import { counted, money } from "./format.js";
import { html, useRef, useState } from "./html.js";
import { notices } from "./notices.js";
import { FieldError } from "./ui.js";

/** "cannot be closed" → "Cannot be closed." */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.?]$/.test(text) ? "" : ".");

/** `{ isSending, refusal, send }`: `send(run)` carries out one thing at a time, and keeps why it was refused. */
export function useAct() {
  const [refusal, setRefusal] = useState(null);
  const [isSending, setIsSending] = useState(false);
  const isBusy = useRef(false);
  const send = async (run) => {
    if (isBusy.current) return;
    isBusy.current = true;
    setIsSending(true);
    setRefusal(null);
    try {
      await run();
    } catch (error) {
      setRefusal(error);
    }
    isBusy.current = false;
    setIsSending(false);
  };
  return { isSending, refusal, send };
}

/** What a toast says of a refusal where there is no form to say it. */
export async function attempt(run) {
  try {
    await run();
  } catch (error) {
    notices.show({ icon: "warning", text: sentence(error.message), isAlert: true });
  }
}

export function Refusal({ refusal }) {
  return refusal && html`<${FieldError}>${sentence(refusal.message)}</>`;
}

/** An amount without decimals where it has none. */
export const amount = (value) => money(value, Number.isInteger(value) ? 0 : 2);

/** What is in a pool, and by how many. */
export const stakedText = (pool) => (pool.participants === 0 ? "nobody yet" : `${amount(pool.amount_total)} by ${counted(pool.participants, "player")}`);

/** Those whom a correction has left below zero, as a toast tells. */
export function overdrawnText(overdrawn) {
  const sums = Object.values(overdrawn ?? {});
  if (sums.length === 0) return "";
  return `${sums.length === 1 ? "1 player is" : `${sums.length} players are`} below zero, ${amount(sums.reduce((sum, value) => sum + Math.abs(value), 0))} together.`;
}
