import { fireEvent } from "@testing-library/dom";
import { opened, press, pressing, searching, see } from "../../gallery/acts.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import { DIRECT, GROUP } from "../../gallery/fakes/conversations.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import { file, film, message, picture, summary } from "../../gallery/fakes/messages.ts";
import { cast, membersOf } from "../../gallery/fakes/people.ts";
import { READ_ONLY, type RoomKnows } from "../../gallery/fakes/rooms.ts";
import { ordinary, question } from "../../gallery/fakes/talk.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import type { FoundPage, MessageBody, Outsider } from "../../matrix/types.ts";
import { Drawer, type DrawerView } from "./Drawer.tsx";

export default { title: "Details", place: "drawer" } satisfies Meta;

const drawer =
  (view: DrawerView, roomId = GROUP): Story["render"] =>
  (world) => (
    <Drawer
      model={opened(world, roomId).model}
      view={view}
      onView={(next) => world.calls.add("view", [next])}
      onClose={() => world.calls.add("close", [])}
    />
  );

const showing = (
  kind: Exclude<DrawerView["kind"], "thread">,
  room: (say: Say) => RoomKnows = () => ({}),
  account: (say: Say) => AccountKnows = () => ({}),
): Story => ({
  knows: (say) => ({ rooms: { [GROUP]: { events: ordinary(say), ...room(say) } }, ...account(say) }),
  render: drawer({ kind }),
});

export const Group = showing("about", (say) => ({
  details: { topic: say("Beds, trees and the shed", "花床、树和棚子"), alias: "#garden:example.org", public: true },
  rules: { requests: [outsider(say)] },
}));

export const Direct: Story = {
  knows: (say) => ({ verified: [cast(say).ana.id] }),
  render: drawer({ kind: "about" }, DIRECT),
};

/** Somebody who may change nothing. */
export const Member = showing("about", () => ({
  details: {
    can: { send: true, invite: false, pin: false, rename: false, describe: false, picture: false, remove: false },
  },
  rules: READ_ONLY,
}));

export const Everything = showing("about", (say) => ({
  details: {
    name: cast(say).long.name,
    topic: `${cast(say).wide.name}\n${say("A topic that has a lot to say. ", "主题里有很多话要说。").repeat(12)}`,
    alias: "#a-long-address-that-does-not-end-where-the-drawer-ends:a-server-with-a-long-name.example.org",
    memberCount: 12_480,
  },
  members: membersOf(say, 300),
}));

export const Editing: Story = { ...Group, play: pressing("details.edit") };

export const Inviting: Story = { ...Group, play: pressing("details.invite.title") };

export const Code: Story = { ...Group, play: pressing("details.code") };

export const Leaving: Story = { ...Group, play: pressing("details.leave") };

export const MemberActions: Story = {
  ...Group,
  play: (_, { t, say }) => press(t("member.menu", { name: cast(say).clara.name })),
};

export const Removing: Story = {
  ...Group,
  play: async (_, { t, say }) => {
    await press(t("member.menu", { name: cast(say).clara.name }));
    await press(t("member.ban"), "menuitem");
  },
};

export const Rules = showing("rules", () => ({
  details: { alias: "#garden:example.org" },
  aliases: ["#garden:example.org", "#a-second-address-that-is-rather-long:a-server-with-a-long-name.example.org"],
  rules: { slowMode: 90 },
}));

export const RulesToRead = showing("rules", () => ({ rules: { ...READ_ONLY, admission: "other" } }));

const unfold = (page: HTMLElement) => {
  const advanced = page.querySelector("details.advanced");
  advanced?.setAttribute("open", "");
  advanced?.scrollIntoView();
};

export const Advanced: Story = { ...Rules, play: unfold };

