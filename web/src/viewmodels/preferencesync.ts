/** Connects the preferences of the account with its account data, and with what it tells others. */
import {
  accountEntries,
  connectAccountPreferences,
  preferences,
  readAccountPreference,
  setAccountEntries,
} from "../base/preferences.ts";
import type { Account } from "../matrix/account.ts";

/** The type of the account data. The content is documented in `web/README.md`. */
const TYPE = "im2.preferences";

/** Keeps them in step until the returned function is called. */
export function syncPreferences(account: Account): () => void {
  const synced = account.synced<unknown>({ type: TYPE, read: readAccountPreference, initial: accountEntries.get() });
  const disconnect = connectAccountPreferences((key, value) => synced.keep(key, value));
  const stopEntries = synced.entries.subscribe(() => setAccountEntries(synced.entries.get()));
  const apply = () => {
    const { presence, receipts, typing } = preferences.get();
    account.setPrivacy({
      presence: presence === "shown",
      privateReceipts: receipts === "private",
      typing: typing === "shown",
    });
  };
  const stopApplying = preferences.subscribe(apply);
  apply();
  return () => {
    disconnect();
    stopEntries();
    stopApplying();
  };
}
