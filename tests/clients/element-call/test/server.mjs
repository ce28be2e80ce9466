// A server with calls, of the test's own, and what people do with it beside Element Call.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PASSWORD = "a long password";
const CALL = "org.matrix.msc3401.call.member";

/** A server that forwards calls. The executable is named by IM2_BINARY. */
export async function startServer() {
  const binary = process.env.IM2_BINARY;
  assert.ok(binary, "IM2_BINARY names the executable");
  const folder = await mkdtemp(join(tmpdir(), "im2-element-call-"));
  const program = spawn(binary, ["serve"], {
    cwd: folder,
    env: {
      IM2_DATA_DIR: "data",
      IM2_HTTP__BIND: "127.0.0.1:0",
      IM2_METRICS__BIND: "127.0.0.1:0",
      IM2_RATE_LIMITS__ENABLED: "false",
      IM2_REGISTRATION__MODE: "open",
      IM2_RTC__ENABLED: "true",
      IM2_RTC__UDP_PORT: "0",
      IM2_RTC__TCP_PORT: "0",
    },
    stdio: ["ignore", "pipe", process.env.IM2_LOG ? "inherit" : "ignore"],
  });
  const ended = once(program, "exit");
  const [line] = await once(createInterface(program.stdout), "line");
  const url = line.match(/^IM2 is ready on (\S+)/)[1];
  return {
    url,
    stop: async () => {
      program.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ask(server, method, path, token, body) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${server.url}/_matrix/client/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const content = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${JSON.stringify(content)}`);
  return content;
}

/** Somebody with an account, whose session Element Call is to take over. */
export async function register(server, name) {
  const username = `${name}-${Math.random().toString(36).slice(2, 8)}`;
  const auth = { type: "m.login.dummy" };
  const session = await ask(server, "POST", "v3/register", null, { username, password: PASSWORD, auth });
  const me = encodeURIComponent(session.user_id);
  await ask(server, "PUT", `v3/profile/${me}/displayname`, session.access_token, { displayname: name });
  return session;
}

/** Another device of somebody. */
export function signIn(server, session) {
  const identifier = { type: "m.id.user", user: session.user_id };
  return ask(server, "POST", "v3/login", null, { type: "m.login.password", identifier, password: PASSWORD });
}

/** An encrypted room in which each member may say that they are in the call. */
export async function createRoom(server, creator, members) {
  const { room_id: room } = await ask(server, "POST", "v3/createRoom", creator.access_token, {
    preset: "private_chat",
    invite: members.map((one) => one.user_id),
    initial_state: [{ type: "m.room.encryption", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    power_level_content_override: { events: { [CALL]: 0 } },
  });
  for (const one of members) await ask(server, "POST", `v3/join/${encodeURIComponent(room)}`, one.access_token, {});
  return room;
}

/** The users who say in the room's state that they are in its call. */
export async function inTheCall(server, who, room) {
  const state = await ask(server, "GET", `v3/rooms/${encodeURIComponent(room)}/state`, who.access_token);
  const memberships = state.filter((event) => event.type === CALL && Object.keys(event.content).length > 0);
  return [...new Set(memberships.map((event) => event.sender))].sort();
}
