import { fireEvent, screen } from "@testing-library/dom";
import { opened, press, pressing } from "../../gallery/acts.ts";
import { GROUP, group } from "../../gallery/fakes/conversations.ts";
import { message } from "../../gallery/fakes/messages.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { RoomKnows } from "../../gallery/fakes/rooms.ts";
import { ordinary } from "../../gallery/fakes/talk.ts";
import { ago, HOUR, MINUTE, type Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import { drafts } from "../../viewmodels/drafts.ts";
import { Composer } from "./Composer.tsx";
import { FormatBar } from "./FormatBar.tsx";

export default { title: "Composer", place: "main" } satisfies Meta;

const render = (world: World) => {
  const { model } = opened(world);
  return (
    <div className="conversation">
      <section className="conversation__main">
        <div className="timeline" />
        <Composer model={model} onFiles={(files) => world.calls.add("files", files)} />
      </section>
    </div>
  );
};

const room = (knows: (say: Say) => RoomKnows): Pick<Story, "knows" | "render"> => ({
  knows: (say) => ({ rooms: { [GROUP]: { events: ordinary(say), ...knows(say) } } }),
  render,
});

const drafted =
  (en: string, zh: string): Story["before"] =>
  ({ say }) =>
    drafts.set({ [GROUP]: say(en, zh) });

const box = () => screen.getByRole<HTMLTextAreaElement>("textbox");

/** Types, and puts the caret behind what was typed. */
const typed =
  (en: string, zh = en): Story["play"] =>
  (_, { say }) => {
    fireEvent.change(box(), { target: { value: say(en, zh) } });
    fireEvent.select(box());
  };

export const Empty: Story = { render };

export const Draft: Story = { before: drafted("I thought about it, and I think that", "我想了想，觉得"), render };

export const Long: Story = {
  before: ({ say }) =>
    drafts.set({ [GROUP]: Array.from({ length: 40 }, (_, at) => say(`Line ${at}`, `第${at}行`)).join("\n") }),
  render,
};

export const Formula: Story = { before: drafted("Energy is $E = mc^2$", "能量是 $E = mc^2$"), render };

export const Place: Story = { render, play: pressing("composer.attach", { item: "attach.place" }) };

export const RightToLeft: Story = { before: drafted("مرحبا بالجميع، هل نلتقي", "مرحبا بالجميع، هل نلتقي"), render };

export const Reply: Story = {
  before: (world) =>
    opened(world).model.reply(message(cast(world.say).long, world.say("A question? ", "一个问题？").repeat(20))),
  render,
};

export const Edit: Story = {
  before: (world) =>
    opened(world).model.edit(message(cast(world.say).me, world.say("They look wonderfull", "真票亮！"))),
  render,
};

export const People: Story = { render, play: typed("@") };

export const Commands: Story = { render, play: typed("/") };

export const Conversations: Story = { render, play: typed("#") };

export const Notice: Story = {
  before: drafted("/invite", "/invite"),
  render,
  play: () => {
    fireEvent.keyDown(box(), { key: "Enter" });
  },
};

export const SendOptions: Story = { ...Draft, play: pressing("composer.more") };

export const Later: Story = {
  ...Draft,
  knows: (say) => ({ conversations: [group(say, { encrypted: false })] }),
  play: pressing("composer.more", { item: "composer.later" }),
};

/** What is sent later, the server would read. */
export const LaterEncrypted: Story = { ...Draft, play: pressing("composer.more", { item: "composer.later" }) };

const waiting = (say: Say): RoomKnows => ({
  scheduled: [
    { id: "a", text: say("Happy birthday!", "生日快乐！"), time: ago(-9 * HOUR) },
    { id: "b", text: say("A reminder that goes on and on. ", "一条很长的提醒。").repeat(8), time: ago(-30 * HOUR) },
  ],
});

export const Scheduled: Story = room(waiting);

export const ScheduledList: Story = { ...room(waiting), play: (_, { t }) => press(t.count("later.waiting", 2)) };

export const SlowMode: Story = room((say) => ({
  details: { pause: 300 },
  events: [message(cast(say).me, say("Hello", "你好"), { timestamp: ago(MINUTE) })],
}));

export const Closed: Story = room(() => ({
  details: {
    can: { send: false, invite: false, pin: false, rename: false, describe: false, picture: false, remove: false },
  },
}));

export const Emoji: Story = { render, play: pressing("composer.emoji") };

export const Stickers: Story = { render, play: pressing("composer.emoji", { tab: "packs.stickers" }) };

export const Gifs: Story = { render, play: pressing("composer.emoji", { tab: "gifs.title" }) };

/** Above selected text. */
export const Formats: Story = {
  render: ({ calls }) => (
    <div className="composer">
      <FormatBar onFormat={(format) => calls.add("format", [format])} />
    </div>
  ),
};
