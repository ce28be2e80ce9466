/** Formulas: written, seen while they are written, drawn for the others, edited. */
import { expect, test } from "@playwright/test";
import { createRoom, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { Person } from "./people.ts";

test("formulas are drawn, and money stays money", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo", { viewport: { width: 390, height: 844 } });
  const roomId = await createRoom(ana.page, {
    preset: "private_chat",
    name: "Maths",
    invite: [await userIdOf(bo.page)],
  });
  await ana.page.goto(`/room/${roomId}`);
  await bo.acceptInvitation("Maths");

  await ana.composer.fill("It costs $5, or $10 for two");
  await expect(ana.page.locator(".formula-preview")).toHaveCount(0);
  await ana.composer.press("Enter");
  await expect(bo.message("It costs $5, or $10 for two")).toBeVisible();

  await ana.composer.fill("Solve $x^2 + px + q = 0$");
  await expect(ana.page.getByRole("group", { name: "Formula" }).locator("math msup")).toBeVisible();
  await look(ana.page, "maths-preview");
  await ana.composer.press("Enter");
  await expect(ana.page.locator(".formula-preview")).toHaveCount(0);
  const drawn = bo.page.locator(".bubble__text math");
  await expect(drawn.locator("msup")).toBeVisible();
  // What the browser lays out as mathematics has its exponent above the line.
  const rises = await drawn.locator("msup").evaluate(({ children: [base, raised] }) => {
    const [low, high] = [base, raised].map((each) => each?.getBoundingClientRect().bottom ?? 0);
    return (low ?? 0) - (high ?? 0);
  });
  expect(rises).toBeGreaterThan(2);

  await ana.composer.fill(
    "$$\n\\int_{-\\infty}^{\\infty} e^{-x^2}\\,dx = \\sqrt{\\pi}\n$$\n$$\nA = \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}\n$$",
  );
  await ana.composer.press("Enter");
  await expect(bo.page.locator('math[display="block"]')).toHaveCount(2);
  await ana.composer.fill(String.raw`Not known: $\foo{x}$`);
  await expect(ana.page.locator(".formula-preview")).toContainText("Not understood");
  await ana.composer.press("Enter");
  await expect(bo.message("Not known").locator("code")).toHaveText(String.raw`\foo{x}`);
  await look(ana.page, "maths");
  await look(bo.page, "maths");

  await ana.act("Solve", "Edit");
  await expect(ana.composer).toHaveValue("Solve $x^2 + px + q = 0$");
  await ana.composer.fill("Solve $y^3 = 1$");
  await ana.composer.press("Enter");
  await expect(bo.message("Solve").locator("math")).toContainText("y3=1");
  await Promise.all([ana.close(), bo.close()]);
});
