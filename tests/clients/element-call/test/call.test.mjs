// Calls in encrypted rooms with Element Call, which finds the way to the media by itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRoom, inTheCall, register, signIn, startServer } from "./server.mjs";
import { enter, flows, serveElementCall, startBrowser, until } from "./support.mjs";

/** What Element Call asks for and lives without. */
const UNUSED = [
  /^401 .*\/register$/, // whether guests are let in
  /^404 .*\/room_keys\/version$/,
  /^404 .*\/delegate_delayed_leave$/,
];

let server;
let elementCall;
let browser;

before(async () => {
  server = await startServer();
  elementCall = await serveElementCall(server);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  elementCall?.stop();
  await server?.stop();
});

const settled = (who, room, people) =>
  until(`${people.length} to be in the call`, async () => {
    const expected = people.map((one) => one.user_id).sort();
    return JSON.stringify(await inTheCall(server, who, room)) === JSON.stringify(expected);
  });

test("people come, see and hear each other, leave, drop off, and come back", async () => {
  const [ana, ben, carla] = await Promise.all(["ana", "ben", "carla"].map((name) => register(server, name)));
  const room = await createRoom(server, ana, [ben, carla]);
  const join = (session) => enter(browser, elementCall, session, room);
  const pages = { ana: await join(ana) };
  pages.ben = await join(ben);
  await settled(ana, room, [ana, ben]);
  await flows(pages, 1, "two people");

  pages.carla = await join(carla);
  await settled(ana, room, [ana, ben, carla]);
  await flows(pages, 2, "three people");

  await pages.ben.getByTestId("incall_leave").click();
  await settled(ana, room, [ana, carla]);
  await pages.ben.context().close();
  delete pages.ben;
  await flows(pages, 1, "after one has left");

  // Gone without a word: the leave that the server has in hand is sent when it is not put off any more.
  await pages.carla.context().setOffline(true);
  await pages.carla.context().close();
  assert.ok((await inTheCall(server, ana, room)).includes(carla.user_id), "nothing was said");
  await settled(ana, room, [ana]);

  pages.carla = await join(await signIn(server, carla));
  await settled(ana, room, [ana, carla]);
  await flows(pages, 1, "after one has come back");

  for (const [name, page] of Object.entries(pages)) {
    const failures = page.failures.filter((one) => !UNUSED.some((known) => known.test(one)));
    assert.deepEqual(failures, [], `what ${name} asked for in vain`);
  }
});
