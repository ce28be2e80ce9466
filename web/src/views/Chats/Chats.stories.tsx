import { fireEvent } from "@testing-library/dom";
import { press, pressing, see } from "../../gallery/acts.ts";
import { conversation, conversations, GROUP, SPACE, spaces } from "../../gallery/fakes/conversations.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import { ChatsModel, type ChatFilter, type Folder } from "../../viewmodels/chats.ts";
import { drafts } from "../../viewmodels/drafts.ts";
import { FOLDED, listWidth } from "../../viewmodels/listwidth.ts";
import { Chats } from "./Chats.tsx";
import { SpaceRail } from "./Folders.tsx";

export default { title: "Chats", place: "list" } satisfies Meta;

const list =
  (folder?: Folder, filter?: ChatFilter): Story["render"] =>
  ({ account }) => {
    const model = new ChatsModel(account);
    if (folder !== undefined) model.setFolder(folder);
    if (filter !== undefined) model.setFilter(filter);
    return <Chats model={model} selected={GROUP} />;
  };

const draft = ({ say }: World) => drafts.set({ "!draft:example.org": say("I thought about it, and", "我想了想，") });

/** Rows in every state: invitation, unread, mentioned, typing, draft, not sent, muted, left. */
export const Full: Story = { before: draft, render: list() };

export const WithoutSpaces: Story = { knows: () => ({ spaces: [] }), render: list() };

export const Loading: Story = { knows: () => ({ status: "starting", conversations: [] }), render: list() };

export const Empty: Story = { knows: () => ({ conversations: [], spaces: [] }), render: list() };

const one = (say: World["say"]) => conversation("!one:example.org", say("Only one", "只有一个"));

export const NothingUnread: Story = {
  knows: (say) => ({ conversations: [one(say)] }),
  render: list(undefined, "unread"),
};

export const NoPeople: Story = { knows: (say) => ({ conversations: [one(say)] }), render: list(undefined, "people") };

export const InSpace: Story = { render: list({ kind: "space", id: SPACE }) };

export const EmptySpace: Story = {
  knows: (say) => ({ spaces: spaces(say).map((space) => ({ ...space, rooms: [] })) }),
  render: list({ kind: "space", id: SPACE }),
};

export const Archive: Story = { render: list({ kind: "archive" }) };

/** Only pictures, and what is unread. */
export const Folded: Story = { before: () => listWidth.set(FOLDED), render: list() };

const openMenu = (page: HTMLElement) => {
  const selected = page.querySelector('.chat-row[aria-current="true"]');
  if (selected !== null) fireEvent.contextMenu(selected);
};

export const Actions: Story = { before: draft, render: list(), play: openMenu };

export const Leaving: Story = {
  render: list(),
  play: async (page, { t }) => {
    openMenu(page);
    await press(t("details.leave"), "menuitem");
    await see(t("details.leave.text"));
  },
};

export const Labelling: Story = {
  render: list(),
  play: async (page, { t }) => {
    openMenu(page);
    await press(t("chats.labels"), "menuitem");
    await see(t("labels.text"));
  },
};

export const NewMenu: Story = { render: list(), play: pressing("chats.new") };

/** The space strip has a way to a new space of its own. */
export const NewSpace: Story = { render: list(), play: pressing("chats.new", { item: "space.new" }) };

/** The spaces beside the list. */
export const Spaces: Story = {
  render: ({ account }) => (
    <div className="rail">
      <SpaceRail model={new ChatsModel(account)} />
    </div>
  ),
};

export const Hundreds: Story = {
  knows: (say) => ({
    conversations: [
      ...conversations(say),
      ...Array.from({ length: 500 }, (_, at) => conversation(`!r${at}:example.org`, say(`Room ${at}`, `房间${at}`))),
    ],
  }),
  render: list(),
};
