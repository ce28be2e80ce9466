/** People who have no browser: they talk to the homeserver directly, with tokens that last. */
import { expect } from "@playwright/test";
import { PASSWORD } from "./people.ts";

export interface Actor {
  id: string;
  token: string;
}

const base = process.env.IM2_BASE_URL ?? "";

export async function ask<T>(actor: Actor | undefined, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${base}/_matrix/client/v3${path}`, {
    method,
    headers: {
      "Content-Type": "application/json",
      ...(actor === undefined ? {} : { Authorization: `Bearer ${actor.token}` }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
  return (await response.json()) as T;
}

export async function register(username: string): Promise<Actor> {
  const body = { username, password: PASSWORD, auth: { type: "m.login.dummy" } };
  const { user_id, access_token } = await ask<{ user_id: string; access_token: string }>(
    undefined,
    "POST",
    "/register",
    body,
  );
  return { id: user_id, token: access_token };
}

export async function say(
  actor: Actor,
  roomId: string,
  txn: string,
  text: string,
  extra: object = {},
): Promise<string> {
  const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${txn}`;
  return (await ask<{ event_id: string }>(actor, "PUT", path, { msgtype: "m.text", body: text, ...extra })).event_id;
}
