/** The whole of a conversation: its head, what is pinned, doubts, uploads, its end. */
import { opened, pressing } from "../../gallery/acts.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import { conversation, direct, GROUP, group } from "../../gallery/fakes/conversations.ts";
import { message, summary } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { RoomKnows } from "../../gallery/fakes/rooms.ts";
import { media, ordinary } from "../../gallery/fakes/talk.ts";
import { ago, MINUTE, type Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import { setPreference } from "../../base/preferences.ts";
import type { OutboxItem } from "../../matrix/outbox/item.ts";
import type { Conversation, Ending } from "../../matrix/types.ts";
import { ConversationView } from "./ConversationView.tsx";
import { Effects } from "./Effects.tsx";
import { JumpToDate } from "./JumpToDate.tsx";
import { Lightbox } from "./Lightbox.tsx";
import { SendFiles } from "./SendFiles.tsx";

export default { title: "Conversation", place: "main" } satisfies Meta;

const view =
  (roomId = GROUP): Story["render"] =>
  (world) => <ConversationView {...opened(world, roomId)} />;

const showing = (
  room: (say: Say) => RoomKnows = () => ({}),
  row: (say: Say) => Partial<Conversation> = () => ({}),
  account: (say: Say) => AccountKnows = () => ({}),
): Story => ({
  knows: (say) => ({
    conversations: [group(say, row(say))],
    rooms: { [GROUP]: { events: ordinary(say), ...room(say) } },
    ...account(say),
  }),
  render: view(),
});

export const Group = showing(undefined, (say) => ({ typing: [cast(say).ben.name, cast(say).clara.name] }));

export const Direct: Story = {
  knows: (say) => {
    const { ana, me } = cast(say);
    return {
      conversations: [direct(say)],
      verified: [ana.id],
      rooms: {
        "!ana:example.org": {
          events: [message(ana, say("Hello!", "你好！")), message(me, say("Hello", "你好"), { readBy: [ana] })],
        },
      },
    };
  },
  render: view("!ana:example.org"),
};

export const Compact: Story = { ...Group, before: () => setPreference("layout", "compact") };

export const Background: Story = { ...Group, before: () => setPreference("background", "meadow") };

export const LongName: Story = {
  knows: (say) => {
    const { long } = cast(say);
    return {
      conversations: [conversation("!long:example.org", long.name, { peer: long.id, muted: true, encrypted: true })],
    };
  },
  render: view("!long:example.org"),
};

export const Pinned = showing((say) => {
  const [first] = ordinary(say);
  return {
    pins: [{ id: "$early" }, ...(first === undefined ? [] : [{ id: first.id ?? "", message: summary(first, GROUP) }])],
  };
});

export const ChangedIdentity = showing(undefined, undefined, (say) => ({
  warnings: [{ kind: "verified-changed", person: cast(say).ben }],
}));

export const NewIdentity = showing(undefined, undefined, (say) => ({
  warnings: [{ kind: "changed", person: cast(say).long }],
}));

export const UnknownSessions = showing(undefined, undefined, (say) => ({
  warnings: [{ kind: "sessions", person: cast(say).ben, deviceIds: ["A", "B"] }],
}));

const upload = (name: string, state: OutboxItem["state"], part: Partial<OutboxItem> = {}): OutboxItem => {
  const blob = new Blob(["x".repeat(20_000)]);
  return {
    txnId: name,
    roomId: GROUP,
    order: 1,
    createdAt: ago(MINUTE),
    action: { kind: "event", type: "m.room.message", content: {} },
    attachments: [{ slot: "content", blob, name, type: "application/zip" }],
    encrypted: true,
    unmeasured: false,
    state,
    ...part,
  };
};

export const Uploads = showing((say) => ({
  outbox: [
    upload(say("Pictures of the garden.zip", "花园照片.zip"), "uploading"),
    upload(say("Later.zip", "稍后.zip"), "waiting", { problem: { kind: "offline" } }),
    upload(`${say("A film of the whole afternoon, uncut", "整个下午的录像未剪辑")}.mkv`.repeat(3), "refused", {
      problem: { kind: "too-large" },
    }),
  ],
}));

export const Choosing: Story = {
  ...showing(),
  before: (world) => {
    const { model } = opened(world);
    for (const event of model.room.timeline.snapshot.get().events.slice(0, 2)) model.selection.toggle(event);
  },
};

export const Menu: Story = { ...showing(undefined, () => ({ highlights: 2 })), play: pressing("action.more") };

const ended = (ending: (say: Say) => Ending, part: RoomKnows["details"] = {}) =>
  showing((say) => ({ details: { ended: ending(say), ...part } }));

export const Left = ended(() => ({ how: "left" }), { public: true });

export const Removed = ended((say) => ({
  how: "removed",
  by: cast(say).ana,
  reason: say(
    "You wrote that you were moving away. Write to me if that was a mistake.",
    "你说你要搬走了。弄错的话告诉我。",
  ),
}));

export const Banned = ended((say) => ({ how: "banned", by: cast(say).long }), { public: true });

export const Upgraded = showing(() => ({ details: { successor: "!new:example.org" } }));

export const DateJump: Story = {
  ...showing(),
  render: (world) => <JumpToDate model={opened(world).model} onClose={() => world.calls.add("close", [])} />,
};

const box = (index: number): Story => ({
  knows: (say) => ({ rooms: { [GROUP]: { events: media(say) } } }),
  render: (world) => {
    const { model } = opened(world);
    const event = model.room.timeline.snapshot.get().events[index];
    if (event === undefined) return null;
    return (
      <Lightbox
        model={model}
        event={event}
        onShow={({ key }) => world.calls.add("show", [key])}
        onClose={() => world.calls.add("close", [])}
      />
    );
  },
});

export const Picture = box(0);

export const TallPicture = box(1);

export const LoadingPicture = box(2);

export const BrokenPicture = box(3);

export const Film = box(4);

const files = (world: World) => [
  new File(["x".repeat(4000)], world.say("Seeds.csv", "种子.csv"), { type: "text/csv" }),
  new File(
    ["x"],
    `${world.say("A name that is too long for the line it stands in, ", "一个长到放不进这一行的文件名，").repeat(3)}.zip`,
  ),
];

export const Files: Story = {
  render: (world) => (
    <SendFiles
      files={files(world)}
      onSend={(sent, captions) => world.calls.add("send", [sent.map(({ name }) => name), captions])}
      onClose={() => world.calls.add("close", [])}
    />
  ),
};

export const Effect: Story = {
  knows: (say) => ({
    rooms: {
      [GROUP]: {
        events: [
          message(
            cast(say).ana,
            { kind: "text", style: "text", text: "🎉", effect: "confetti" },
            { timestamp: ago(0) },
          ),
        ],
      },
    },
  }),
  render: (world) => <Effects model={opened(world).model} />,
};
