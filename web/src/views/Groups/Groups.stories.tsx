import { searching } from "../../gallery/acts.ts";
import { publicGroup } from "../../gallery/fakes/conversations.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { Groups } from "./Groups.tsx";

export default { title: "Groups", place: "list" } satisfies Meta;

const render = () => <Groups />;

export const Full: Story = {
  knows: (say) => ({
    groups: async () => ({
      groups: [
        publicGroup("!town:example.org", say("Town hall", "市政厅"), {
          avatar: "mxc://gallery/town",
          topic: say("What is decided, and when", "什么时候决定什么"),
          memberCount: 12_480,
        }),
        publicGroup("!garden:example.org", say("Garden committee", "花园小组"), { joined: true }),
        publicGroup("!house:example.org", say("Our house", "我们的楼"), { space: true, memberCount: 1 }),
        publicGroup(
          "!long:example.org",
          say(
            "A group whose name is long, and goes on where others have long ended",
            "名字很长很长，别人早就结束了它还在继续的一个群",
          ),
          {
            topic: say("A topic that has a lot to say about what is said here. ", "主题里有很多话要说。").repeat(6),
          },
        ),
      ],
      next: "more",
    }),
  }),
  render,
};

export const Loading: Story = { knows: () => ({ groups: () => never() }), render };

export const Empty: Story = { render };

export const NothingFound: Story = { render, play: searching("qqqq") };

export const Address: Story = { render, play: searching("#garden:example.org") };

export const Offline: Story = { knows: () => ({ groups: refuse("offline") }), render };
