import { expect, test } from "@playwright/test";
import { call, createRoom, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { freshName, Person } from "./people.ts";

test("a space brings groups under one roof, and others in by invitation", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const name = freshName("Tea club");
  const { page } = ana;
  const old = freshName("Green tea");
  await createRoom(page, { preset: "private_chat", name: old });

  await test.step("a space is made, a group in it, and another one is added", async () => {
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.getByRole("menuitem", { name: "New space" }).click();
    await page.getByRole("textbox", { name: "Name of the space" }).fill(name);
    await page.getByRole("button", { name: "Create space" }).click();
    await expect(page.locator(".space-home h1")).toHaveText(name);
    await page.locator(".space-home__actions").getByRole("button", { name: "New group" }).click();
    await page.getByRole("textbox", { name: "Group name", exact: true }).fill("Black tea");
    await page.getByRole("button", { name: "Create group" }).click();
    await expect(page.locator(".header__name")).toHaveText("Black tea");
    await page.getByRole("button", { name: "Show details" }).last().click();
    await page.getByRole("button", { name: "Rules and permissions" }).click();
    await expect(page.getByRole("combobox", { name: "Who can join", exact: true })).toHaveValue("space");
    await page.locator(".folder-head a").click();
    await page.getByRole("button", { name: "Add groups" }).click();
    await page.getByRole("checkbox", { name: old }).click();
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await expect(page.locator(".room-summary")).toHaveCount(2);
  });

  await test.step("its rooms filter the list, and back", async () => {
    await createRoom(page, { preset: "private_chat", name: "Elsewhere" });
    await expect(page.locator(".chat-row")).toHaveCount(2);
    await expect(page.locator(".pane .folder-head")).toHaveText(name);
    await page.locator(".rail__link", { hasText: "Chats" }).click();
    await expect(ana.chat("Elsewhere")).toBeVisible();
    await page.locator(".rail__spaces").getByRole("button", { name }).click();
    await expect(ana.chat("Elsewhere")).toHaveCount(0);
    await expect(ana.chat("Black tea")).toBeVisible();
    await look(page, "space-home");
  });

  await test.step("an invitation leads in, and a group of the space can be joined from its home", async () => {
    await page.getByRole("button", { name: "Invite people" }).first().click();
    await page.locator(".picker .search-box input").fill(bo.name);
    await page.locator(".picker .person-row", { hasText: bo.name }).click();
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    await bo.chat(name).click();
    await expect(bo.page.locator(".conversation-card h1")).toContainText(`invites you to the space ${name}`);
    await bo.page.getByRole("button", { name: "Accept" }).click();
    await expect(bo.page.locator(".space-home h1")).toHaveText(name);
    // A group by invitation is not shown to who is not in it.
    await expect(bo.page.locator(".room-summary")).toHaveCount(1);
    await bo.page.getByRole("button", { name: "Join: Black tea" }).click();
    await expect(bo.composer).toBeVisible();
    await bo.say("Here I am");
  });

  await test.step("what is unread in it stands on the space", async () => {
    await page.locator(".rail__link", { hasText: "Chats" }).click();
    await expect(page.locator(".rail__spaces").getByRole("button", { name: `${name}, 1 unread chat` })).toBeVisible();
  });

  await test.step("a group is taken out", async () => {
    await page.locator(".rail__spaces").getByRole("button", { name }).click();
    await page.locator(".folder-head a").click();
    await page.getByRole("button", { name: `Actions for ${old}` }).click();
    await page.getByRole("menuitem", { name: "Remove from this space" }).click();
    await page.locator(".dialog .button--danger").click();
    await expect(page.locator(".room-summary")).toHaveCount(1);
    await expect(ana.chat(old)).toHaveCount(0);
  });
  await Promise.all([ana.close(), bo.close()]);
});

test("a public space is found by its address, seen before it is joined, and left", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const alias = freshName("club");
  const spaceId = await createRoom(ana.page, {
    preset: "public_chat",
    name: alias,
    topic: "For everybody",
    room_alias_name: alias,
    creation_content: { type: "m.space" },
  });
  const roomId = await createRoom(ana.page, { preset: "public_chat", name: "Lobby", visibility: "public" });
  const child = `/rooms/${encodeURIComponent(spaceId)}/state/m.space.child/${encodeURIComponent(roomId)}`;
  await call(ana.page, "PUT", child, { via: ["localhost"], suggested: true });
  const server = (await userIdOf(ana.page)).replace(/^[^:]*:/, "");
  await bo.page.goto(`/room/${encodeURIComponent(`#${alias}:${server}`)}`);
  await expect(bo.page.locator(".conversation-card")).toContainText("Space · 1 member");
  await bo.page.getByRole("button", { name: "Join" }).click();
  await expect(bo.page.locator(".space-home h1")).toHaveText(alias);
  await expect(bo.page.locator(".room-summary")).toContainText("Suggested");
  await bo.page.getByRole("tab", { name: "Members" }).click();
  await expect(bo.page.locator(".member")).toHaveCount(2);
  await bo.page.setViewportSize({ width: 390, height: 844 });
  await bo.page.getByRole("tab", { name: "Groups" }).click();
  // A group is looked at before it is joined.
  await bo.page.locator(".room-summary__open").click();
  await expect(bo.page.locator(".conversation-card h1")).toHaveText("Lobby");
  await bo.page.getByRole("button", { name: "Back" }).click();
  await bo.page.getByRole("button", { name: "Back" }).click();
  await bo.page.goto("/");
  await expect(bo.page.locator(".space-strip__item")).toHaveCount(2);
  await expect(bo.page.getByRole("button", { name: /^All/ })).toHaveText(["All chats"]);
  await look(bo.page, "space-strip");
  await bo.page.locator(".rail__spaces").getByRole("button", { name: alias }).click();
  await bo.page.getByRole("button", { name: "More", exact: true }).click();
  await bo.page.getByRole("menuitem", { name: "Leave space" }).click();
  await bo.page.locator(".dialog .button--danger").click();
  await expect(bo.page.locator(".rail__spaces")).toHaveCount(0);
  await Promise.all([ana.close(), bo.close()]);
});

test("folders of one's own, and the archive, follow the account", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  for (const name of ["Alpha", "Beta", "Gamma"]) await createRoom(page, { preset: "private_chat", name });
  await expect(page.locator(".chat-row")).toHaveCount(3);

  await ana.chat("Alpha").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Folders" }).click();
  await page.getByRole("textbox", { name: "Name of a new folder" }).fill("Work");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("checkbox", { name: "Work" })).toHaveAttribute("aria-checked", "true");
  await look(page, "folders");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Work" }).click();
  await expect(page.locator(".chat-row")).toHaveText([/Alpha/]);

  await page.getByRole("button", { name: "All", exact: true }).click();
  await ana.chat("Beta").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Archive" }).click();
  await expect(page.locator(".chat-row").last()).toContainText("Archived chats");
  await expect(ana.chat("Beta")).toHaveCount(0);
  await page.reload();
  await page.locator(".chat-row--archive").click();
  await expect(page.locator(".chat-row")).toHaveText([/Beta/]);
  await look(page, "archive");
  await ana.chat("Beta").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Unarchive" }).click();
  // The last one gone, the whole list is back.
  await expect(page.locator(".chat-row")).toHaveCount(3);

  // The last conversation takes its folder along.
  await ana.chat("Alpha").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Folders" }).click();
  await page.getByRole("checkbox", { name: "Work" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("button", { name: "Work" })).toHaveCount(0);
  await ana.close();
});
