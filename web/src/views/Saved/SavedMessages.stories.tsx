import { DIRECT, GROUP } from "../../gallery/fakes/conversations.ts";
import { never } from "../../gallery/fakes/fake.ts";
import { message, picture, summary } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { ago, DAY } from "../../gallery/fakes/world.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import { SavedMessages } from "./SavedMessages.tsx";

export default { title: "Saved", place: "main" } satisfies Meta;

const render = ({ calls }: World) => <SavedMessages onClose={() => calls.add("close", [])} />;
const saved = ["$recipe", "$picture", "$long", "$gone"].map((id, at) => ({
  roomId: at % 2 === 0 ? GROUP : DIRECT,
  id,
  savedAt: ago(at * DAY),
}));

export const Full: Story = {
  knows: (say) => {
    const { me, ana, long } = cast(say);
    const messages = {
      $recipe: message(ana, say("Flour, water, salt, and time.", "面粉、水、盐和时间。"), { id: "$recipe" }),
      $picture: message(me, { kind: "image", media: picture("bread") }, { id: "$picture" }),
      $long: message(long, say("A word after another. ", "一句又一句。").repeat(40), { id: "$long" }),
    };
    return {
      saved,
      loadSaved: async ({ id, roomId }) => {
        const found = (messages as Record<string, ReturnType<typeof message>>)[id];
        return found === undefined ? undefined : summary(found, roomId);
      },
    };
  },
  render,
};

export const Empty: Story = { render };

export const Loading: Story = { knows: () => ({ saved, loadSaved: () => never() }), render };
