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
  const { accessToken } = await session(page);
  const headers = { Authorization: `Bearer ${accessToken}` };
  const response = await page.request.fetch(`/_matrix/client/v3${path}`, { method, headers, data });
  expect(response.ok(), `${method} ${path}: ${response.status()}`).toBe(true);
  return (await response.json()) as T;
}

export async function userIdOf(page: Page): Promise<string> {
  return (await session(page)).userId;
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
