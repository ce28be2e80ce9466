import { router } from "../../base/router.ts";
import { fakeAuth } from "../../gallery/fakes/auth.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { app } from "../../viewmodels/app.ts";
import type { AuthSnapshot } from "../../viewmodels/auth.ts";
import { destination } from "../../viewmodels/destination.ts";
import { Auth } from "./Auth.tsx";

export default { title: "Auth", place: "page" } satisfies Meta;

const signIn = (part: Partial<AuthSnapshot> = {}, before?: Story["before"]): Story => ({
  before,
  render: ({ calls }) => {
    const model = fakeAuth(calls, part);
    return <Auth create={() => model} />;
  },
});

const register = (part: Partial<AuthSnapshot> = {}, token = ""): Story =>
  signIn(part, () => router.route.set({ name: "register", token }));

export const SignIn = signIn();

export const WrongPassword = signIn({ problem: { kind: "wrong-credentials" } });

export const Busy = signIn({ busy: true });

export const Offline = signIn({ problem: { kind: "offline" } });

export const OtherServer = signIn({
  server: "chat.a-server-with-a-rather-long-name.example.net",
  foreign: true,
  mayChange: true,
});

export const ChoosingServer = signIn({ choosing: true, mayChange: true });

export const NoSuchServer = signIn({ choosing: true, mayChange: true, problem: { kind: "server-no-matrix" } });

export const OtherAccounts = signIn({}, ({ say }) => {
  const { ana, long } = cast(say);
  app.others.set([ana, long].map(({ id, name }) => ({ userId: id, name, server: "example.org" })));
});

/** Somebody has followed a link to a person. */
export const Invited = signIn({}, ({ say }) => destination.set({ name: "person", userId: cast(say).ana.id }));

export const Register = register();

export const NameTaken = register({ name: "taken" });

export const NameFree = register({ name: "free" });

export const ShortPassword = register({ passwordTooShort: true });

export const WithToken = register({ registration: "token" });

export const TokenGiven = register({ registration: "token" }, "spring-2031");

export const Closed = register({ registration: "closed" });

export const Unsupported = register({ registration: "unsupported" });

const policies = [
  { name: "Terms of use", url: "https://example.org/terms" },
  { name: "Privacy notice of the association of everybody who lives in number 14", url: "https://example.org/privacy" },
];

export const Terms = register({ step: { kind: "terms", policies } });

export const ServersPage = register({ step: { kind: "page", url: "https://example.org/captcha" } });

export const PageNotDone = register({
  step: { kind: "page", url: "https://example.org/captcha" },
  problem: { kind: "step-open" },
});
