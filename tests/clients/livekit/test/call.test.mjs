// Calls of several people with livekit-client, with two peer connections and with one.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { flows, join, publish, received, startBrowser, startUnit, until } from "./support.mjs";

let unit;
let browser;

before(async () => {
  unit = await startUnit();
  browser = await startBrowser();
});

after(async () => {
  await browser?.stop();
  unit?.stop();
});

afterEach(() => browser.closePages());

let rooms = 0;

for (const single of [false, true]) {
  describe(single ? "with one peer connection" : "with two peer connections", () => {
    /** Lets people into a room of the test's own. */
    const entrance = () => {
      rooms += 1;
      const room = `room-${rooms}`;
      return [(name, options = {}) => join(browser, unit, room, name, { single, ...options }), room];
    };

    test("three people see and hear each other, mute, send data, and come back", async () => {
      const [enter, room] = entrance();
      const pages = {};
      for (const name of ["ana", "ben", "carla"]) {
        pages[name] = await enter(name);
        await publish(pages[name]);
      }
      await flows(pages, "in the beginning");

      await until("ana to speak", () =>
        pages.ben.evaluate(() => window.room.activeSpeakers.some((one) => one.identity === "ana")),
      );

      await pages.ana.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
      for (const other of ["ben", "carla"]) {
        await until(`${other} to know that ana is mute`, async () => (await received(pages[other])).ana.muted.audio);
      }
      await pages.ana.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
      await flows(pages, "after muting");

      await pages.ana.evaluate(async () => {
        const send = (text, options) => window.room.localParticipant.publishData(new TextEncoder().encode(text), options);
        await send("to all", { reliable: true });
        await send("to ben", { reliable: true, destinationIdentities: ["ben"] });
        await send("the end", { reliable: true });
        await send("in passing", { reliable: false });
      });
      const data = (page) => page.evaluate(() => window.data);
      await until("ben's data", async () => (await data(pages.ben)).length === 4);
      await until("carla's data", async () => (await data(pages.carla)).length === 3);
      assert.deepEqual((await data(pages.carla)).sort(), ["ana: in passing", "ana: the end", "ana: to all"]);

      const resumes = await unit.metric("resumes");
      await pages.ben.evaluate(() => window.room.simulateScenario("signal-reconnect"));
      const seen = (page, name) => page.evaluate((name) => window.events.some(([one]) => one === name), name);
      await until("ben to be back", () => seen(pages.ben, "reconnected"));
      assert.equal(await unit.metric("resumes"), resumes + 1);
      assert.ok(!(await seen(pages.ben, "disconnected")));
      await flows(pages, "after a resumption");

      await pages.carla.evaluate(() => window.room.simulateScenario("full-reconnect"));
      await until("carla to be back", () => seen(pages.carla, "reconnected"));
      await flows(pages, "after a reconnection");

      await fetch(`${unit.url}/remove?room=${room}&identity=carla`, { method: "POST" });
      await until("carla to be gone", () => seen(pages.carla, "disconnected"));
      await until("ana to know", () => pages.ana.evaluate(() => window.room.remoteParticipants.size === 1));
    });

    test("somebody who comes again and again is seen each time", async () => {
      const [enter] = entrance();
      const pages = { ana: await enter("ana") };
      await publish(pages.ana);
      for (let round = 0; round < 3; round += 1) {
        pages.ben = await enter("ben");
        await publish(pages.ben);
        await flows(pages, `round ${round}`);
        await pages.ben.evaluate(() => window.room.disconnect());
        await until("ben to be gone", () => pages.ana.evaluate(() => window.room.remoteParticipants.size === 0));
        await pages.ben.close();
        delete pages.ben;
      }
    });

    test("what is encrypted between clients passes", async () => {
      const [enter] = entrance();
      const pages = {};
      for (const name of ["ana", "ben"]) {
        pages[name] = await enter(name, { key: "a key that the server does not know" });
        await publish(pages[name]);
      }
      await flows(pages, "encrypted");
      const stranger = await enter("mallory", { key: "another key" });
      await until("mallory to receive something", async () => (await received(stranger)).ana?.bytes > 1000);
      assert.equal((await received(stranger)).ana.frames, 0, "without the key there is nothing to see");
      await pages.ana.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode("secret"), { reliable: true }));
      await until("ben to read it", () => pages.ben.evaluate(() => window.data.includes("ana: secret")));
    });

    test("a small picture is a small stream", async () => {
      const [enter] = entrance();
      const pages = { ana: await enter("ana"), ben: await enter("ben") };
      await publish(pages.ana);
      const width = async () => (await received(pages.ben)).ana?.width;
      await until("the large picture", async () => (await width()) === 640);
      const want = (quality) =>
        pages.ben.evaluate((quality) => {
          const [ana] = window.room.remoteParticipants.values();
          ana.getTrackPublication("camera").setVideoQuality(quality);
        }, quality);
      await want(0);
      await until("the small picture", async () => (await width()) === 160);
      await want(2);
      await until("the large picture again", async () => (await width()) === 640);
    });
  });
}
