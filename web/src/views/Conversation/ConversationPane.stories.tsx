/** What stands in the place of a conversation that one is not in. */
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import { conversation, publicGroup } from "../../gallery/fakes/conversations.ts";
import { message, summary } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import type { Conversation, RoomOutline } from "../../matrix/types.ts";
import { ConversationPane } from "./ConversationPane.tsx";

export default { title: "Ways in", place: "main" } satisfies Meta;

const ID = "!elsewhere:example.org";

const known = (row: (say: Say) => Partial<Conversation>, account: AccountKnows = {}): Story => ({
  knows: (say) => ({ conversations: [conversation(ID, say("Choir", "合唱团"), row(say))], ...account }),
  render: () => <ConversationPane roomId={ID} />,
});

export const Invitation = known((say) => ({ membership: "invite", inviter: cast(say).clara }));

export const ToTalk = known((say) => ({
  membership: "invite",
  inviter: cast(say).long,
  peer: cast(say).long.id,
  direct: true,
  note: say("We met at the bakery. I have the recipe that you asked for.", "我们在面包店见过。你要的食谱在我这里。"),
}));

export const ToSpace = known((say) => ({ membership: "invite", inviter: cast(say).clara, space: true }));

export const FromNobody = known(() => ({ membership: "invite" }));

export const Asked = known(() => ({ membership: "knock" }));

export const Away = known(() => ({ partial: true }), { status: "reconnecting" });

export const Loading = known(() => ({ partial: true }));

const unknown = (outline: (say: Say) => Partial<RoomOutline> | undefined, target = ID): Story => ({
  knows: (say) => {
    const part = outline(say);
    const { joined: _, ...about } = publicGroup(ID, say("Choir", "合唱团"), {
      topic: say("We sing on Tuesdays. ", "我们每周二唱歌。").repeat(4),
      memberCount: 31,
    });
    return {
      outline: async () => part && { ...about, way: "join", knocked: false, readable: false, ...part },
      said: [
        message(cast(say).ana, say("Who brings the notes?", "谁带谱子？")),
        message(cast(say).ben, say("I do.", "我带。")),
      ].map((event) => summary(event, ID)),
    };
  },
  render: () => <ConversationPane roomId={target} />,
});

export const Public = unknown(() => ({}));

export const Readable = unknown(() => ({ readable: true, avatar: "mxc://gallery/choir" }));

export const PublicSpace = unknown(() => ({ space: true }));

export const OnRequest = unknown(() => ({ way: "knock" }));

export const Waiting = unknown(() => ({ way: "knock", knocked: true }));

export const ByInvitation = unknown(() => ({ way: "invite" }));

export const Unknown = unknown(() => undefined);

export const UnknownAddress: Story = {
  ...unknown(
    () => undefined,
    "#choir-with-a-long-address-that-does-not-end:a-server-with-a-rather-long-name.example.org",
  ),
  before: ({ account }) => {
    account.directory.resolve = async () => Promise.reject(new Error("there is none"));
  },
};
