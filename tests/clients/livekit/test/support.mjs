// A forwarding unit, a browser, and pages in which livekit-client runs, each with a camera that shows numbers and a
// microphone that hums.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const DEADLINE = 60_000;

/** Waits for something that happens by itself. */
export async function until(what, holds) {
  const start = Date.now();
  for (;;) {
    const found = await holds();
    if (found) return found;
    assert.ok(Date.now() - start < DEADLINE, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The unit, with media at these addresses (`cargo build -p im2-rtc --example unit`), which ends with the tests. */
export async function startUnit(...addresses) {
  const program = process.env.IM2_RTC_UNIT;
  assert.ok(program, "IM2_RTC_UNIT names the example `unit` of im2-rtc");
  const unit = spawn(program, ["0", ...addresses], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    unit.stdout.once("data", (line) => resolve(line.toString().trim()));
    unit.once("exit", (code) => reject(new Error(`the unit ended with ${code}`)));
  });
  const get = async (path, method = "GET") => (await fetch(`${url}${path}`, { method })).text();
  return {
    url,
    get,
    token: (room, identity) => get(`/token?room=${room}&identity=${identity}`),
    metric: async (name) => Number((await get("/metrics")).match(new RegExp(`^${name} (\\d+)$`, "m"))[1]),
    stop: () => unit.kill(),
  };
}

/** A browser whose pages have livekit-client. */
export async function startBrowser() {
  const distribution = new URL(".", `file://${createRequire(import.meta.url).resolve("livekit-client")}`);
  const file = (name) => readFileSync(new URL(name, distribution));
  const page = "<!doctype html><meta charset=utf-8><title>call</title><script src=/client.js></script><body>";
  const answers = {
    "/": ["text/html", page],
    "/client.js": ["text/javascript", file("livekit-client.umd.js")],
    "/worker.js": ["text/javascript", file("livekit-client.e2ee.worker.js")],
  };
  const server = createServer((request, response) => {
    const [type, body] = answers[request.url] ?? ["text/plain", ""];
    response.setHeader("content-type", type).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: process.env.IM2_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      // Pages may use this machine's own addresses, also of IPv6.
      "--allow-loopback-in-peer-connection",
    ],
  });
  const context = await browser.newContext({ permissions: ["camera", "microphone"] });
  const origin = `http://127.0.0.1:${server.address().port}/`;
  return {
    /** Closes what a test has opened, also one that failed. */
    closePages: () => Promise.all(context.pages().map((one) => one.close())),
    open: async () => {
      const opened = await context.newPage();
      if (process.env.IM2_LOG) opened.on("console", (message) => console.log(message.text()));
      await opened.goto(origin);
      return opened;
    },
    stop: async () => {
      await browser.close();
      server.close();
    },
  };
}

/** Takes the candidates of UDP out of what the server says: the page's network lets none through. */
function withoutUdp() {
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gim, "");
    return setRemoteDescription.call(this, { type: description.type, sdp });
  };
}

/** The protocols and addresses by which a page's connections go. */
export function paths(page) {
  return page.evaluate(async () => {
    const found = new Set();
    const { engine } = window.room;
    for (const transport of [engine.pcManager.publisher, engine.pcManager.subscriber]) {
      const statistics = [...((await transport?.getStats())?.values() ?? [])];
      const named = (id) => statistics.find((one) => one.id === id);
      for (const transport of statistics.filter((one) => one.type === "transport" && one.selectedCandidatePairId)) {
        const remote = named(named(transport.selectedCandidatePairId).remoteCandidateId);
        found.add(`${remote.protocol} ${remote.address}`);
      }
    }
    return [...found];
  });
}

/**
 * A page that has joined a room. `options.single` is with one peer connection, `options.key` with encryption,
 * `options.tcp` without UDP.
 */
export async function join(browser, unit, room, identity, options = {}) {
  const page = await browser.open();
  if (options.tcp) await page.evaluate(withoutUdp);
  const token = await unit.token(room, identity);
  await page.evaluate(
    async ({ url, token, options }) => {
      const client = window.LivekitClient;
      client.setLogLevel("warn");
      const settings = { singlePeerConnection: options.single ?? true, dynacast: true, adaptiveStream: false };
      if (options.key) {
        const keyProvider = new client.ExternalE2EEKeyProvider();
        await keyProvider.setKey(options.key);
        settings.encryption = { keyProvider, worker: new Worker("/worker.js") };
      }
      const room = new client.Room(settings);
      if (options.key) await room.setE2EEEnabled(true);
      Object.assign(window, { room, data: [], events: [] });
      const note = (name) => room.on(name, (...of) => window.events.push([name, of[0]?.identity ?? null]));
      for (const name of ["reconnecting", "signalReconnecting", "reconnected", "disconnected"]) note(name);
      for (const name of ["participantConnected", "participantDisconnected"]) note(name);
      room.on("dataReceived", (bytes, from) => {
        window.data.push(`${from?.identity}: ${new TextDecoder().decode(bytes)}`);
      });
      room.on("trackSubscribed", (track) => document.body.append(track.attach()));
      await room.connect(url, token);
    },
    { url: unit.url, token, options },
  );
  return page;
}

/** Publishes a camera in three sizes, and a hum. */
export async function publish(page) {
  await page.evaluate(async () => {
    const resolution = { width: 640, height: 360, frameRate: 15 };
    const { VideoPresets } = window.LivekitClient;
    const layers = [VideoPresets.h90, VideoPresets.h180];
    await window.room.localParticipant.setCameraEnabled(true, { resolution }, { videoSimulcastLayers: layers });
    const audio = new AudioContext();
    const hum = new OscillatorNode(audio, { frequency: 440 });
    const out = audio.createMediaStreamDestination();
    hum.connect(out);
    hum.start();
    window.hum = hum;
    await window.room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { source: "microphone", dtx: false });
  });
}

/** What a page has received of each other participant: frames decoded, energy of the sound, width of the picture. */
export function received(page) {
  return page.evaluate(async () => {
    const all = {};
    for (const other of window.room.remoteParticipants.values()) {
      const one = { frames: 0, energy: 0, width: 0, bytes: 0, muted: {} };
      for (const publication of other.trackPublications.values()) {
        one.muted[publication.kind] = publication.isMuted;
        for (const statistics of (await publication.track?.getRTCStatsReport())?.values() ?? []) {
          if (statistics.type !== "inbound-rtp") continue;
          one.frames += statistics.framesDecoded ?? 0;
          one.width = statistics.frameWidth ?? one.width;
          one.energy += statistics.totalAudioEnergy ?? 0;
          if (publication.kind === "audio") one.bytes = statistics.bytesReceived;
        }
      }
      all[other.identity] = one;
    }
    return all;
  });
}

/** Waits until each page gets more pictures and sound of each other one than it has now. */
export async function flows(pages, what) {
  const names = Object.keys(pages);
  const before = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await received(pages[name])])));
  for (const name of names) {
    for (const other of names.filter((one) => one !== name)) {
      await until(`${what}: ${name} to see and hear ${other}`, async () => {
        const now = (await received(pages[name]))[other];
        const then = before[name][other];
        // A track that was published anew counts from the beginning.
        if (now && (!then || now.frames < then.frames || now.energy < then.energy)) {
          before[name][other] = now;
          return false;
        }
        return now && now.frames > then.frames + 10 && now.energy > then.energy + 0.05;
      });
    }
  }
}
