import { searching } from "../../gallery/acts.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import { message, summary } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import SearchEverywhere from "./SearchEverywhere.tsx";

export default { title: "Search", place: "list" } satisfies Meta;

const render = ({ calls }: World) => <SearchEverywhere onClose={() => calls.add("close", [])} />;
const play = searching("garden", "花园");

const found = (say: Say): AccountKnows["messages"] => {
  const { ana, long } = cast(say);
  const words = say("The garden gate is open again. ", "花园的门又开了。");
  return async () => ({
    messages: [message(ana, words), message(long, words.repeat(8))].map((event) => summary(event, GROUP)),
    words: [say("garden", "花园")],
  });
};

export const Start: Story = { render };

export const Found: Story = { knows: (say) => ({ messages: found(say) }), render, play };

export const Nothing: Story = { render, play: searching("qqqq") };

export const Loading: Story = { knows: () => ({ messages: () => never() }), render, play };

export const Offline: Story = { knows: () => ({ messages: refuse("offline") }), render, play };

/** The server did not answer, this browser's own index did. */
export const InPart: Story = {
  knows: (say) => ({
    messages: async () => ({
      messages: [summary(message(cast(say).ana, say("garden", "花园")), GROUP)],
      problem: { kind: "server" },
    }),
  }),
  render,
  play,
};

export const Reading: Story = { knows: () => ({ search: { reading: true, messages: 912 } }), render };

export const Starting: Story = { knows: () => ({ search: { state: "starting", messages: 0 } }), render };

export const Off: Story = { knows: () => ({ search: { state: "off" } }), render };

export const NotPossible: Story = { knows: () => ({ search: { state: "unavailable" } }), render };
