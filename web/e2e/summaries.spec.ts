/** An account with more conversations than are loaded: what is known of those that nobody has opened. */
import { expect, test } from "@playwright/test";
import { type Actor, ask, register, say } from "./actors.ts";
import { freshName, Person } from "./people.ts";

/** Those with the lowest numbers are the oldest, too far down to be loaded by themselves. */
const ROOMS = 90;
const [IN_SPACE, LABELLED, ARCHIVED, MUTED, PACK, FOUND] = [1, 2, 3, 4, 5, 6];

const at = (roomId: string) => `/rooms/${encodeURIComponent(roomId)}`;

async function makeRooms(ana: Actor): Promise<{ rooms: string[]; space: string }> {
  const rooms: string[] = [];
  const create = async (options: object) =>
    (await ask<{ room_id: string }>(ana, "POST", "/createRoom", { preset: "private_chat", ...options })).room_id;
  const space = await create({ name: "Old guild", creation_content: { type: "m.space" } });
  for (let index = 0; index < ROOMS; index++) {
    const roomId = await create({ name: `Room ${index}` });
    rooms.push(roomId);
    await say(ana, roomId, `m${index}`, index === FOUND ? "a quokka at last" : `Message ${index}`);
  }
  const room = (index: number) => rooms[index] ?? "";
  const own = `/user/${encodeURIComponent(ana.id)}`;
  await ask(ana, "PUT", `${at(space)}/state/m.space.child/${encodeURIComponent(room(IN_SPACE))}`, {
    via: ["localhost"],
  });
  await ask(ana, "PUT", `${own}${at(room(LABELLED))}/tags/u.Work`, {});
  await ask(ana, "PUT", `${own}${at(room(ARCHIVED))}/tags/m.lowpriority`, {});
  await ask(ana, "PUT", `/pushrules/global/room/${encodeURIComponent(room(MUTED))}`, { actions: [] });
  await ask(ana, "PUT", `${at(room(PACK))}/state/im.ponies.room_emotes/dogs`, {
    pack: { display_name: "Dogs" },
    images: { wag: { url: "mxc://localhost/abc" } },
  });
  const everywhere = { rooms: { [room(PACK)]: { dogs: {} } } };
  await ask(ana, "PUT", `${own}/account_data/im.ponies.emote_rooms`, everywhere);
  return { rooms, space };
}

test("spaces, folders, packs and searches know of rooms that are not loaded", async ({ browser }) => {
  const name = freshName("ana");
  const { rooms } = await makeRooms(await register(name));
  const person = await Person.atSignIn(browser, name);
  const { page } = person;
  const loaded = new Set<string>();
  page.on("request", (request) => {
    const filter = new URL(request.url()).searchParams.get("filter") ?? "";
    if (!request.url().includes("/v3/sync") || !filter.startsWith("{")) return;
    for (const id of (JSON.parse(filter) as { room?: { rooms?: string[] } }).room?.rooms ?? []) loaded.add(id);
  });
  const isLoaded = (index: number) => loaded.has(rooms[index] ?? "");
  await page.locator("button[type=submit]").click();
  await expect(page.locator("[aria-setsize]").first()).toHaveAttribute("aria-setsize", String(ROOMS));

  await test.step("the space filters the list", async () => {
    expect(isLoaded(IN_SPACE)).toBe(false);
    const button = page.locator(".rail__spaces").getByRole("button", { name: "Old guild" });
    await button.click();
    await expect(page.locator(".chat-row__name")).toHaveText([`Room ${IN_SPACE}`]);
    await page.locator(".rail__link", { hasText: "Chats" }).click();
  });

  await test.step("what was put away and what has a label are in their folders", async () => {
    expect(isLoaded(LABELLED) || isLoaded(ARCHIVED)).toBe(false);
    await page.getByRole("button", { name: "Work" }).click();
    await expect(page.locator(".chat-row__name")).toHaveText([`Room ${LABELLED}`]);
    await page.getByRole("button", { name: "All" }).click();
    await expect(page.locator(".chat-row__name").first()).toHaveText(`Room ${ROOMS - 1}`);
    const list = page.locator(".chats__list");
    await list.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await expect(person.chat(`Room ${MUTED}`).getByLabel("Muted")).toBeVisible();
    await page.locator(".chat-row--archive").click();
    await expect(page.locator(".chat-row__name")).toHaveText([`Room ${ARCHIVED}`]);
    await page.locator(".rail__link", { hasText: "Chats" }).click();
  });

  await test.step("a pack of a room that is not open can be used in another", async () => {
    await page.goto(`/room/${rooms[ROOMS - 1]}`);
    await person.composer.pressSequentially("a :wa");
    await expect(page.getByRole("option", { name: ":wag:" })).toBeVisible();
    await person.composer.fill("");
  });

  await test.step("after a reload all of it is still there, and the server finds messages everywhere", async () => {
    await page.reload();
    await expect(page.locator(".rail__spaces").getByRole("button", { name: "Old guild" })).toBeVisible();
    await page.getByRole("button", { name: "Search everywhere" }).click();
    await page.getByLabel("Words or names").fill("quokka");
    await expect(page.locator(".search-found .message-card")).toContainText("a quokka at last");
    await page.keyboard.press("Escape");
  });

  await test.step("signing out leaves nothing in the browser", async () => {
    const databases = () => page.evaluate(async () => (await indexedDB.databases()).map((one) => one.name ?? ""));
    expect((await databases()).some((one) => one.startsWith("im2.rooms:"))).toBe(true);
    await page.goto("/settings");
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.locator(".dialog .button--danger").click();
    await expect(page.locator("input[name=username]")).toBeVisible();
    await expect.poll(async () => (await databases()).filter((one) => one.startsWith("im2.rooms:"))).toEqual([]);
  });
  await person.close();
});
