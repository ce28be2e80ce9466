/** Shows a story where its view stands in the client, after everything that other stories have left was put back. */
import type { ReactNode } from "react";
import { AccountContext } from "../base/hooks.ts";
import { Words } from "../base/Words.tsx";
import { preferences, setAccountEntries, setPreference } from "../base/preferences.ts";
import { router } from "../base/router.ts";
import { loadCatalogue } from "../base/translate.ts";
import { app } from "../viewmodels/app.ts";
import { destination } from "../viewmodels/destination.ts";
import { drafts } from "../viewmodels/drafts.ts";
import { closeEncryption, remindLater } from "../viewmodels/encryption.ts";
import { habits } from "../viewmodels/habits.ts";
import { linkPreviews } from "../viewmodels/linkPreviews.ts";
import { listWidth, USUAL } from "../viewmodels/listwidth.ts";
import { notificationPermission } from "../viewmodels/notifications.ts";
import { othersWithNews } from "../viewmodels/others.ts";
import { closePerson } from "../viewmodels/person.ts";
import { leave } from "../viewmodels/positions.ts";
import { waitingVersion } from "../viewmodels/serviceworker.ts";
import { shared } from "../viewmodels/shared.ts";
import { toast } from "../viewmodels/toasts.ts";
import { DIRECT, GROUP } from "./fakes/conversations.ts";
import type { Settings } from "./settings.ts";
import type { Meta, Place, Story, World } from "./story.ts";

/** What views keep outside of the account is as in a browser in which nobody has done anything. */
export async function prepare({ language, theme, density }: Settings): Promise<void> {
  localStorage.clear();
  setAccountEntries({});
  setPreference("language", language);
  setPreference("theme", theme);
  setPreference("density", density);
  window.history.replaceState({}, "", "/");
  router.route.set({ name: "chats" });
  app.others.set([]);
  app.unsent.set(undefined);
  destination.set(undefined);
  drafts.set({});
  closeEncryption();
  remindLater(0);
  habits.set({ enterSends: true, tone: 0, recent: ["👍", "🌱", "😂"] });
  linkPreviews.set({ on: true, rooms: {} });
  listWidth.set(USUAL);
  notificationPermission.set("granted");
  othersWithNews.set(new Set());
  closePerson();
  for (const room of [GROUP, DIRECT]) leave(room, undefined);
  waitingVersion.set(undefined);
  shared.set(undefined);
  toast.set(undefined);
  await loadCatalogue();
}

export function Stage({ meta, story, world }: { meta: Meta; story: Story; world: World }) {
  return (
    <Words>
      <AccountContext value={world.account}>
        <Frame place={meta.place}>{story.render(world)}</Frame>
      </AccountContext>
    </Words>
  );
}

/** The parts of the client's window, as `views/Shell` lays them out. */
function Frame({ place, children }: { place: Place; children: ReactNode }) {
  switch (place) {
    case "page":
      return children;
    case "list":
      return (
        <div className="shell" data-pane="list">
          <div className="rail" />
          <main className="pane">{children}</main>
          <div className="main" />
        </div>
      );
    case "main":
      return (
        <div className="shell" data-pane="main">
          <div className="rail" />
          <div className="pane" />
          <main className="main" data-background={preferences.get().background}>
            {children}
          </main>
        </div>
      );
    case "drawer":
      return (
        <div className="shell" data-pane="main">
          <div className="rail" />
          <div className="pane" />
          <main className="main">
            <div className="conversation" data-details="true">
              <div className="conversation__main" />
              {children}
            </div>
          </main>
        </div>
      );
  }
}
