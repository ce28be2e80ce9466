/** Talks to the homeserver directly, to set a scene faster than by hand. */
import { expect, type Page } from "@playwright/test";

interface Session {
  userId: string;
  accessToken: string;
}

async function session(page: Page): Promise<Session> {
  return page.evaluate(() => JSON.parse(localStorage.getItem("im2.session") ?? "null") as Session);
}

export async function call<T>(page: Page, method: "GET" | "PUT" | "POST", path: string, data?: unknown): Promise<T> {
  const ask = async () => {
    const { accessToken } = await session(page);
    const headers = { Authorization: `Bearer ${accessToken}` };
    return { accessToken, response: await page.request.fetch(`/_matrix/client/v3${path}`, { method, headers, data }) };
  };
  let { accessToken, response } = await ask();
  if (response.status() === 401) {
    // Tokens of the tests' server live for seconds; the page exchanges its own.
    await expect.poll(async () => (await session(page)).accessToken).not.toBe(accessToken);
    ({ accessToken, response } = await ask());
  }
  expect(response.ok(), `${method} ${path}: ${response.status()}`).toBe(true);
  return (await response.json()) as T;
}

export async function userIdOf(page: Page): Promise<string> {
  return (await session(page)).userId;
}

/** Waits until others can write to somebody in encrypted rooms: the keys of their session are on the server. */
export async function keysPublished(page: Page): Promise<void> {
  const userId = await userIdOf(page);
  const sessions = async () => {
    const query = { device_keys: { [userId]: [] } };
    const { device_keys } = await call<{ device_keys: Record<string, object> }>(page, "POST", "/keys/query", query);
    return Object.keys(device_keys[userId] ?? {}).length;
  };
  await expect.poll(sessions, { timeout: 60_000 }).toBeGreaterThan(0);
}

/** Waits until the session of somebody is signed by their identity: history is shared with such sessions alone. */
export async function identityPublished(page: Page): Promise<void> {
  const userId = await userIdOf(page);
  const signatures = async () => {
    type Device = { signatures: Record<string, object> };
    const query = { device_keys: { [userId]: [] } };
    const path = "/keys/query";
    const answer = await call<{ device_keys: Record<string, Record<string, Device>> }>(page, "POST", path, query);
    return Object.values(answer.device_keys[userId] ?? {}).map(
      (device) => Object.keys(device.signatures[userId] ?? {}).length,
    );
  };
  // One of the device itself, one of the identity.
  await expect.poll(signatures, { timeout: 60_000 }).toEqual([2]);
}

/** Creates a room and answers with its id. */
export async function createRoom(page: Page, options: object): Promise<string> {
  return (await call<{ room_id: string }>(page, "POST", "/createRoom", options)).room_id;
}

let transaction = 0;

export async function sendText(page: Page, roomId: string, body: string): Promise<string> {
  const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/e2e-${Date.now()}-${transaction++}`;
  return (await call<{ event_id: string }>(page, "PUT", path, { msgtype: "m.text", body })).event_id;
}
