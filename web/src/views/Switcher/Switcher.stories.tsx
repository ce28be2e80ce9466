import { fireEvent, screen } from "@testing-library/dom";
import type { Meta, Story } from "../../gallery/story.ts";
import { Switcher } from "./Switcher.tsx";

export default { title: "Switcher", place: "main" } satisfies Meta;

const render: Story["render"] = ({ calls }) => <Switcher onClose={() => calls.add("close", [])} />;

const type =
  (words: string): Story["play"] =>
  () => {
    fireEvent.change(screen.getByRole("combobox"), { target: { value: words } });
  };

export const Full: Story = { render };

export const NothingFound: Story = { render, play: type("qqq") };

export const Empty: Story = { knows: () => ({ conversations: [] }), render };
