/** The places of the client in which something of calls stands. What stands there is loaded where the server has calls. */
import { type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { useAccount, useReadable } from "../../base/hooks.ts";
import type { Calls } from "../../matrix/calls/calls.ts";
import type { Conversation } from "../../matrix/types.ts";

interface OfCalls {
  calls: Calls;
}

export interface OfConversation extends OfCalls {
  conversation: Conversation;
}

type Parts = typeof import("./parts.tsx");

function part<P extends OfCalls>(choose: (parts: Parts) => ComponentType<P>) {
  return lazy(() => import("./parts.tsx").then((parts) => ({ default: choose(parts) })));
}

const Buttons = part<OfConversation>(({ CallButtons }) => CallButtons);
const Banner = part<OfConversation>(({ CallBanner }) => CallBanner);
const Bars = part<OfCalls & { place: "list" | "main" }>(({ CallBars }) => CallBars);
const Host = part<OfCalls>(({ CallHost }) => CallHost);

/** Begins a call, or joins it. */
export function CallButtons({ conversation }: Pick<OfConversation, "conversation">) {
  return <Slot part={(calls) => <Buttons calls={calls} conversation={conversation} />} />;
}

/** Says who is in the call of a conversation. */
export function CallBanner({ conversation }: Pick<OfConversation, "conversation">) {
  return <Slot part={(calls) => <Banner calls={calls} conversation={conversation} />} />;
}

/** The call that one is in, on top of something else. */
export function CallBars({ place }: { place: "list" | "main" }) {
  return <Slot part={(calls) => <Bars calls={calls} place={place} />} />;
}

/** The call that one is in, and what rings. */
export function CallHost() {
  return <Slot part={(calls) => <Host calls={calls} />} />;
}

function Slot({ part }: { part: (calls: Calls) => ReactNode }) {
  const calls = useReadable(useAccount().calls);
  return calls === undefined ? null : <Suspense fallback={null}>{part(calls)}</Suspense>;
}
