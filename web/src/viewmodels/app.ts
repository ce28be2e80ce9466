/** Whether somebody is signed in, and the way from one state to the other. */
import { currentTranslate, loadCatalogue } from "../base/translate.ts";
import { closeAccountPreferences, openAccountPreferences, preferences } from "../base/preferences.ts";
import { type Route, router } from "../base/router.ts";
import { deepEqual } from "../lib/equal.ts";
import { Observable } from "../lib/observable.ts";
import { localpart } from "../lib/text.ts";
import type { Account, RoomNames } from "../matrix/account.ts";
import { keysAreLost, removeOldStores, storageKeyBytes } from "../matrix/crypto/storage.ts";
import { createTab } from "../matrix/crypto/tab.ts";
import { request } from "../matrix/http.ts";
import {
  clearSession,
  loadSession,
  onSessionChange,
  otherSessions,
  parkSession,
  removeTraces,
  resumeSession,
  type Session,
  saveSession,
  storedSession,
} from "../matrix/session.ts";
import { takeDestination } from "./destination.ts";
import { closeDrafts, forgetDrafts, openDrafts, sealDrafts } from "./drafts.ts";
import { syncPreferences } from "./preferencesync.ts";
import { showToast } from "./toasts.ts";

export type AppState =
  | { phase: "signed-out" }
  | { phase: "loading" }
  | { phase: "ready"; account: Account }
  /** Another tab runs the client; "taking" while that one gives way. */
  | { phase: "elsewhere"; taking: boolean }
  /** The browser has lost this session's encryption keys: it has to be signed in anew. */
  | { phase: "keys-lost" }
  | { phase: "broken" };

/** An account that is signed in here and not in use. */
export interface OtherAccount {
  userId: string;
  name: string;
  server: string;
}

/** A tab that is loaded again takes less than this; others wait so long before they take its place. */
const RELOAD_MS = 1500;

const loadCode = () => import("../matrix/account.ts");

class AppModel {
  readonly state = new Observable<AppState>({ phase: loadSession() === undefined ? "signed-out" : "loading" });
  /** How many things that were not sent signing out would lose; while this is set, it waits for an answer. */
  readonly unsent = new Observable<number | undefined>(undefined);
  /** The accounts that are signed in here beside the one in use. */
  readonly others = new Observable<readonly OtherAccount[]>(describeOthers());
  /** The device whose account is open here. */
  private device: string | undefined;
  /** Called when the open account is left. */
  private leaving: (() => void)[] = [];
  /** Accounts whose stores are being closed. */
  private readonly closing = new Map<string, Promise<void>>();
  /** Counts what opens and leaves accounts here: an opening that is not the latest of these leaves its stores again. */
  private turn = 0;
  /** The latest opening of each account, until it has ended one way or the other. */
  private readonly openings = new Map<string, Promise<void>>();

  private readonly tab = createTab({
    giveWay: () => this.giveWay(),
    free: () => void this.takeOver(),
  });

  /** Called once: continues the stored session. */
  start(): void {
    onSessionChange(() => this.follow());
    const wanted = takeWantedAccount();
    const session = (wanted === undefined ? undefined : resumeSession(wanted)) ?? loadSession();
    this.look();
    void removeOldStores().catch(() => undefined);
    if (session === undefined) return;
    this.state.set({ phase: "loading" });
    // The code comes while it is found out whether the account may be opened here.
    void loadCode().catch(() => undefined);
    void this.open(session);
  }

  signedIn(session: Session): void {
    const before = storedSession(session.userId);
    // Signed in here already: the new session takes the place of the old one.
    if (before !== undefined && before.deviceId !== session.deviceId) void endSession(before).catch(() => undefined);
    saveSession(session);
    this.look();
    this.state.set({ phase: "loading" });
    const { name } = router.route.get();
    if (name === "sign-in" || name === "register") router.go(takeDestination() ?? { name: "chats" }, { replace: true });
    void this.open(session);
  }

  /** Uses another of the accounts that are signed in here, in all tabs. */
  async switchTo(userId: string, route: Route = { name: "chats" }): Promise<void> {
    if (this.state.get().phase !== "signed-out" && loadSession()?.userId === userId) {
      router.go(route);
      return;
    }
    const next = resumeSession(userId);
    if (next === undefined) return;
    this.leaveStores(this.close());
    this.look();
    router.go(route);
    await this.open(next);
  }

