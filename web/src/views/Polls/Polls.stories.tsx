import { fill, opened, press, pressing } from "../../gallery/acts.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { unsent } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { NO_VOTES } from "../../gallery/fakes/rooms.ts";
import { asking, POLL, question } from "../../gallery/fakes/talk.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import type { PollQuestion } from "../../lib/polls.ts";
import type { PollState } from "../../matrix/types.ts";
import { Timeline } from "../Conversation/Timeline.tsx";
import { NewPoll } from "./NewPoll.tsx";

export default { title: "Polls", place: "main" } satisfies Meta;

const render = (world: World) => {
  const { model, conversation } = opened(world);
  return <Timeline model={model} conversation={conversation} onPicture={() => undefined} />;
};

const votes = (say: Say, part: Partial<PollState> = {}): PollState => {
  const { me, ana, ben, clara, dmitri } = cast(say);
  return {
    ...NO_VOTES,
    voters: 5,
    mine: ["sat"],
    answers: [
      { id: "sat", count: 3, people: [me, ana, ben] },
      { id: "sun", count: 2, people: [clara, dmitri] },
      { id: "never", count: 0, people: [] },
    ],
    ...part,
  };
};

const poll = (state: (say: Say) => PollState, about: Partial<PollQuestion> = {}): Story => ({
  knows: (say) => ({ rooms: { [GROUP]: { events: asking(about)(say), polls: { [POLL]: state(say) } } } }),
  render,
});

export const Open = poll((say) => votes(say, { mine: [] }));

export const Voted = poll((say) => votes(say));

export const Own = poll((say) => votes(say, { can: { vote: true, close: true } }));

export const Several = poll((say) => votes(say, { mine: [] }), { max: 2 });

export const Hidden = poll((say) => votes(say), { disclosed: false });

export const Closed = poll((say) => votes(say, { closed: true }));

export const NoVotes = poll(() => NO_VOTES);

export const Voters: Story = { ...Voted, play: (_, { t }) => press(t.count("poll.votes", 5)) };

export const Closing: Story = { ...Own, play: pressing("poll.close") };

export const OnItsWay: Story = {
  knows: (say) => ({
    rooms: {
      [GROUP]: { events: [unsent(cast(say).me, { kind: "poll", poll: question(say) }, { status: "sending" })] },
    },
  }),
  render,
};

const form = (world: World) => <NewPoll room={opened(world).model.room} onClose={() => world.calls.add("close", [])} />;

export const New: Story = { render: form };

const filled: Story["play"] = async (_, { t, say }) => {
  await fill(t("poll.question"), say("Tea or coffee?", "茶还是咖啡？"));
  await fill(t("poll.answer", { number: 1 }), say("Tea", "茶"));
  await fill(t("poll.answer", { number: 2 }), say("Coffee", "咖啡"));
};

export const Filled: Story = { render: form, play: filled };
