/**
 * Keeps what the sync has brought for a start without a network. The SDK's store writes every five minutes; whoever
 * loses the connection or closes the window in between would find an old state.
 */
import { ClientEvent, type IndexedDBStore, type MatrixClient, SyncState } from "matrix-js-sdk/lib/matrix.js";

/** Writing costs as much as the account is large: not more often than this, in milliseconds. */
const PERIOD = 30_000;

export function keepStored(client: MatrixClient): () => void {
  let changed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!changed) return;
    changed = false;
    // A full disk or a private window: the client works, only not without a network.
    client.store.save(true)?.catch?.(() => undefined);
  };
  const onSync = (state: SyncState) => {
    if (state !== SyncState.Syncing && state !== SyncState.Prepared) return;
    changed = true;
    timer ??= setTimeout(save, PERIOD);
  };
  const onHidden = () => {
    if (document.visibilityState === "hidden") save();
  };
  client.on(ClientEvent.Sync, onSync);
  document.addEventListener("visibilitychange", onHidden);
  window.addEventListener("pagehide", save);
  window.addEventListener("offline", save);
  return () => {
    clearTimeout(timer);
    client.off(ClientEvent.Sync, onSync);
    document.removeEventListener("visibilitychange", onHidden);
    window.removeEventListener("pagehide", save);
    window.removeEventListener("offline", save);
  };
}

/** What the SDK's store does within one save. */
export interface Writes {
  persistAccountData(...data: unknown[]): Promise<void>;
  persistSyncData(...data: unknown[]): Promise<void>;
}

/**
 * Has the account data written before the position of the sync. The SDK writes them at the same time, in transactions of
 * their own, and a page may end between the two: with the position alone, what came before it would never come again.
 */
export function writeInOrder(store: Pick<IndexedDBStore, "backend">): void {
  const writes = store.backend as unknown as Writes;
  const { persistAccountData, persistSyncData } = writes;
  let before = Promise.resolve();
  writes.persistAccountData = (...data) => {
    before = persistAccountData.apply(writes, data);
    return before;
  };
  writes.persistSyncData = (...data) => before.then(() => persistSyncData.apply(writes, data));
}
