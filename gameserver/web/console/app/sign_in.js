// Coming in: with a password, with a new account, or as a guest.
import { sentence } from "./act.js";
import { html, useState } from "./html.js";
import { MatchLine } from "./match_line.js";
import { Pitch } from "./board.js";
import { router, to } from "./router.js";
import { session } from "./session.js";
import { Brand } from "./shell.js";
import { Field, FieldError, Spinner, useTitle } from "./ui.js";

/** The state of a form whose sending may be refused: `{ refusal, isSending, send }`. */
function useSending(action) {
  const [refusal, setRefusal] = useState(null);
  const [isSending, setIsSending] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    if (isSending) return;
    setIsSending(true);
    setRefusal(null);
    try {
      await action(new FormData(event.currentTarget.form ?? event.currentTarget));
    } catch (error) {
      setRefusal(error);
    }
    setIsSending(false);
  };
  return { refusal, isSending, send };
}

/** What to say of a refusal, in plain words where the console knows them. */
function say(refusal) {
  if (refusal.code === "unreachable") return "The server does not answer. Try again in a moment.";
  if (refusal.status === 429) return `Too many tries. Wait ${refusal.retryAfterS ?? 60} s and try again.`;
  return sentence(refusal.message);
}

/** To where the visitor was before. */
const come = () => router.replace(router.before || to());

/** Ornament: a match as its line shows it. */
const mark = (minute, half, kind) => ({
  id: `${half}${minute}`,
  minute,
  half,
  kind,
  side: half === "up" ? "1" : "2",
  label: `${minute}’`,
});
const A_MATCH = {
  minute: 117.2,
  length: 120,
  ticks: [
    [45, "HT"],
    [90, "FT"],
    [105, "ET"],
  ],
  marks: [
    ...[23, 36].map((minute) => mark(minute, "up", "goal")),
    mark(52, "up", "yellow"),
    mark(55, "down", "yellow"),
    ...[80, 81].map((minute) => mark(minute, "down", "goal")),
    mark(98, "up", "yellow"),
    mark(108, "up", "goal"),
  ],
};

export function SignInPage({ isNew = false }) {
  useTitle(isNew ? "Create account" : "Sign in");
  return html`<main class="gate" id="main" tabindex="-1">
    <section class="gate__side" aria-label="gameserver">
      <${Pitch} isUpright=${true} />
      <${Brand} />
      <div>
        <h1>Call it before it happens.</h1>
        <p class="lead">
          Bet points on what comes next while the match is on, and see where everybody else’s points are.
        </p>
      </div>
      <div aria-hidden="true"><${MatchLine} ...${A_MATCH} /></div>
    </section>
    <div class="gate__main">${isNew ? html`<${SignUp} />` : html`<${SignIn} />`}</div>
  </main>`;
}

function Tabs({ isNew }) {
  return html`<nav class="seg" aria-label="Sign in or create an account">
    <a href=${to("sign-in")} aria-current=${isNew ? undefined : "page"}>Sign in</a>
    <a href=${to("sign-up")} aria-current=${isNew ? "page" : undefined}>Create account</a>
  </nav>`;
}

function SignIn() {
  const { refusal, isSending, send } = useSending(async (form) => {
    await session.signIn(form.get("username").trim(), form.get("password"));
    come();
  });
  return html`<form class="gate__form" onSubmit=${send} aria-labelledby="sign-in">
    <h2 id="sign-in" class="vh">Sign in</h2>
    <${Tabs} />
    ${refusal && html`<${FieldError}>${refusal.status === 401 ? "Name and password do not match." : say(refusal)}</>`}
    <${Field}
      id="username"
      name="username"
      label="Name"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      required
      maxlength="32"
    />
    <${Field} id="password" name="password" label="Password" type="password" autocomplete="current-password" required aria-invalid=${refusal?.status === 401 ? "true" : undefined} />
    <button class="btn btn--ink btn--big btn--block" disabled=${isSending}>
      ${isSending && html`<${Spinner} />`}Sign in
    </button>
    <div class="or">or</div>
    <${GuestButton} />
    <p class="sm mid">A guest has points of its own and can become an account later, with everything won kept.</p>
  </form>`;
}

function SignUp() {
  const { refusal, isSending, send } = useSending(async (form) => {
    await session.signUp(form.get("username").trim(), form.get("password"));
    come();
  });
  const of = (field) => (refusal?.field === field ? say(refusal) : undefined);
  const known = of("username") ?? of("password");
  return html`<form class="gate__form" onSubmit=${send} aria-labelledby="sign-up">
    <h2 id="sign-up" class="vh">Create account</h2>
    <${Tabs} isNew=${true} />
    ${refusal && !known && html`<${FieldError}>${say(refusal)}</>`}
    <${Field}
      id="username"
      name="username"
      label="Name"
      error=${of("username")}
      hint="Letters a to z, digits, and _ - . between them."
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      required
      maxlength="32"
    />
    <${Field}
      id="password"
      name="password"
      label="Password"
      error=${of("password")}
      hint="8 characters or more."
      type="password"
      autocomplete="new-password"
      required
      minlength="8"
      maxlength="128"
    />
    <button class="btn btn--ink btn--big btn--block" disabled=${isSending}>
      ${isSending && html`<${Spinner} />`}Create account
    </button>
    <p class="sm mid">Points are not money and cannot be bought.</p>
  </form>`;
}

function GuestButton() {
  const { refusal, isSending, send } = useSending(async () => {
    await session.playAsGuest();
    come();
  });
  return html`${refusal && html`<${FieldError}>${say(refusal)}</>`}
    <button type="button" class="btn btn--you btn--big btn--block" disabled=${isSending} onClick=${send}>
      ${isSending && html`<${Spinner} />`}Play as guest
    </button>`;
}

/** The card with which a visitor joins: a name that may be left out, and one button. */
export function JoinCard({ title = "Call the match", level = 2, children }) {
  const { refusal, isSending, send } = useSending((form) => session.playAsGuest(form.get("username").trim()));
  const nameError = refusal?.field === "username" ? say(refusal) : undefined;
  return html`<form class="card join" onSubmit=${send} aria-labelledby="join">
    <div>
      <${`h${level}`} id="join">${title}</>
      <p class="mid">${children ?? "Points to start with are yours at once. They are for bragging, not for money."}</p>
    </div>
    <${Field}
      id="join-name"
      name="username"
      label="Your name"
      error=${nameError}
      placeholder="as others will see it"
      autocomplete="nickname"
      autocapitalize="none"
      spellcheck="false"
      maxlength="32"
    />
    ${refusal && !nameError && html`<${FieldError}>${say(refusal)}</>`}
    <button class="btn btn--you btn--big btn--block" disabled=${isSending}>
      ${isSending && html`<${Spinner} />`}Play as guest
    </button>
    <p class="sm mid r">Been here before? <a class="linkbtn" href=${to("sign-in")}>Sign in</a></p>
  </form>`;
}
