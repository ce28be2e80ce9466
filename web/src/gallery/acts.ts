/** What people do in stories. Names are those of the interface, in its language. */
import { findByLabelText, findByRole, findByText, fireEvent } from "@testing-library/dom";
import type { ByRoleMatcher } from "@testing-library/dom";
import type { MessageKey } from "../i18n/index.ts";
import type { Conversation } from "../matrix/types.ts";
import type { ConversationModel } from "../viewmodels/conversation.ts";
import { modelOf } from "../viewmodels/rooms.ts";
import { GROUP } from "./fakes/conversations.ts";
import type { Story, World } from "./story.ts";

type Name = string | RegExp;

/** Presses a control, as soon as it is there. */
export async function press(name: Name, role: ByRoleMatcher = "button"): Promise<void> {
  // Whether it is hidden from others costs most of the search.
  const control = await findByRole(document.body, role, { name, hidden: true });
  // Nobody presses what is out of sight, and a menu of something out of sight is not shown.
  control.scrollIntoView({ block: "nearest" });
  fireEvent.click(control);
}

/** Presses one control after the other, each called as a message says. */
export function pressing(...keys: readonly (MessageKey | { item: MessageKey } | { tab: MessageKey })[]): Story["play"] {
  return async (_, { t }) => {
    for (const key of keys) {
      if (typeof key === "string") await press(t(key));
      else if ("item" in key) await press(t(key.item), "menuitem");
      else await press(t(key.tab), "tab");
    }
  };
}

/** Fills the field of a name. */
export async function fill(label: Name, words: string): Promise<void> {
  fireEvent.change(await findByLabelText(document.body, label), { target: { value: words } });
}

/** Searches in the only search there is, as soon as it is there. */
export const searching =
  (en: string, zh = en): Story["play"] =>
  async (_, { say }) => {
    fireEvent.change(await findByRole(document.body, "searchbox"), { target: { value: say(en, zh) } });
  };

/** Waits for words. */
export async function see(words: Name): Promise<void> {
  await findByText(document.body, words);
}

/** The model of a conversation, and its row in the list. */
export function opened({ account }: World, roomId = GROUP): { model: ConversationModel; conversation: Conversation } {
  const room = account.room(roomId);
  const conversation = account.conversations.get(roomId);
  if (room === undefined || conversation === undefined) throw new Error(`the story knows of no ${roomId}`);
  return { model: modelOf(account, roomId, room), conversation };
}
