/** Whether somebody is signed in, and the way from one state to the other. */
import { currentTranslate } from "../app/hooks.ts";
import { preferences } from "../app/preferences.ts";
import { router } from "../app/router.ts";
import { Observable } from "../lib/observable.ts";
import type { Account, RoomNames } from "../matrix/account.ts";
import { clearSession, loadSession, type Session, saveSession } from "../matrix/session.ts";
import { clearDrafts } from "./drafts.ts";
import { showToast } from "./toasts.ts";

export type AppState =
  | { phase: "signed-out" }
  | { phase: "loading" }
  | { phase: "ready"; account: Account }
  | { phase: "broken" };

class AppModel {
  readonly state = new Observable<AppState>({ phase: loadSession() === undefined ? "signed-out" : "loading" });

  /** Called once: continues the stored session. */
  start(): void {
    const session = loadSession();
    if (session !== undefined) void this.open(session);
  }

  signedIn(session: Session): void {
    saveSession(session);
    this.state.set({ phase: "loading" });
    const { name } = router.route.get();
    if (name === "sign-in" || name === "register") router.go({ name: "chats" }, { replace: true });
    void this.open(session);
  }

  async signOut(): Promise<void> {
    const state = this.state.get();
    clearSession();
    clearDrafts();
    this.state.set({ phase: "signed-out" });
    router.go({ name: "sign-in" }, { replace: true });
    if (state.phase === "ready") await state.account.signOut();
  }

  private async open(session: Session): Promise<void> {
    try {
      // The SDK is most of the code: it comes after the sign-in screen.
      const { Account } = await import("../matrix/account.ts");
      const account = await Account.start(session, roomNames);
      account.status.subscribe(() => {
        if (account.status.get() === "signed-out") void this.ended(account);
      });
      preferences.subscribe(() => account.renameRooms());
      this.state.set({ phase: "ready", account });
    } catch (error) {
      console.error(error);
      this.state.set({ phase: "broken" });
    }
  }

  /** The server has ended the session: another device signed this one out, or the password was changed. */
  private async ended(account: Account): Promise<void> {
    if (this.state.get().phase === "signed-out") return;
    clearSession();
    this.state.set({ phase: "signed-out" });
    router.go({ name: "sign-in" }, { replace: true });
    showToast({ tone: "problem", message: { problem: { kind: "signed-out" } } });
    await account.forget();
  }
}

const roomNames: RoomNames = {
  empty: () => currentTranslate()("room.empty"),
  people(names, others) {
    const t = currentTranslate();
    const [first, second] = names;
    if (others === 0 && first !== undefined && names.length === 1) return first;
    if (others === 0 && first !== undefined && second !== undefined && names.length === 2) {
      return t("room.people.two", { first, second });
    }
    const shown = names.slice(0, 3);
    const list = new Intl.ListFormat(t.locale, { style: "narrow", type: "unit" }).format(shown);
    const rest = others + names.length - shown.length;
    return rest === 0 ? list : t.count("room.people.more", rest, { names: list });
  },
};

export const app = new AppModel();
