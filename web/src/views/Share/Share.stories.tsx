import { searching } from "../../gallery/acts.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { shared } from "../../viewmodels/shared.ts";
import { Share } from "./Share.tsx";

export default { title: "Share", place: "main" } satisfies Meta;

const render = () => <Share />;

const words: Story["before"] = ({ say }) =>
  shared.set({
    text: say("Look at this: https://example.org/spring", "看看这个：https://example.org/spring"),
    files: [],
  });

export const Words: Story = { before: words, render };

export const Files: Story = {
  before: ({ say }) =>
    shared.set({
      text: "",
      files: [
        new File(["x".repeat(4200)], say("Holiday.jpg", "假期.jpg"), { type: "image/jpeg" }),
        new File(
          ["x"],
          `${say("A name that is too long for the line it stands in, ", "一个长到放不进这一行的文件名，").repeat(4)}.pdf`,
        ),
      ],
    }),
  render,
};

export const NothingFound: Story = { before: words, render, play: searching("qqqq") };

/** The address was opened by hand. */
export const Nothing: Story = { render };
