/** Finds out whether the account's server has calls; what handles them is loaded where it has. */
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import type { Readable } from "../../lib/observable.ts";
import type { Conversations } from "../conversations.ts";
import type { RoomHandle } from "../room.ts";
import type { ConnectionStatus } from "../types.ts";
import { findTransport, type Transport } from "./transport.ts";
import type { Calls } from "./calls.ts";

/** Asks once there is a connection, and again with the next one where the server could not be asked. */
export async function findCalls(
  client: MatrixClient,
  conversations: Conversations,
  status: Readable<ConnectionStatus>,
  openRoom: (roomId: string) => Promise<RoomHandle | undefined>,
): Promise<Calls | undefined> {
  for (;;) {
    if (!(await connected(status))) return undefined;
    let transport: Transport | undefined;
    try {
      transport = await findTransport(client);
    } catch (error) {
      console.warn("the server could not be asked about calls", error);
      if (!(await lost(status))) return undefined;
      continue;
    }
    if (transport === undefined) return undefined;
    const { Calls } = await import("./calls.ts");
    return new Calls(client, conversations, transport, openRoom);
  }
}

/** Resolves to false where the session has ended. */
function connected(status: Readable<ConnectionStatus>): Promise<boolean> {
  return until(status, (now) => now === "connected");
}

function lost(status: Readable<ConnectionStatus>): Promise<boolean> {
  return until(status, (now) => now !== "connected");
}

function until(status: Readable<ConnectionStatus>, holds: (now: ConnectionStatus) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const check = () => {
      const now = status.get();
      if (now !== "signed-out" && !holds(now)) return;
      stop();
      resolve(now !== "signed-out");
    };
    const stop = status.subscribe(check);
    check();
  });
}
