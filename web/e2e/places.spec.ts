/** Places: one's own, and others; seen before they are sent, and shown without asking anybody for a map. */
import { expect, test } from "@playwright/test";
import { createRoom, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { Person } from "./people.ts";

test("a place is sent: one's own, and one from a map", async ({ browser, baseURL }) => {
  const ana = await Person.register(browser, "ana", {
    geolocation: { latitude: 48.2085, longitude: 16.3721, accuracy: 12 },
  });
  const bo = await Person.register(browser, "bo");
  const roomId = await createRoom(ana.page, {
    preset: "private_chat",
    name: "Meeting",
    invite: [await userIdOf(bo.page)],
  });
  await ana.page.goto(`/room/${roomId}`);
  await bo.acceptInvitation("Meeting");
  const elsewhere: string[] = [];
  bo.page.on("request", (request) => {
    if (!/^(?:blob|data):/.test(request.url()) && new URL(request.url()).origin !== new URL(baseURL ?? "").origin)
      elsewhere.push(request.url());
  });
  const open = async () => {
    await ana.page.getByRole("button", { name: "Attach" }).click();
    await ana.page.getByRole("menuitem", { name: "Location" }).click();
    return ana.page.getByRole("dialog", { name: "Send a location" });
  };

  await test.step("without permission it says what to do", async () => {
    const dialog = await open();
    await expect(dialog.getByRole("button", { name: "Send location" })).toBeDisabled();
    await dialog.getByRole("button", { name: "Use my position" }).click();
    await expect(dialog.getByRole("alert")).toContainText("does not share your location");
    await ana.page.keyboard.press("Escape");
  });

  await test.step("one's own, seen before it is sent", async () => {
    await ana.page.context().grantPermissions(["geolocation"]);
    const dialog = await open();
    await dialog.getByRole("button", { name: "Use my position" }).click();
    await expect(dialog.getByRole("group", { name: "What is sent" })).toContainText("48.20850, 16.37210");
    await dialog.getByLabel("Name of the place").fill("At the fountain");
    await look(ana.page, "place-new");
    await expect(bo.page.locator(".file-card")).toHaveCount(0);
    await dialog.getByRole("button", { name: "Send location" }).click();
    const card = bo.page.locator(".message", { hasText: "At the fountain" });
    await expect(card).toContainText("48.20850, 16.37210");
    await expect(card).toContainText("within 12");
  });

  await test.step("one from a map", async () => {
    const dialog = await open();
    const text = dialog.getByLabel("Coordinates, or a link from a map");
    await text.fill("somewhere");
    await expect(dialog).toContainText("No coordinates were found");
    await text.fill("https://www.openstreetmap.org/#map=17/-33.8568/151.2153");
    await expect(dialog.getByRole("group", { name: "What is sent" })).toContainText("-33.85680, 151.21530");
    await dialog.getByRole("button", { name: "Send location" }).click();
    await expect(bo.page.locator(".file-card", { hasText: "-33.85680, 151.21530" })).toBeVisible();
    await expect(bo.chat("Meeting")).toContainText("Location");
  });
  await look(bo.page, "places");
  expect(elsewhere).toEqual([]);
  await Promise.all([ana.close(), bo.close()]);
});
