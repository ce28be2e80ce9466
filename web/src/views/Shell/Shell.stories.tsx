import { fireEvent } from "@testing-library/dom";
import { router } from "../../base/router.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import { pressing } from "../../gallery/acts.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { ordinary } from "../../gallery/fakes/talk.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { app } from "../../viewmodels/app.ts";
import { othersWithNews } from "../../viewmodels/others.ts";
import { waitingVersion } from "../../viewmodels/serviceworker.ts";
import { LoadingShell } from "./LoadingShell.tsx";
import Shell from "./Shell.tsx";

export default { title: "Shell", place: "page" } satisfies Meta;

const shell = (knows?: (say: Say) => AccountKnows, before?: Story["before"]): Story => ({
  knows,
  before,
  render: () => <Shell />,
});

export const Start = shell();

const garden = (say: Say): AccountKnows => ({ rooms: { [GROUP]: { events: ordinary(say) } } });
const inGarden = () => router.route.set({ name: "room", roomId: GROUP });

export const InConversation = shell(garden, inGarden);

export const Offline = shell((say) => ({ ...garden(say), status: "reconnecting" }), inGarden);

export const NewVersion = shell(undefined, () => waitingVersion.set({ postMessage() {} } as unknown as ServiceWorker));

export const Unverified = shell(() => ({ encryption: { session: "unverified" } }));

export const NoRecovery = shell(() => ({ encryption: { recovery: "missing" } }));

export const Restoring = shell(() => ({ encryption: { restoring: { done: 240, total: 1200 } } }));

export const NewAccount = shell(() => ({ conversations: [], spaces: [] }));

export const Settings = shell(undefined, () => router.route.set({ name: "settings" }));

export const People = shell(undefined, () => router.route.set({ name: "people" }));

export const Person = shell(undefined, ({ say }) => router.route.set({ name: "person", userId: cast(say).ana.id }));

export const Groups = shell(undefined, () => router.route.set({ name: "groups" }));

export const Space = shell(undefined, () => router.route.set({ name: "space", spaceId: "!house:example.org" }));

export const Share = shell(undefined, () => router.route.set({ name: "share" }));

export const UnknownLink = shell(undefined, () => router.route.set({ name: "open", uri: "https://example.org/" }));

export const NotFound = shell(undefined, () => router.route.set({ name: "not-found" }));

export const Unsent = shell(undefined, () => app.unsent.set(3));

export const Accounts: Story = {
  ...shell(undefined, ({ say }) => {
    const { ana, long } = cast(say);
    app.others.set([ana, long].map(({ id, name }) => ({ userId: id, name, server: "example.org" })));
    othersWithNews.set(new Set([ana.id]));
  }),
  play: (page) => {
    const button = page.querySelector(".rail__account");
    if (button !== null) fireEvent.click(button);
  },
};

export const Switching: Story = {
  ...Start,
  play: () => {
    fireEvent.keyDown(window, { key: "k", ctrlKey: true });
  },
};

export const Searching: Story = { ...Start, play: pressing("search.open") };

export const Loading: Story = { render: () => <LoadingShell /> };
