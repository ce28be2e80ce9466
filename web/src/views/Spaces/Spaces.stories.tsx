import { fill, press, pressing, searching } from "../../gallery/acts.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import { SPACE, spaces } from "../../gallery/fakes/conversations.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import type { SpaceRoom } from "../../matrix/types.ts";
import { AddRooms } from "./AddRooms.tsx";
import NewSpace from "./NewSpace.tsx";
import { SpacePage } from "./SpacePage.tsx";

export default { title: "Spaces", place: "main" } satisfies Meta;

const room = (id: string, name: string, part: Partial<SpaceRoom> = {}): SpaceRoom => ({
  id,
  name,
  memberCount: 14,
  space: false,
  way: "join",
  suggested: false,
  via: ["example.org"],
  ...part,
});

const rooms = (say: Say): readonly SpaceRoom[] => [
  room("!garden:example.org", say("Garden committee", "花园小组"), {
    avatar: "mxc://gallery/garden",
    topic: say("Beds, trees and the shed", "花床、树和棚子"),
  }),
  room("!cellar:example.org", say("Cellar", "地下室"), { suggested: true }),
  room("!attic:example.org", say("Attic", "阁楼"), { way: "knock", topic: say("Ask first. ", "先问问。").repeat(20) }),
  room("!yard:example.org", say("Courtyard", "院子"), { space: true, memberCount: 1 }),
  room(
    "!long:example.org",
    say(
      "A room whose name is long, and goes on where others have long ended",
      "名字很长很长，别人早就结束了它还在继续的一个房间",
    ),
    { suggested: true, space: true },
  ),
];

const home = (knows: (say: Say) => AccountKnows): Story => ({ knows, render: () => <SpacePage spaceId={SPACE} /> });

export const Home = home((say) => ({ inSpace: async () => ({ rooms: rooms(say), next: "more" }) }));

/** Of somebody who may not change it. */
export const AsMember = home((say) => ({
  spaces: spaces(say).map((space) => ({ ...space, manages: false })),
  inSpace: async () => ({ rooms: rooms(say) }),
}));

export const Loading = home(() => ({ inSpace: () => never() }));

export const Empty = home(() => ({}));

export const Offline = home(() => ({ inSpace: refuse("offline") }));

export const Many = home((say) => ({
  inSpace: async () => ({
    rooms: Array.from({ length: 12 }, (_, at) => room(`!${at}:example.org`, say(`Floor ${at}`, `${at}楼`))),
  }),
}));

export const NothingFound: Story = { ...Many, play: searching("qqqq") };

export const Members: Story = { ...Home, play: pressing({ tab: "space.members" }) };

export const Menu: Story = { ...Home, play: pressing("action.more") };

export const Removing: Story = {
  ...Home,
  play: async (_, { t, say }) => {
    await press(t("chats.menu", { name: say("Cellar", "地下室") }));
    await press(t("space.remove"), "menuitem");
  },
};

export const Invited: Story = {
  render: () => <SpacePage spaceId="!invitedspace:example.org" />,
  knows: (say) => ({
    conversations: [
      {
        id: "!invitedspace:example.org",
        name: say("Theatre", "剧社"),
        colourId: "x",
        membership: "invite",
        direct: false,
        space: true,
        activity: 0,
        unread: 0,
        highlights: 0,
        muted: false,
        pinned: false,
        typing: [],
      },
    ],
  }),
};

const close =
  ({ calls }: World) =>
  () =>
    calls.add("close", []);

export const Adding: Story = {
  render: (world) => {
    const space = world.account.spaces.get(SPACE);
    return space === undefined ? null : <AddRooms space={space} onClose={close(world)} />;
  },
};

export const NothingToAdd: Story = { ...Adding, knows: () => ({ conversations: [] }), play: searching("qqqq") };

export const New: Story = { render: (world) => <NewSpace onClose={close(world)} /> };

export const NotMade: Story = {
  ...New,
  before: ({ account }) => {
    account.spaces.create = refuse("alias-taken");
  },
  play: async (_, { t, say }) => {
    await fill(t("space.new.name"), say("Our street", "我们的街"));
    await press(new RegExp(`^${t("group.new.public")}`), "switch");
    await press(t("space.new.create"));
  },
};
