import { press, pressing, searching, fill } from "../../gallery/acts.ts";
import { requests, conversations } from "../../gallery/fakes/conversations.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { People } from "./People.tsx";

export default { title: "People", place: "list" } satisfies Meta;

const render = () => <People />;

const notes = (say: Say) => {
  const { ana, ben, dmitri, fatima, noa, long, wide } = cast(say);
  return {
    [ana.id]: { star: true as const, tags: [say("Neighbours", "邻居"), say("Garden", "花园")] },
    [ben.id]: { remark: say("Ben from upstairs", "楼上的小王"), tags: [say("Neighbours", "邻居")] },
    [dmitri.id]: {},
    [fatima.id]: {},
    [noa.id]: {},
    [long.id]: { tags: [say("A tag with thirty characters x", "一个特别长的标签名字看看放得下放不下")] },
    [wide.id]: {},
  };
};

export const Full: Story = {
  knows: (say) => ({ notes: notes(say), conversations: [...conversations(say), ...requests(say)] }),
  render,
};

/** A new session, before it is verified. */
export const Locked: Story = {
  ...Full,
  knows: (say) => ({
    notesLocked: "key",
    encryption: { session: "unverified" },
    conversations: conversations(say),
  }),
};

/** The key has been replaced elsewhere. */
export const LockedWithoutKey: Story = { ...Locked, knows: (say) => ({ ...Full.knows?.(say), notesLocked: "key" }) };

/** The server has notes that nobody may have sealed. */
export const Doubtful: Story = { ...Locked, knows: (say) => ({ ...Full.knows?.(say), notesLocked: "doubtful" }) };

export const WrittenByNewer: Story = { ...Locked, knows: (say) => ({ ...Full.knows?.(say), notesLocked: "newer" }) };

export const LockedFiles: Story = { ...LockedWithoutKey, play: pressing("action.more", { item: "people.files" }) };

export const Empty: Story = { knows: () => ({ conversations: [] }), render };

export const Found: Story = {
  knows: (say) => ({ found: async () => [cast(say).emre, cast(say).long, cast(say).nameless] }),
  render,
  play: searching("an", "安"),
};

export const Searching: Story = {
  knows: () => ({ conversations: [], found: () => never() }),
  render,
  play: searching("an"),
};

export const NobodyFound: Story = { render, play: searching("qqqq") };

export const Offline: Story = { knows: () => ({ found: refuse("offline") }), render, play: searching("qqqq") };

export const Menu: Story = { ...Full, play: pressing("action.more") };

export const Adding: Story = { render, play: pressing("people.add") };

export const WrongId: Story = {
  render,
  play: async (_, { t }) => {
    await press(t("people.add"));
    await fill(t("people.add.field"), "not an id!");
    await press(t("people.add.find"));
  },
};

export const ScanningCode: Story = { render, play: pressing("people.add", "people.scan") };

export const Code: Story = { render, play: pressing("action.more", { item: "people.code" }) };

export const Files: Story = { render, play: pressing("action.more", { item: "people.files" }) };

export const Blocked: Story = {
  knows: (say) => ({ blocked: [cast(say).emre.id, cast(say).long.id] }),
  render,
  play: pressing("action.more", { item: "people.blocked" }),
};

export const NobodyBlocked: Story = { render, play: pressing("action.more", { item: "people.blocked" }) };

export const BlockingRequest: Story = {
  ...Full,
  play: (_, { t, say }) => press(t("requests.block", { name: cast(say).emre.name })),
};
