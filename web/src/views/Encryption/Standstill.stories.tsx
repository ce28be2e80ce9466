import type { Meta, Story } from "../../gallery/story.ts";
import { Elsewhere, KeysLost } from "./Standstill.tsx";

export default { title: "Standstill", place: "page" } satisfies Meta;

export const OtherTab: Story = { render: () => <Elsewhere taking={false} /> };

export const TakingOver: Story = { render: () => <Elsewhere taking /> };

export const LostKeys: Story = { render: () => <KeysLost /> };
