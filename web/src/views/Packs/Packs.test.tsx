import { screen, within } from "@testing-library/react";
import { expect, onTestFinished, test, vi } from "vitest";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Packs.stories.tsx";

testStories(stories);

test("a pack is used everywhere by its switch", async () => {
  const { t, user, calls } = await play(stories, stories.All);
  const [cats] = screen.getAllByRole<HTMLInputElement>("switch", { name: t("packs.everywhere") });
  expect(cats?.checked).toBe(true);
  await user.click(cats as HTMLElement);
  expect(calls.of("packs.setEverywhere")[0]).toMatchObject([{ id: "cats" }, false]);
});

test("a pack is removed only after a question", async () => {
  const { t, user, calls } = await play(stories, stories.Removing);
  expect(calls.of("packs.remove")).toEqual([]);
  await user.click(screen.getByRole("button", { name: t("packs.remove.action") }));
  expect(calls.of("packs.remove")[0]).toMatchObject([{ id: "cats" }]);
});

test("who may not change packs is offered nothing of the sort", async () => {
  const { t, say } = await play(stories, stories.OnlyUsing);
  expect(
    screen.queryByRole("button", { name: t("packs.edit", { name: say("Cats of the house", "楼里的猫") }) }),
  ).toBeNull();
  expect(screen.queryByRole("button", { name: t("packs.new.room") })).toBeNull();
});

test("a code that is there twice is marked and cannot be saved", async () => {
  const { t } = await play(stories, stories.WrongCode);
  screen.getByText(t("packs.code.wrong"));
  expect(screen.getAllByRole("textbox").filter((box) => box.getAttribute("aria-invalid") === "true")).toHaveLength(2);
  expect(screen.getByRole("button", { name: t("action.save") }).hasAttribute("disabled")).toBe(true);
});

test("a picture is taken out, and the rest is saved", async () => {
  const { t, user, calls } = await play(stories, stories.Editing);
  await user.click(screen.getByRole("button", { name: t("packs.picture.remove", { code: "nap" }) }));
  await user.click(screen.getByRole("button", { name: t("action.save") }));
  const [place, change] = calls.of("packs.save")[0] as [unknown, { images: { code: string }[] }];
  expect(place).toEqual({ roomId: "!garden:example.org", key: "cats" });
  expect(change.images.map(({ code }) => code)).toEqual(["cat", "wave", "tea", "rain"]);
  expect(calls.of("done")).toHaveLength(1);
});

test("what could not be saved says why, in the dialog", async () => {
  const { t, calls } = await play(stories, stories.NotSaved);
  expect(screen.getByRole("alert").textContent).toBe(t("problem.too-large"));
  expect(calls.of("done")).toEqual([]);
});

test("a sticker is picked by its name", async () => {
  const { t, user, calls, say } = await play(stories, stories.Stickers);
  const cats = screen.getByRole("region", { name: say("Cats of the house", "楼里的猫") });
  await user.click(within(cats).getByRole("button", { name: "Asleep" }));
  expect(calls.of("pick")).toEqual([["nap"]]);
  await user.type(screen.getByRole("searchbox"), "qqqq");
  screen.getByText(t("packs.notFound"));
});

const tiles = () => [...document.querySelectorAll<HTMLElement>(".gif-picker__grid button")];

test("a kept GIF is found by its name, picked, and used", async () => {
  const { t, user, calls } = await play(stories, stories.Gifs);
  expect(tiles()).toHaveLength(7);
  screen.getByRole("button", { name: t("gifs.unnamed") });
  await user.type(screen.getByRole("searchbox"), "wave TALL{Enter}");
  expect(calls.of("pick")).toEqual([]);
  expect(tiles()).toHaveLength(1);
  await user.click(screen.getByRole("button", { name: "A tall wave" }));
  expect(calls.of("pick")).toEqual([["mxc://gallery/tall-wave"]]);
  expect(calls.of("gifs.used")).toHaveLength(1);
});

test("a GIF moves while one points at it, if it is light and motion is welcome", async () => {
  const motion = vi
    .spyOn(window, "matchMedia")
    .mockImplementation(
      () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as unknown as MediaQueryList,
    );
  onTestFinished(() => motion.mockRestore());
  const { user, calls } = await play(stories, stories.Gifs);
  const whole = () => calls.of("media.downloadKey").map(([mxc]) => mxc);
  expect(whole()).toEqual([]);
  await user.hover(screen.getByRole("button", { name: "Applause" }));
  await user.hover(screen.getByRole("button", { name: /^Fireworks/ }));
  expect(new Set(whole())).toEqual(new Set(["mxc://gallery/applause"]));
});

test("a GIF stands still for those who want less motion", async () => {
  const { user, calls } = await play(stories, stories.Gifs);
  await user.hover(screen.getByRole("button", { name: "Applause" }));
  expect(calls.of("media.downloadKey")).toEqual([]);
});

test("arrows move between the search and the GIFs, row by row", async () => {
  const { user } = await play(stories, stories.Gifs);
  screen.getByRole("searchbox").focus();
  await user.keyboard("{ArrowDown}{ArrowRight}{ArrowDown}");
  expect(document.activeElement).toBe(tiles()[4]);
  await user.keyboard("{ArrowUp}{ArrowUp}");
  expect(document.activeElement).toBe(screen.getByRole("searchbox"));
});

test("GIFs are removed one after the other, those that are gone from the server as well", async () => {
  const { t, user, calls, say } = await play(stories, stories.RemovingGifs);
  await user.click(screen.getByRole("button", { name: t("gifs.remove", { name: say("Gone", "没有了") }) }));
  await settled();
  expect(calls.of("gifs.remove")).toEqual([["mxc://gallery/gone-one"]]);
  expect(calls.of("pick")).toEqual([]);
  expect(tiles()).toHaveLength(6);
  expect(document.activeElement).toBe(
    screen.getByRole("button", { name: t("gifs.remove", { name: t("gifs.unnamed") }) }),
  );
});

test("a GIF that the server no longer has is not sent: it says so, and goes", async () => {
  const { t, user, calls, say } = await play(stories, stories.Gifs);
  await user.click(screen.getByRole("button", { name: t("gifs.gone", { name: say("Gone", "没有了") }) }));
  await settled();
  expect(calls.of("gifs.remove")).toEqual([["mxc://gallery/gone-one"]]);
  expect(calls.of("pick")).toEqual([]);
  expect(tiles()).toHaveLength(6);
});

test("a GIF that cannot be loaded now can be sent all the same", async () => {
  const { user, calls } = await play(stories, stories.GifOffline);
  await user.click(screen.getByRole("button", { name: "Applause" }));
  expect(calls.of("pick")).toEqual([["mxc://gallery/broken-now"]]);
  expect(calls.of("gifs.remove")).toEqual([]);
});

test("without a GIF, it is said how they get there", async () => {
  const { t } = await play(stories, stories.NoGifs);
  screen.getByText(t("gifs.none"));
  expect(screen.queryByText(t("gifs.visible"))).toBeNull();
});

test("in an encrypted conversation it is said that the server sees them", async () => {
  const { t } = await play(stories, stories.GifsEncrypted);
  screen.getByText(t("gifs.visible"));
});
