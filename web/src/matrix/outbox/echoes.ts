/** Tells the outbox which of its items the sync has brought back as events. */
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  SyncState,
} from "matrix-js-sdk/lib/matrix.js";
import type { Outbox } from "./outbox.ts";

export function watchEchoes(client: MatrixClient, outbox: Outbox): void {
  const tell = (event: MatrixEvent) => outbox.echo(event.getId() ?? "", transactionOf(event, client.getSafeUserId()));
  client.on(ClientEvent.Event, (event) => {
    if (event.getSender() !== client.getUserId() || event.getRoomId() === undefined) return;
    // Until it can be read, the item is what is shown for it.
    if (event.getType() === "m.room.encrypted" && !event.isDecryptionFailure()) {
      event.once(MatrixEventEvent.Decrypted, tell);
    } else {
      tell(event);
    }
  });
  client.on(ClientEvent.Sync, (state, _previous, data) => {
    if (state === SyncState.Syncing && data?.fromCache !== true) outbox.synced();
  });
}

/** The transaction id with which this device has sent an event. */
export function transactionOf(event: MatrixEvent, me: string): string | undefined {
  if (event.getSender() !== me) return undefined;
  const { transaction_id: txnId } = event.getUnsigned();
  return typeof txnId === "string" ? txnId : undefined;
}