/** Lists of servers that somebody is changing, and has shut themselves out by. */
export const AdvancedWrong: Story = {
  ...showing("rules", () => ({
    rules: { guests: true, servers: { allow: ["*"], deny: ["evil.example"], addresses: false } },
  })),
  play: async (page, { t }) => {
    unfold(page);
    const choice = page.querySelector<HTMLSelectElement>(".advanced__servers select");
    if (choice !== null) fireEvent.change(choice, { target: { value: "only" } });
    await see(t("rules.servers.allow"));
    const [, denied] = page.querySelectorAll(".advanced__servers textarea");
    if (denied !== undefined) fireEvent.change(denied, { target: { value: "evil.example\n*.org" } });
    await see(t("rules.servers.own", { server: "example.org" }));
    page.querySelector(".advanced__foot")?.scrollIntoView();
  },
};

export const AdvancedToRead: Story = {
  ...showing("rules", () => ({
    rules: {
      ...READ_ONLY,
      servers: { allow: ["example.org", "*.example.org"], deny: ["evil.example.org"], addresses: true },
    },
  })),
  play: unfold,
};

const outsider = (say: Say): Outsider => ({
  ...cast(say).dmitri,
  reason: say("I live on the third floor and have a spade.", "我住三楼，有一把铲子。"),
});

const outsiders = (say: Say): readonly Outsider[] => {
  const { emre, long, wide, ana } = cast(say);
  return [outsider(say), { ...emre, by: ana.name }, { ...long, by: long.name, reason: wide.name }];
};

export const Requests = showing("requests", (say) => ({ rules: { requests: outsiders(say) } }));

export const NoRequests = showing("requests");

export const Refusing: Story = {
  ...Requests,
  play: (_, { t, say }) => press(t("requests.refuse", { name: cast(say).dmitri.name })),
};

export const Banned = showing("banned", (say) => ({ rules: { banned: outsiders(say) } }));

export const NobodyBanned = showing("banned");

const some = (say: Say, ...bodies: readonly MessageBody[]): (() => Promise<FoundPage>) => {
  const { ana, me } = cast(say);
  const messages = bodies.map((body, at) => summary(message(at % 2 === 0 ? ana : me, body), GROUP));
  return async () => ({ messages });
};

export const SharedMedia = showing("shared", (say) => ({
  shared: some(
    say,
    ...["lake", "tree", "slow-river", "hill", "gate"].map(
      (name): MessageBody => ({ kind: "image", media: picture(name) }),
    ),
    { kind: "video", media: film("birds") },
  ),
}));

const inTab = (
  tab: "files" | "links" | "polls" | "pins",
  ...bodies: readonly ((say: Say) => MessageBody)[]
): Story => ({
  ...showing("shared", (say) => ({ shared: some(say, ...bodies.map((body) => body(say))) })),
  play: pressing({ tab: `shared.${tab}` }),
});

export const SharedFiles = inTab(
  "files",
  () => ({ kind: "file", media: file("seeds.csv") }),
  (say) => ({
    kind: "file",
    media: file(
      `${say("A name that is too long for its line, ", "一个长到放不进这一行的文件名，").repeat(3)}.pdf`,
      9_100_000,
    ),
  }),
);

export const SharedLinks = inTab("links", (say) => ({
  kind: "text",
  style: "text",
  text: say(
    "See https://example.org/a/long/way/to/what/is/meant/by/this/address",
    "看 https://example.org/a/long/way/to/what/is/meant",
  ),
}));

export const SharedPolls = inTab("polls", (say) => ({ kind: "poll", poll: question(say) }));

export const NothingShared = showing("shared");

export const SharedLoading = showing("shared", () => ({ shared: () => never() }));

export const SharedOffline = showing("shared", () => ({ shared: refuse("offline") }));

export const Pins = showing("pins", (say) => ({
  pins: ordinary(say).map((event, at) =>
    at === 0 ? { id: "$early" } : { id: event.id ?? "", message: summary(event, GROUP) },
  ),
}));

export const NoPins = showing("pins");

export const Search = showing("search");

export const Found: Story = {
  ...showing("search", undefined, (say) => ({
    messages: async () => ({
      messages: ordinary(say).map((event) => summary(event, GROUP)),
      words: [say("ladder", "梯子")],
    }),
  })),
  play: searching("ladder", "梯子"),
};

export const NotFound: Story = { ...Search, play: searching("qqqq") };
