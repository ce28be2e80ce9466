/** What a timeline can show, one kind of thing after the other. */
import { fireEvent } from "@testing-library/dom";
import { opened, press, see } from "../../gallery/acts.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import { DIRECT, GROUP } from "../../gallery/fakes/conversations.ts";
import { never } from "../../gallery/fakes/fake.ts";
import { message, picture, reaction } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { RoomKnows } from "../../gallery/fakes/rooms.ts";
import * as talk from "../../gallery/fakes/talk.ts";
import { ago, MINUTE, type Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import type { TimelineEvent } from "../../matrix/types.ts";
import { Timeline } from "./Timeline.tsx";

export default { title: "Messages", place: "main" } satisfies Meta;

const timeline =
  (roomId = GROUP): Story["render"] =>
  (world) => {
    const { model, conversation } = opened(world, roomId);
    return (
      <Timeline model={model} conversation={conversation} onPicture={({ id }) => world.calls.add("picture", [id])} />
    );
  };

const showing = (
  events: (say: Say) => readonly TimelineEvent[],
  room: (say: Say) => RoomKnows = () => ({}),
  account: AccountKnows = {},
): Story => ({
  knows: (say) => ({ ...account, rooms: { [GROUP]: { events: events(say), ...room(say) } } }),
  render: timeline(),
});

export const Ordinary = showing(talk.ordinary);

export const Words = showing(talk.words);

export const Media = showing(talk.media);

export const Albums = showing(talk.albums);

export const Undecrypted = showing(talk.undecrypted);

/** What this session could read if it were verified. */
export const Unverified = showing(talk.undecrypted, undefined, { encryption: { session: "unverified" } });

export const Doubtful = showing(talk.doubtful);

export const Outgoing = showing(talk.outgoing);

export const Missing = showing(talk.missing);

export const Changes = showing(talk.changes);

export const Threads = showing(talk.threaded);

/** More reactions than there is room for, pictures among them. */
export const Reactions = showing((say) => {
  const { me, ana, ben, clara } = cast(say);
  const faces = ["👍", "❤️", "😂", "🎉", "😮", "🌱", "🔥", "👀", "🙏", "☕"];
  return [
    message(ana, say("What do you say?", "怎么样？"), {
      reactions: [
        ...faces.map((emoji, at) => reaction(emoji, at % 3 === 0 ? [me, ana] : [ben])),
        reaction("mxc://gallery/cat", [clara], { shortcode: "cat" }),
        reaction(say("absolutely yes", "完全同意"), [ana]),
      ],
    }),
  ];
});

export const Unread: Story = {
  knows: (say) => {
    const events = talk.ordinary(say);
    return { rooms: { [GROUP]: { events, read: events[3]?.id } } };
  },
  render: timeline(),
};

export const Reading = showing(
  () => [],
  () => ({ timeline: { loading: true, hasOlder: true } }),
);

export const NotLoaded = showing(talk.ordinary, () => ({ timeline: { hasOlder: true, failed: true } }));

export const Beginning = showing(() => []);

export const Moved = showing(
  () => [],
  () => ({
    details: { predecessor: { roomId: "!old:example.org", eventId: "$last" } },
  }),
);

export const Direct: Story = {
  knows: (say) => {
    const { me, ana } = cast(say);
    return {
      rooms: {
        [DIRECT]: {
          events: [
            message(ana, say("Did you sleep well?", "睡得好吗？"), { timestamp: ago(40 * MINUTE) }),
            message(me, say("Like a stone.", "睡得很沉。"), { timestamp: ago(30 * MINUTE), readBy: [ana] }),
          ],
        },
      },
    };
  },
  render: timeline(DIRECT),
};

const menu = (page: HTMLElement) => {
  const bubbles = page.querySelectorAll(".bubble");
  fireEvent.contextMenu(bubbles[bubbles.length - 1] as Element);
};

const inMenu =
  (key: "action.info" | "action.delete" | "action.report" | "action.forward"): Story["play"] =>
  async (page, { t }) => {
    menu(page);
    await press(t(key), "menuitem");
  };

export const Menu: Story = { ...Ordinary, play: menu };

const moving = (say: Say, id = "new-dance") => [
  message(cast(say).ana, {
    kind: "image",
    media: picture(id, 320, 240, { name: `${id}.gif`, mimetype: "image/gif", size: 90_000 }),
  }),
];

/** Still, and moving where one does not want less motion. */
export const Gif: Story = showing(moving);

export const MenuOfGif: Story = { ...showing(moving, () => ({ details: { encrypted: false } })), play: menu };

/** One that is kept already. */
export const MenuOfKeptGif: Story = { ...showing((say) => moving(say, "applause")), play: menu };

export const MenuOfGifEncrypted: Story = { ...showing(moving), play: menu };

export const Deleting: Story = { ...Ordinary, play: inMenu("action.delete") };

export const Reporting: Story = {
  ...showing((say) => talk.ordinary(say).slice(0, 2)),
  play: inMenu("action.report"),
};

export const Forwarding: Story = { ...Ordinary, play: inMenu("action.forward") };

const about = (say: Say): RoomKnows => {
  const { ana, ben, clara, long } = cast(say);
  return {
    readers: [
      { person: ana, read: true, since: ago(4 * MINUTE) },
      { person: long, read: true, since: ago(3 * MINUTE) },
      { person: ben, read: false },
      { person: clara, read: false },
    ],
    versions: [
      {
        id: "$v1",
        timestamp: ago(20 * MINUTE),
        body: { kind: "text", style: "text", text: say("They look wonderfull", "真票亮！") },
      },
      {
        id: "$v2",
        timestamp: ago(19 * MINUTE),
        body: { kind: "text", style: "text", text: say("They look wonderful!", "真漂亮！") },
      },
    ],
  };
};

const informed = (
  tab?: "info.versions" | "info.source" | "info.reactions",
  part: Partial<TimelineEvent> = {},
): Story => ({
  ...showing((say) => talk.ordinary(say).map((event, at) => (at === 6 ? { ...event, ...part } : event)), about),
  play: async (page, world) => {
    await inMenu("action.info")?.(page, world);
    if (tab !== undefined) await press(world.t(tab), "tab");
  },
});

export const Readers = informed();

export const Versions = informed("info.versions");

export const Source = informed("info.source");

export const Reactors: Story = {
  ...showing((say) => {
    const { me, ana, long } = cast(say);
    return [message(me, say("Yes?", "好吗？"), { reactions: [reaction("👍", [me, ana]), reaction("🎉", [long])] })];
  }, about),
  play: async (page, world) => {
    await inMenu("action.info")?.(page, world);
    await press(world.t("info.reactions"), "tab");
  },
};

export const InfoLoading: Story = {
  ...Versions,
  before: (world) => {
    opened(world).model.room.messages.versions = () => never();
  },
};

export const Reacting: Story = {
  ...Ordinary,
  play: async (page, { t }) => {
    const [first] = page.querySelectorAll(".message");
    if (first !== undefined) fireEvent.focusIn(first);
    await press(t("action.react"));
    await see("👍");
  },
};
