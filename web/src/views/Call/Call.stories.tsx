/** Calls: before, during and after, and where else the client tells of them. */
import "./parts.tsx";
import { Suspense } from "react";
import { useAccount, useReadable } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { callState, type CallsKnow, participant, type SessionKnows } from "../../gallery/fakes/calls.ts";
import { DIRECT, direct, GROUP, group } from "../../gallery/fakes/conversations.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { ago, MINUTE, type Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import type { CallState, Ring } from "../../matrix/calls/types.ts";
import { callsModel } from "../../viewmodels/calls.ts";
import { CallBanner, CallBars, CallButtons, CallHost } from "./slots.tsx";

export default { title: "Call", place: "page" } satisfies Meta;

interface Shown {
  roomId?: string;
  /** The call is a line on top of the list. */
  away?: true;
  /** Devices are looked at before one joins. */
  prejoin?: "voice" | "video";
}

/** The client as far as calls are concerned. */
function Client({ roomId = GROUP, away, prejoin }: Shown) {
  const account = useAccount();
  const calls = useReadable(account.calls);
  const conversation = account.conversations.get(roomId);
  if (calls !== undefined && prejoin !== undefined)
    callsModel(account, calls).prejoin.set({ roomId, video: prejoin === "video" });
  if (conversation === undefined) return null;
  return (
    <div className="shell" data-pane={away === true ? "list" : "main"}>
      <div className="rail" />
      <section className="pane" aria-label={conversation.name}>
        <CallBars place="list" />
      </section>
      <main className="main">
        <Suspense fallback={null}>
          <CallBars place="main" />
          <div>
            <header className="header">
              <span className="header__who">{conversation.name}</span>
              <CallButtons conversation={conversation} />
            </header>
            <CallBanner conversation={conversation} />
          </div>
        </Suspense>
      </main>
      <CallHost />
    </div>
  );
}

function story(knows: (say: Say) => CallsKnow, shown: Shown = {}): Story {
  return {
    knows: (say) => ({ conversations: [group(say), direct(say)], inCalls: knows(say) }),
    before: () => {
      const { roomId = GROUP, away } = shown;
      router.route.set(away === true ? { name: "chats" } : { name: "room", roomId });
    },
    render: () => <Client {...shown} />,
  };
}

const inCall = (say: Say, roomId: string, part: Partial<CallState>): { session: SessionKnows } => ({
  session: { roomId, direct: roomId === DIRECT, state: callState(say, part) },
});

const withAna = (part: (say: Say) => Partial<CallState>): Story =>
  story((say) => inCall(say, DIRECT, part(say)), { roomId: DIRECT });
const withMany = (part: (say: Say) => Partial<CallState>): Story => story((say) => inCall(say, GROUP, part(say)));

function ring(say: Say, part: Partial<Ring> = {}): Ring {
  const { ana } = cast(say);
  const room = say("Garden committee", "花园小组");
  return { id: "$ring", roomId: DIRECT, caller: ana, room, direct: true, video: false, until: ago(-MINUTE), ...part };
}

export const Idle = story(() => ({}));

export const NotAllowed = story(() => ({ rooms: { [GROUP]: { may: "no" } } }));

export const MayAllow = story(() => ({ rooms: { [GROUP]: { may: "allow" } } }));

export const Ongoing = story((say) => {
  const { ana, ben, long, wide, clara } = cast(say);
  return { rooms: { [GROUP]: { people: [ana, ben, long, wide, clara], since: ago(12 * MINUTE) } } };
});

export const Elsewhere = story((say) => {
  const { me, ana } = cast(say);
  return { rooms: { [GROUP]: { people: [ana, me], since: ago(MINUTE), elsewhere: true } } };
});

export const Prejoin = story(() => ({}), { prejoin: "voice" });

export const Connecting = withAna(() => ({ phase: "connecting", encrypted: false, others: [] }));

export const Calling = withAna(() => ({ ringing: true, others: [] }));

export const Pair = withAna((say) => ({ others: [participant(cast(say).ana, { speaking: true })] }));

export const Declined = withAna(() => ({ phase: "ended", end: { how: "declined" }, others: [] }));

export const Unanswered = withAna(() => ({ phase: "ended", end: { how: "unanswered" }, others: [] }));

export const Failed = withMany(() => ({ phase: "ended", end: { how: "failed", problem: "unreachable" }, others: [] }));

export const Alone = withMany(() => ({ others: [] }));

/** Everybody is in another state. */
export const Full = withMany((say) => {
  const { ana, ben, clara, dmitri, emre, fatima, long, wide } = cast(say);
  return {
    others: [
      participant(ana, { speaking: true }),
      participant(ben, { microphone: false }),
      participant(clara, { hand: ago(MINUTE) }),
      participant(dmitri, { connecting: true, microphone: false }),
      participant(emre, { quality: "poor" }),
      participant(fatima, { quality: "lost" }),
      participant(long, { unreadable: "no-key" }),
      participant(wide, { unreadable: "not-encrypted" }),
    ],
    encrypted: false,
    reactions: [{ id: "$1", key: `${cast(say).ana.id}:PHONE`, emoji: "👏" }],
  };
});

export const Pages = withMany((say) => {
  const { ana } = cast(say);
  const guest = (number: number) => ({
    ...ana,
    id: `@guest${number}:example.org`,
    name: say(`Guest ${number}`, `客人${number}`),
  });
  return { others: Array.from({ length: 14 }, (_, index) => participant(guest(index + 1))) };
});

export const Screen = withMany((say) => {
  const { ana, ben, clara } = cast(say);
  return { others: [participant(ana, { screen: true }), participant(ben), participant(clara, { speaking: true })] };
});

export const Troubled = withMany((say) => ({
  others: [participant(cast(say).ana)],
  silenced: true,
  deviceProblem: { microphone: "blocked", camera: "missing" },
  me: participant({ ...cast(say).me, me: true }, { microphone: false, quality: "poor" }),
}));

export const ListenOnly = withMany((say) => ({
  maySpeak: false,
  me: participant({ ...cast(say).me, me: true }, { microphone: false }),
}));

export const Reconnecting = withMany(() => ({ phase: "reconnecting", encrypted: false }));

export const Devices: Story = {
  ...Full,
  play: async (page, { t }) => {
    const [button] = [...page.querySelectorAll("button")].filter((one) => one.title === t("call.devices"));
    button?.click();
  },
};

export const Bar = story((say) => inCall(say, GROUP, {}), { away: true });

export const BarEnded = story(
  (say) => inCall(say, GROUP, { phase: "ended", end: { how: "failed", problem: "removed" }, others: [] }),
  { away: true },
);

export const Ringing = story((say) => ({ rings: [ring(say)] }));

export const RingingWithVideo = story((say) => {
  const { long } = cast(say);
  return { rings: [ring(say, { caller: long, direct: false, roomId: GROUP, video: true })] };
});
