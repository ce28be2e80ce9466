/** The sessions of the account: where it is signed in, and whether each belongs to its owner as far as can be known. */
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import type { CryptoApi } from "matrix-js-sdk/lib/crypto-api/index.js";
import { cleanName } from "../../lib/text.ts";
import { withPassword } from "./secrets.ts";

export interface OwnSession {
  id: string;
  name: string;
  current: boolean;
  /** Milliseconds since the epoch. */
  lastSeen?: number;
  /** The address it was used from last. */
  address?: string;
  /** "unencrypted" has published no keys: it cannot read encrypted messages. */
  trust: "verified" | "unverified" | "unencrypted";
}

export async function listSessions(client: MatrixClient, crypto: CryptoApi | undefined): Promise<OwnSession[]> {
  const me = client.getSafeUserId();
  const [{ devices }, dehydrated] = await Promise.all([client.getDevices(), dehydratedDevices(crypto, me)]);
  const sessions = await Promise.all(
    devices
      .filter(({ device_id }) => !dehydrated.has(device_id))
      .map(async (device): Promise<OwnSession> => {
        const status = await crypto?.getDeviceVerificationStatus(me, device.device_id).catch(() => null);
        const verified = status?.crossSigningVerified === true;
        return {
          id: device.device_id,
          name: cleanName(device.display_name ?? ""),
          current: device.device_id === client.getDeviceId(),
          // Null where it has not been used yet.
          lastSeen: device.last_seen_ts ?? undefined,
          address: device.last_seen_ip ?? undefined,
          trust: verified ? "verified" : status === null || status === undefined ? "unencrypted" : "unverified",
        };
      }),
  );
  return sessions.sort((a, b) => Number(b.current) - Number(a.current) || (b.lastSeen ?? 0) - (a.lastSeen ?? 0));
}

export async function renameSession(client: MatrixClient, id: string, name: string): Promise<void> {
  await client.setDeviceDetails(id, { display_name: name });
}

/** Signs sessions out; the server asks for the password. */
export async function endSessions(client: MatrixClient, ids: string[], password: string | undefined): Promise<void> {
  await withPassword(
    client.getSafeUserId(),
    password,
  )(async (auth) => {
    await client.deleteMultipleDevices(ids, auth ?? undefined);
  });
}

/** A dehydrated device is listed like others, but nobody is signed in with it. */
async function dehydratedDevices(crypto: CryptoApi | undefined, userId: string): Promise<ReadonlySet<string>> {
  const known = await crypto?.getUserDeviceInfo([userId]).catch(() => undefined);
  const own = [...(known?.get(userId)?.values() ?? [])];
  return new Set(own.filter(({ dehydrated }) => dehydrated).map(({ deviceId }) => deviceId));
}
