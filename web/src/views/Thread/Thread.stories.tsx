import { opened } from "../../gallery/acts.ts";
import { GROUP, group } from "../../gallery/fakes/conversations.ts";
import { Calls, never, refuse } from "../../gallery/fakes/fake.ts";
import { message, summary } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { fakeRoom, type RoomKnows } from "../../gallery/fakes/rooms.ts";
import { ordinary } from "../../gallery/fakes/talk.ts";
import { ago, MINUTE, type Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { Drawer, type DrawerView } from "../Details/Drawer.tsx";

export default { title: "Threads", place: "drawer" } satisfies Meta;

const render =
  (view: DrawerView): Story["render"] =>
  (world) => (
    <Drawer
      model={opened(world).model}
      view={view}
      onView={(next) => world.calls.add("view", [next])}
      onClose={() => world.calls.add("close", [])}
    />
  );

const room = (knows: (say: Say) => RoomKnows, view: DrawerView): Story => ({
  knows: (say) => ({ rooms: { [GROUP]: { events: ordinary(say), ...knows(say) } } }),
  render: render(view),
});

export const List = room(
  (say) => {
    const { ana, ben, long } = cast(say);
    const last = message(ben, say("Then I order twelve.", "那我订十二棵。"));
    return {
      threads: [
        {
          root: summary(message(ana, say("Which apple trees?", "种哪种苹果树？")), GROUP),
          count: 14,
          unread: 3,
          highlights: 1,
          last,
        },
        {
          root: summary(message(long, say("A long question. ", "一个长长的问题。").repeat(20)), GROUP),
          count: 1,
          unread: 0,
          highlights: 0,
        },
        { root: summary(message(ben, { kind: "deleted" }), GROUP), count: 2, unread: 0, highlights: 0, last },
      ],
    };
  },
  { kind: "threads" },
);

export const None = room(() => ({}), { kind: "threads" });

export const Loading: Story = {
  ...None,
  before: (world) => {
    opened(world).model.room.threads.load = () => never();
  },
};

const OPEN: DrawerView = { kind: "thread", rootId: "$root" };

export const Open = room((say) => {
  const { me, ana, ben } = cast(say);
  const events = [
    message(ana, say("Which apple trees?", "种哪种苹果树？"), { id: "$root", timestamp: ago(40 * MINUTE) }),
    message(ben, say("Old ones. They taste better.", "老品种，味道更好。"), { timestamp: ago(30 * MINUTE) }),
    message(me, say("And they need less water.", "而且不用太多水。"), { timestamp: ago(20 * MINUTE) }),
  ];
  return { thread: fakeRoom(new Calls(), say, group(say), { events }) };
}, OPEN);

export const Opening: Story = {
  ...Open,
  before: (world) => {
    opened(world).model.room.thread = () => never();
  },
};

export const NotOpened: Story = {
  ...Open,
  before: (world) => {
    opened(world).model.room.thread = refuse("offline");
  },
};