  /** Puts the account aside, which stays signed in, and shows the sign-in screen for another one. */
  addAccount(): void {
    parkSession();
    const account = this.close();
    this.leaveStores(account);
    this.tab.release();
    this.look();
    this.state.set({ phase: "signed-out" });
    router.go({ name: "sign-in" });
  }

  /** Signs out. What is not sent yet would be lost: then it asks first. */
  async signOut(): Promise<void> {
    const state = this.state.get();
    const unsent = state.phase === "ready" ? state.account.outbox.unsent.get() : 0;
    if (unsent > 0) this.unsent.set(unsent);
    else await this.signOutNow();
  }

  /** Stays, and sends what is not sent yet. */
  stay(): void {
    this.unsent.set(undefined);
  }

  async signOutNow(): Promise<void> {
    const session = loadSession();
    forgetDrafts();
    const account = this.close();
    clearSession();
    const gone = account === undefined || (await account.signOut());
    if (account === undefined && session !== undefined) {
      removeTraces(session.userId);
      await endSession(session).catch(() => undefined);
    }
    // Somebody has signed in meanwhile, in another tab.
    if (this.device !== undefined) return;
    // Where there is another account, it goes on with that one.
    const [next] = otherSessions();
    if (gone && next !== undefined) return this.switchTo(next.userId);
    if (next === undefined) this.showSignIn();
    else {
      resumeSession(next.userId);
      router.go({ name: "chats" }, { replace: true });
    }
    if (!gone) return window.location.reload();
    this.releaseUnlessUsed();
  }

  /** Takes what is private off the screen, at once. */
  private close(): Account | undefined {
    const state = this.state.get();
    this.turn++;
    this.device = undefined;
    this.unsent.set(undefined);
    for (const leave of this.leaving.splice(0)) leave();
    closeDrafts();
    closeAccountPreferences();
    this.state.set({ phase: "loading" });
    return state.phase === "ready" ? state.account : undefined;
  }

  /** Lets another tab run the client, unless somebody has signed in here meanwhile. */
  private releaseUnlessUsed(): void {
    if (this.device === undefined) this.tab.release();
  }

  private showSignIn(): void {
    this.look();
    this.state.set({ phase: "signed-out" });
    router.go({ name: "sign-in" }, { replace: true });
  }

  /** Closes the stores of an account that stays signed in. */
  private leaveStores(account: Account | undefined): void {
    if (account === undefined) return;
    const { userId } = account;
    const closed = account.giveWay().finally(() => {
      if (this.closing.get(userId) === closed) this.closing.delete(userId);
    });
    this.closing.set(userId, closed);
  }

  /** Says which accounts there are. */
  private look(): void {
    const others = describeOthers();
    if (!deepEqual(others, this.others.get())) this.others.set(others);
  }

  /** Runs the client in this tab; the one that runs it now gives way at once. */
  async runHere(): Promise<void> {
    if (this.state.get().phase !== "elsewhere") return;
    this.state.set({ phase: "elsewhere", taking: true });
    await this.tab.take();
    const session = loadSession();
    if (session === undefined) this.state.set({ phase: "signed-out" });
    else await this.open(session);
  }

  /** Another tab has signed out, or in, or changed to another account. */
  private follow(): void {
    this.look();
    const session = loadSession();
    if (session?.deviceId === this.device) return;
    if (this.device !== undefined) {
      if (!otherSessions().some(({ deviceId }) => deviceId === this.device)) forgetDrafts();
      const account = this.close();
      this.tab.release();
      // Whoever is still signed in here has data under this name, and so has who has signed in again.
      if (account !== undefined && storedSession(account.userId) !== undefined) this.leaveStores(account);
      else void account?.forget();
      // What was shown here is the other account's.
      router.go({ name: "chats" }, { replace: true });
    }
    if (session === undefined) this.showSignIn();
    else this.standBy(session);
  }

  /** The tab in which somebody has chosen this account runs the client, whichever of the two is quicker. */
  private standBy({ userId, deviceId }: Session): void {
    this.turn++;
    this.device = deviceId;
    openDrafts(userId);
    openAccountPreferences(userId);
    this.state.set({ phase: "elsewhere", taking: false });
    const { name } = router.route.get();
    if (name === "sign-in" || name === "register") router.go({ name: "chats" }, { replace: true });
  }

  private open(session: Session): Promise<void> {
    const { userId } = session;
    const opening = this.openAfter(this.openings.get(userId), session, ++this.turn).finally(() => {
      if (this.openings.get(userId) === opening) this.openings.delete(userId);
    });
    this.openings.set(userId, opening);
    return opening;
  }

