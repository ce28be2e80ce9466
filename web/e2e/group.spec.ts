import { expect, test } from "@playwright/test";
import { freshName, Person } from "./people.ts";

test("three people talk in a group", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const cy = await Person.register(browser, "cy");
  const groupName = freshName("Tea house");

  await test.step("a public group is created with an invitation", async () => {
    await ana.page.getByRole("button", { name: "New conversation" }).click();
    await ana.page.getByRole("menuitem", { name: "New group" }).click();
    await ana.page.getByRole("textbox", { name: "Group name", exact: true }).fill(groupName);
    await ana.page.getByLabel("Description (optional)").fill("Everything about tea");
    await ana.page.getByRole("switch", { name: "Public" }).check();
    await ana.page.locator(".picker .search-box input").fill(bo.name);
    await ana.page.locator(".picker .person-row", { hasText: bo.name }).click();
    await ana.page.getByRole("button", { name: "Create group" }).click();
    await expect(ana.page.locator(".header__name")).toHaveText(groupName);
    await ana.say("Welcome!");
  });

  await test.step("an invitation is accepted, a public group is found and joined", async () => {
    await bo.acceptInvitation(groupName);
    await cy.page.goto("/groups");
    await cy.page.locator(".search-box input").fill(groupName);
    await cy.page.getByRole("button", { name: `Join: ${groupName}` }).click();
    await expect(cy.message("Welcome!")).toBeVisible();
    await cy.say("Hello everybody");
    await expect(bo.message("Hello everybody").locator(".bubble__sender")).toHaveText(cy.name);
    await expect(ana.page.locator(".timeline__change", { hasText: `${bo.name} joined` })).toBeVisible();
  });

  await test.step("the list says who wrote", async () => {
    await expect(ana.chat(groupName)).toContainText(`${cy.name}: Hello everybody`);
  });

  await test.step("administrators rename the group, everybody sees it", async () => {
    await ana.page.getByRole("button", { name: "Show details" }).last().click();
    await expect(ana.page.locator(".member")).toHaveCount(3);
    await expect(ana.page.locator(".member", { hasText: ana.name }).locator(".member__role")).toHaveText(/Owner|Admin/);
    await ana.page.getByRole("button", { name: "Edit group" }).click();
    await ana.page.getByLabel("Name", { exact: true }).fill(`${groupName} 2`);
    await ana.page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(bo.page.locator(".header__name")).toHaveText(`${groupName} 2`);
    await expect(bo.page.locator(".timeline__change").last()).toContainText("renamed the group");
  });

  await test.step("muting keeps the count quiet, pinning keeps the group on top", async () => {
    await ana.page.getByRole("switch", { name: /Mute/ }).check();
    await ana.page.getByRole("switch", { name: "Keep on top" }).check();
    await expect(ana.page.locator(".header__name").getByLabel("Muted")).toBeVisible();
    await expect(ana.chat(groupName).getByLabel("Pinned")).toBeVisible();
    await ana.page.getByRole("switch", { name: /Mute/ }).uncheck();
    await expect(ana.page.locator(".header__name").getByLabel("Muted")).toHaveCount(0);
  });

  await test.step("others cannot change the group, and can leave it", async () => {
    await cy.page.getByRole("button", { name: "Show details" }).last().click();
    await expect(cy.page.getByRole("button", { name: "Edit group" })).toHaveCount(0);
    await cy.page.getByRole("button", { name: "Leave conversation" }).click();
    await cy.page.locator(".dialog .button--danger").click();
    await expect(cy.page).toHaveURL(/\/$/);
    await expect(cy.chat(groupName)).toHaveCount(0);
    await expect(ana.page.locator(".timeline__change").last()).toContainText(`${cy.name} left`);
  });

  await test.step("Ctrl-K leads to a conversation", async () => {
    await bo.page.goto("/");
    await expect(bo.chat(groupName)).toBeVisible();
    await bo.page.keyboard.press("Control+k");
    await bo.page.locator(".switcher input").fill(groupName.slice(0, 8));
    await expect(bo.page.locator(".switcher__item").first()).toContainText(groupName);
    await bo.page.keyboard.press("Enter");
    await expect(bo.page.locator(".header__name")).toHaveText(`${groupName} 2`);
  });

  await Promise.all([ana.close(), bo.close(), cy.close()]);
});

test("an invitation can be declined", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  await ana.startChat(bo.name);
  await bo.chat(ana.name).click();
  await bo.page.getByRole("button", { name: "Decline" }).click();
  await expect(bo.chat(ana.name)).toHaveCount(0);
  await expect(bo.page.locator(".empty__title").first()).toHaveText("No conversations yet");
  await ana.close();
  await bo.close();
});
