import { cast } from "../../gallery/fakes/people.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { SettingsList } from "./SettingsList.tsx";

export default { title: "List of settings", place: "list" } satisfies Meta;

export const Start: Story = { render: () => <SettingsList section={undefined} /> };

export const Chosen: Story = { render: () => <SettingsList section="privacy" /> };

export const LongName: Story = {
  knows: (say) => ({ profile: { ...cast(say).long, me: true } }),
  render: () => <SettingsList section="profile" />,
};