  private async openAfter(before: Promise<void> | undefined, session: Session, turn: number): Promise<void> {
    const { userId, deviceId } = session;
    this.device = deviceId;
    openDrafts(userId);
    openAccountPreferences(userId);
    try {
      // Two openings of one account would have its stores open twice.
      await before;
      await this.closing.get(userId);
      if (this.turn !== turn) return;
      if (!(await this.tab.claim())) {
        if (this.turn === turn) this.state.set({ phase: "elsewhere", taking: false });
        return;
      }
      if (this.turn !== turn) return;
      this.state.set({ phase: "loading" });
      if (await keysAreLost(session)) {
        if (this.turn === turn) this.state.set({ phase: "keys-lost" });
        return;
      }
      // The SDK is most of the code: it comes after the sign-in screen.
      const [{ Account }] = await Promise.all([loadCode(), loadCatalogue()]);
      if (this.turn !== turn) return;
      const account = await Account.start(session, roomNames);
      // By now the session has a key in any case.
      if (this.turn === turn) await sealDrafts(storageKeyBytes(storedSession(userId) ?? session));
      // Signed out meanwhile, or changed to another account, or another tab runs the client.
      if (this.turn !== turn) return await this.leave(account, deviceId);
      this.leaving.push(
        account.status.subscribe(() => {
          if (account.status.get() === "signed-out") void this.ended(account);
        }),
        followLanguage(account),
        syncPreferences(account),
      );
      this.state.set({ phase: "ready", account });
    } catch (error) {
      console.error(error);
      if (this.turn === turn) this.state.set({ phase: "broken" });
    }
  }

  /** Closes an account that was opened in vain, and removes what it left where nobody is signed in to it any more. */
  private async leave(account: Account, deviceId: string): Promise<void> {
    if (storedSession(account.userId)?.deviceId === deviceId) this.leaveStores(account);
    else await account.forget();
    await this.closing.get(account.userId);
  }

  /** Another tab wants to run the client. */
  private async giveWay(): Promise<void> {
    const state = this.state.get();
    if (state.phase === "signed-out") return;
    this.turn++;
    for (const leave of this.leaving.splice(0)) leave();
    this.state.set({ phase: "elsewhere", taking: false });
    if (state.phase === "ready") await state.account.giveWay();
    else await Promise.all(this.openings.values());
  }

  /** The tab that ran the client is gone. Where it only loads again, it will be back first. */
  private async takeOver(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, RELOAD_MS));
    const session = loadSession();
    const state = this.state.get();
    if (session === undefined || document.hidden || state.phase !== "elsewhere" || state.taking) return;
    if (await this.tab.claim()) await this.open(session);
  }

  /** The server has ended the session: another device signed this one out, or the password was changed. */
  private async ended(account: Account): Promise<void> {
    const state = this.state.get();
    if (state.phase !== "ready" || state.account !== account) return;
    forgetDrafts();
    this.close();
    clearSession();
    this.showSignIn();
    showToast({ tone: "problem", message: { problem: { kind: "signed-out" } } });
    await account.forget();
    this.releaseUnlessUsed();
  }
}

function describeOthers(): readonly OtherAccount[] {
  return otherSessions().map(({ userId, name, homeserver }) => ({
    userId,
    name: name ?? localpart(userId),
    server: new URL(homeserver).host,
  }));
}

/** The account that an address asks for, as those of notifications do. It does not stay in the address. */
function takeWantedAccount(): string | undefined {
  const url = new URL(window.location.href);
  const wanted = url.searchParams.get("account");
  if (wanted === null) return undefined;
  url.searchParams.delete("account");
  window.history.replaceState(window.history.state, "", url);
  return wanted;
}

/** Names of rooms without one are in the person's language. */
function followLanguage(account: Account): () => void {
  let { language } = preferences.get();
  return preferences.subscribe(() => {
    if (language === preferences.get().language) return;
    language = preferences.get().language;
    void loadCatalogue().then(() => account.renameRooms());
  });
}

async function endSession({ homeserver, accessToken }: Session): Promise<void> {
  await request(homeserver, "/v3/logout", { method: "POST", body: {}, accessToken });
}

const roomNames: RoomNames = {
  empty: () => currentTranslate()("room.empty"),
  ownPack: () => currentTranslate()("packs.own"),
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
