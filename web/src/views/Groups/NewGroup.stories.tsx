import { fill, press, pressing } from "../../gallery/acts.ts";
import { refuse } from "../../gallery/fakes/fake.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import { NewGroup } from "./NewGroup.tsx";

export default { title: "New group", place: "main" } satisfies Meta;

const render = ({ calls }: World) => <NewGroup onClose={() => calls.add("close", [])} />;
const name = ({ say }: World) => say("Night of games", "游戏之夜");

export const Private: Story = { render };

export const Public: Story = {
  render,
  play: async (_, world) => {
    await fill(world.t("group.new.name"), name(world));
    await press(new RegExp(`^${world.t("group.new.public")}`), "switch");
  },
};

export const InSpace: Story = {
  render: ({ calls, say }) => (
    <NewGroup
      space={{ id: "!house:example.org", name: say("Our house", "我们的楼") }}
      onClose={() => calls.add("close", [])}
    />
  ),
};

export const AddressTaken: Story = {
  before: ({ account }) => {
    account.directory.createGroup = refuse("alias-taken");
  },
  render,
  play: async (page, world) => {
    await fill(world.t("group.new.name"), name(world));
    await pressing("group.new.create")?.(page, world);
  },
};
