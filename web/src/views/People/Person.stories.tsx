import { pressing } from "../../gallery/acts.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import { cast, type Role } from "../../gallery/fakes/people.ts";
import { ago, MINUTE, type Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import type { PersonDetails } from "../../matrix/types.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { PersonCardHost } from "./PersonCard.tsx";
import { PersonPage } from "./PersonPage.tsx";

export default { title: "Person", place: "main" } satisfies Meta;

const card = (role: Role, part: (say: Say) => Partial<PersonDetails> = () => ({}), roomId?: string): Story => ({
  knows: (say) => ({ persons: { [cast(say)[role].id]: part(say) } }),
  before: ({ say }) => openPerson(cast(say)[role].id, roomId),
  render: () => <PersonCardHost />,
});

export const Contact: Story = {
  ...card(
    "ana",
    (say) => ({
      name: say("Ana from the third floor", "三楼的安娜"),
      remark: say("Ana from the third floor", "三楼的安娜"),
      tags: [say("Neighbours", "邻居")],
      star: true,
      directRoom: "!ana:example.org",
      presence: { state: "active", status: say("Watering the plants", "在浇花") },
    }),
    GROUP,
  ),
};

export const Verified: Story = {
  ...card("ana", () => ({ directRoom: "!ana:example.org" })),
  knows: (say) => ({
    verified: [cast(say).ana.id],
    persons: { [cast(say).ana.id]: { directRoom: "!ana:example.org" } },
  }),
};

/** This session is not verified: it cannot know what was noted. */
export const Locked: Story = {
  ...card("ana", () => ({ directRoom: "!ana:example.org" })),
  knows: () => ({ notesLocked: "key", encryption: { session: "unverified" } }),
};

/** Somebody with whom one has not talked yet. */
export const Stranger = card("emre", () => ({
  contact: false,
  added: false,
  presence: { state: "offline", lastActive: ago(90 * MINUTE) },
}));

export const Requesting = card("emre", () => ({ contact: false, added: false, request: "!request:example.org" }));

export const Blocked = card("emre", () => ({ blocked: true }));

export const Missing = card("nameless", () => ({ missing: true, contact: false, added: false, presence: undefined }));

export const LongName = card("long", (say) => ({
  presence: {
    state: "online",
    status: say("A status that has much to say and does not stop soon. ", "一条很长的状态。").repeat(3),
  },
}));

export const OneWord = card("wide");

export const RightToLeft = card("fatima");

export const Me = card("me");

export const Loading: Story = {
  ...card("ana"),
  knows: () => ({ roomsInCommon: () => never() }),
};

export const Offline: Story = {
  ...card("ana"),
  knows: () => ({ roomsInCommon: refuse("offline") }),
};

export const NothingInCommon: Story = { ...card("ana"), knows: () => ({ roomsInCommon: async () => new Set() }) };

export const Blocking: Story = { ...card("ana"), play: pressing("person.block") };

export const Reporting: Story = { ...card("ana"), play: pressing("person.report") };

export const Page: Story = { render: ({ say }) => <PersonPage userId={cast(say).ana.id} /> };
