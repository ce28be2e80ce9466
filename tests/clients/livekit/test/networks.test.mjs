// Calls over networks that are not the usual ones: without UDP, and of IPv6.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { flows, join, paths, publish, startBrowser, startUnit, until } from "./support.mjs";

let browser;

before(async () => {
  browser = await startBrowser();
});

after(() => browser?.stop());

afterEach(() => browser.closePages());

const NETWORKS = {
  "UDP over IPv6": { address: "::1", tcp: false, path: "udp ::1" },
  "TCP over IPv4": { address: "127.0.0.1", tcp: true, path: "tcp 127.0.0.1" },
  "TCP over IPv6": { address: "::1", tcp: true, path: "tcp ::1" },
};

for (const [name, network] of Object.entries(NETWORKS)) {
  describe(name, () => {
    let unit;

    before(async () => {
      unit = await startUnit(network.address);
    });

    after(() => unit?.stop());

    for (const single of [false, true]) {
      test(single ? "with one peer connection" : "with two peer connections", async () => {
        const room = `room-${single}`;
        const pages = {};
        for (const who of ["ana", "ben"]) {
          pages[who] = await join(browser, unit, room, who, { single, tcp: network.tcp });
          await publish(pages[who]);
        }
        await flows(pages, "in the beginning");
        for (const page of Object.values(pages)) assert.deepEqual(await paths(page), [network.path]);
        await pages.ben.evaluate(() => window.room.simulateScenario("signal-reconnect"));
        await until("ben to be back", () => pages.ben.evaluate(() => window.events.some(([one]) => one === "reconnected")));
        await flows(pages, "after a resumption");
      });
    }
  });
}
