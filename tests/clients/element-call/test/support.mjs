// Element Call, served as its package has it, and browsers of people who are signed in to it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const DEADLINE = 60_000;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm" };

/** Waits for something that happens by itself. */
export async function until(what, holds) {
  const start = Date.now();
  for (;;) {
    const found = await holds();
    if (found) return found;
    assert.ok(Date.now() - start < DEADLINE, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Element Call at an address of its own. Of the server it is told nothing but the address. */
export async function serveElementCall(server) {
  const folder = join(dirname(createRequire(import.meta.url).resolve("@element-hq/element-call-embedded/package.json")), "dist");
  const config = { default_server_config: { "m.homeserver": { base_url: server.url, server_name: "localhost" } } };
  const http = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname)).replace(/^\/room(?=\/)/, "");
    if (path === "/config.json") return response.setHeader("content-type", TYPES[".json"]).end(JSON.stringify(config));
    const file = extname(path) ? path : "/index.html";
    try {
      const body = await readFile(join(folder, file));
      response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream").end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => http.close() };
}

/** A browser. */
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.IM2_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

/** Somebody's own browser window, which joins the call of a room. */
export async function enter(browser, elementCall, session, room) {
  const context = await browser.newContext({ permissions: ["camera", "microphone"], viewport: { width: 1000, height: 700 } });
  const { user_id, device_id, access_token } = session;
  await context.addInitScript((stored) => {
    localStorage.setItem("matrix-auth-store", JSON.stringify({ ...stored, passwordlessUser: false }));
    window.connections = [];
    window.RTCPeerConnection = class extends window.RTCPeerConnection {
      constructor(...settings) {
        super(...settings);
        window.connections.push(this);
      }
    };
  }, { user_id, device_id, access_token });
  const page = await context.newPage();
  page.failures = [];
  page.on("response", (response) => {
    if (response.status() >= 400) page.failures.push(`${response.status()} ${response.url().split("?")[0]}`);
  });
  if (process.env.IM2_LOG) page.on("console", (message) => console.log(user_id, message.text().slice(0, 500)));
  const parameters = new URLSearchParams({ roomId: room, perParticipantE2EE: "true" });
  await page.goto(`${elementCall.url}/room/#/?${parameters}`);
  await page.getByTestId("lobby_joinCall").click({ timeout: DEADLINE });
  return page;
}

/** What a page receives now: frames decoded of each picture, energy of each sound. */
function received(page) {
  return page.evaluate(async () => {
    const all = { pictures: {}, sounds: {} };
    for (const connection of window.connections.filter((one) => one.connectionState === "connected")) {
      for (const one of (await connection.getStats()).values()) {
        if (one.type !== "inbound-rtp") continue;
        const name = `${one.ssrc}`;
        if (one.kind === "video") all.pictures[name] = one.framesDecoded ?? 0;
        else all.sounds[name] = one.totalAudioEnergy ?? 0;
      }
    }
    return all;
  });
}

/** Waits until each page decodes pictures and sounds of `others` people, and of no more, within a second or two. */
export async function flows(pages, others, what) {
  const grown = (now, then, by) => Object.keys(now).filter((key) => now[key] > (then[key] ?? Infinity) + by).length;
  for (const [name, page] of Object.entries(pages)) {
    let then = await received(page);
    let since = Date.now();
    await until(`${what}: ${name} to see and hear ${others}`, async () => {
      if (Date.now() - since < 1500) return false;
      const before = then;
      then = await received(page);
      since = Date.now();
      const pictures = grown(then.pictures, before.pictures, 5);
      const sounds = grown(then.sounds, before.sounds, 0.001);
      return pictures === others && sounds === others;
    });
  }
}
