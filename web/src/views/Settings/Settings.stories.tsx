import { fireEvent } from "@testing-library/dom";
import { setPreference } from "../../base/preferences.ts";
import { fill, press, pressing } from "../../gallery/acts.ts";
import { never, refuse } from "../../gallery/fakes/fake.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { AccountKnows } from "../../gallery/fakes/account.ts";
import type { Say } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import { drafts } from "../../viewmodels/drafts.ts";
import { notificationPermission } from "../../viewmodels/notifications.ts";
import { Settings } from "./Settings.tsx";

export default { title: "Settings", place: "main" } satisfies Meta;

const section = (id: string, knows?: (say: Say) => AccountKnows, before?: Story["before"]): Story => ({
  knows,
  before,
  render: () => <Settings section={id} />,
});

export const Profile = section("profile");

export const LongProfile = section("profile", (say) => ({ profile: { ...cast(say).long, me: true } }));

export const Account = section("account");

export const SigningOut: Story = { ...Account, play: pressing("settings.signOut") };

export const SigningOutTooSoon: Story = {
  ...section("account", () => ({ unsavedKeys: async () => 3 })),
  play: pressing("settings.signOut"),
};

export const Deactivating: Story = { ...Account, play: pressing("settings.deactivate.open") };

export const WrongPassword: Story = {
  ...section("account", undefined, ({ account }) => {
    account.setPassword = refuse("wrong-credentials");
  }),
  play: async (_, { t }) => {
    await fill(t("settings.password.current"), "not it");
    await fill(t("settings.password.next"), "a longer one");
    await press(t("settings.password.change"));
  },
};

export const Encryption = section("encryption");

export const NoRecovery = section("encryption", () => ({
  encryption: { recovery: "missing", backup: { on: false, waiting: 12 }, dehydrated: false },
}));

export const Unverified = section("encryption", () => ({ encryption: { session: "unverified", recovery: "ready" } }));

export const EngineFailed = section("encryption", () => ({ encryption: { engine: "failed", session: "unknown" } }));

export const EngineLoading = section("encryption", () => ({ encryption: { engine: "loading", session: "unknown" } }));

export const ExportingKeys: Story = { ...Encryption, play: pressing("encryption.export") };

export const ImportingKeys: Story = { ...Encryption, play: pressing("encryption.import") };

export const Sessions = section("sessions");

export const OneSession = section("sessions", () => ({
  sessions: async () => [{ id: "ONE", name: "Firefox", current: true, trust: "verified" }],
}));

export const SessionsLoading = section("sessions", () => ({ sessions: () => never() }));

export const SessionsOffline = section("sessions", () => ({ sessions: refuse("offline") }));

export const EndingSession: Story = { ...Sessions, play: pressing("sessions.endOthers") };

export const RenamingSession: Story = {
  ...Sessions,
  play: (_, { t, say }) => press(`${t("sessions.rename")}: ${say("Phone", "手机")}`),
};

export const Privacy = section("privacy", (say) => ({ blocked: [cast(say).emre.id] }));

export const Notifications = section("notifications", (say) => ({
  push: { keywords: [say("garden", "花园"), "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"] },
}));

export const NotificationsDenied = section("notifications", undefined, () => notificationPermission.set("denied"));

export const NotificationsUnsupported = section("notifications", undefined, () =>
  notificationPermission.set("unsupported"),
);

export const QuietHours = section(
  "notifications",
  () => ({ webPush: "failed" }),
  () => setPreference("quiet", { on: true, from: "22:00", to: "07:00", zone: "America/Argentina/ComodRivadavia" }),
);

export const Appearance = section("appearance");

export const Language = section("language");

export const Keyboard = section("keyboard");

export const Storage = section("storage", undefined, () => drafts.set({ "!a:example.org": "…" }));

export const NoIndex = section("storage", () => ({ search: { state: "off" } }));

export const IndexUnavailable = section("storage", () => ({ search: { state: "unavailable" } }));

export const ClearingStorage: Story = {
  ...Storage,
  play: async (page, { t }) => {
    const clear = [...page.querySelectorAll("button")].find(({ textContent }) => textContent === t("action.clear"));
    if (clear !== undefined) fireEvent.click(clear);
  },
};

export const About = section("about");

export const NoSuchSection = section("elsewhere");
