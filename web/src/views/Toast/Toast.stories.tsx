import type { Meta, Story } from "../../gallery/story.ts";
import { toast } from "../../viewmodels/toasts.ts";
import { ToastHost } from "./Toast.tsx";

export default { title: "Toast", place: "page" } satisfies Meta;

export const Nothing: Story = { render: () => <ToastHost /> };

export const Done: Story = {
  before: () => toast.set({ tone: "done", message: { key: "message.copied" } }),
  render: () => <ToastHost />,
};

export const Problem: Story = {
  before: () => toast.set({ tone: "problem", message: { problem: { kind: "offline" } } }),
  render: () => <ToastHost />,
};

export const LongProblem: Story = {
  before: () => toast.set({ tone: "problem", message: { problem: { kind: "server-no-matrix" } } }),
  render: () => <ToastHost />,
};
