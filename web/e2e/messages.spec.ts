/** Messages and what can be done with them. The same two people all the way. */
import { type Browser, expect, type Page, type Route, test } from "@playwright/test";
import { call, createRoom, sendText, userIdOf } from "./api.ts";
import { picture } from "./files.ts";
import { freshName, Person } from "./people.ts";

let ana: Person;
let bo: Person;
let anaId: string;
let boId: string;

test.beforeAll(async ({ browser }: { browser: Browser }) => {
  [ana, bo] = await Promise.all([Person.register(browser, "ana"), Person.register(browser, "bo")]);
  [anaId, boId] = await Promise.all([userIdOf(ana.page), userIdOf(bo.page)]);
});

test.afterAll(async () => {
  await ana.close();
  await bo.close();
});

const room = (roomId: string) => `/rooms/${encodeURIComponent(roomId)}`;

/** A group of the two, made by Ana. */
async function group(name: string, options: object = {}): Promise<string> {
  const roomId = await createRoom(ana.page, { name, preset: "private_chat", invite: [boId], ...options });
  await call(bo.page, "POST", `/join/${encodeURIComponent(roomId)}`, {});
  return roomId;
}

async function send(page: Page, roomId: string, content: object, type = "m.room.message"): Promise<string> {
  const path = `${room(roomId)}/send/${type}/e2e-${Date.now()}-${Math.random()}`;
  return (await call<{ event_id: string }>(page, "PUT", path, content)).event_id;
}

async function screen(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-output/screens/messages-${name}.png` });
}

/** How far the middle of a message is from the middle of the timeline, in pixels. */
async function offCentre(page: Page, eventId: string): Promise<number> {
  return page.locator(`[data-event-id="${eventId}"]`).evaluate((element) => {
    const row = element.getBoundingClientRect();
    const view = element.closest(".timeline__scroller")?.getBoundingClientRect();
    return view === undefined ? Number.NaN : Math.abs(row.top + row.height / 2 - (view.top + view.height / 2));
  });
}

test("a link to a message, a quote and the way back", async () => {
  const roomId = await group(freshName("Links"));
  const sent: string[] = [];
  // Only their number counts, not their order.
  for (let index = 1; index <= 90; index += 15) {
    const batch = Array.from({ length: 15 }, (_, offset) =>
      sendText(ana.page, roomId, `Line number ${index + offset}.`),
    );
    sent.push(...(await Promise.all(batch)));
  }
  const target = sent[30] ?? "";
  await send(bo.page, roomId, {
    msgtype: "m.text",
    body: "That one!",
    "m.relates_to": { "m.in_reply_to": { event_id: target } },
  });
  // Also where the message comes long after the rest.
  const late = async (route: Route) => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await route.continue();
  };
  for (const isLate of [false, true]) {
    if (isLate) await ana.page.route("**/context/**", late);
    await ana.page.goto(`/room/${roomId}/${target}`);
    await expect(ana.message("Line number 31.")).toBeInViewport();
    await expect.poll(() => offCentre(ana.page, target)).toBeLessThan(4);
    await expect(ana.page.locator(".timeline__back")).toHaveCount(0);
  }
  await ana.page.goto(`/room/${roomId}`);
  await ana.message("That one!").locator(".quote").click();
  // The end is still there, and may move; that is nobody who has come to it.
  await ana.page.locator(".timeline__scroller").dispatchEvent("scroll");
  await expect(ana.message("Line number 31.")).toHaveClass(/message--marked/);
  await expect.poll(() => offCentre(ana.page, target)).toBeLessThan(4);
  await screen(ana.page, "jump");
  await ana.page.getByRole("button", { name: "Back to where you were" }).click();
  await expect(ana.message("That one!")).toBeInViewport();
  await expect(ana.page.locator(".timeline__back")).toHaveCount(0);
  await ana.page.unroute("**/context/**", late);
});

test("links to people and conversations open inside", async () => {
  const roomId = await group(freshName("Inside"));
  const origin = new URL(ana.page.url()).origin;
  const first = await sendText(ana.page, roomId, "the first");
  await sendText(ana.page, roomId, `own ${origin}/room/${roomId}/${first}`);
  await sendText(ana.page, roomId, `uri matrix:u/${boId.slice(1)} and https://matrix.to/#/${roomId}/${first}`);
  await ana.page.goto(`/room/${roomId}`);
  await expect(ana.message("own ").locator("a")).not.toHaveAttribute("target", "_blank");
  await ana.message("own ").locator("a").click();
  await expect(ana.page).toHaveURL(new RegExp(`${first.slice(1)}$`));
  await expect(ana.message("uri ").locator("a")).toHaveAttribute("href", `/room/${roomId}/${first}`);
  await ana.message("uri ").locator(".mention").click();
  await expect(ana.page.getByRole("dialog")).toContainText(boId);
  await ana.page.keyboard.press("Escape");
  await expect(ana.page.getByRole("dialog")).toHaveCount(0);
});

test("long names, right-to-left text and reactions in words keep their places", async () => {
  const name = "A name of exactly forty characters, here";
  const roomId = await group(name);
  const arabic = await sendText(bo.page, roomId, "مرحبا بالجميع");
  await send(
    ana.page,
    roomId,
    { "m.relates_to": { rel_type: "m.annotation", event_id: arabic, key: "completely agreed" } },
    "m.reaction",
  );
  await send(bo.page, roomId, { msgtype: "org.example.hologram", body: "A hologram of a cat" });
  await send(bo.page, roomId, { msgtype: "org.example.smell" });
  await ana.page.goto(`/room/${roomId}`);
  await expect(ana.page.locator(".reaction")).toContainText("completely agreed");
  const lines = await ana.page
    .locator(".reaction > span:first-child")
    .evaluate((element) => element.getBoundingClientRect().height);
  expect(lines).toBeLessThan(30);
  await expect(ana.message("A hologram of a cat")).toContainText("org.example.hologram");
  await expect(ana.page.locator(".bubble__unsupported").last()).toContainText("org.example.smell");
  const time = await ana
    .message("مرحبا")
    .locator(".bubble__facts")
    .evaluate((facts) => {
      const words = document.createRange();
      const text = facts.closest(".bubble__text");
      words.setStart(text as Element, 0);
      words.setEndBefore(facts.closest(".bubble__meta") as Element);
      const { right } = facts.getBoundingClientRect();
      return { direction: getComputedStyle(facts).direction, gap: words.getBoundingClientRect().left - right };
    });
  expect(time.direction).toBe("ltr");
  expect(time.gap).toBeGreaterThan(6);
  await screen(ana.page, "rtl");
  for (const width of [1280, 390]) {
    await ana.page.setViewportSize({ width, height: 844 });
    if (width === 1280) await ana.page.getByRole("button", { name: "Show details" }).last().click();
    const inside = await ana.page.locator(".header").evaluate((header) => {
      const edge = header.getBoundingClientRect();
      return [...header.querySelectorAll("*")].every((element) => {
        const box = element.getBoundingClientRect();
        return box.right <= edge.right + 1;
      });
    });
    expect([width, inside]).toEqual([width, true]);
    await screen(ana.page, `long-name-${width}`);
  }
  await ana.page.setViewportSize({ width: 1440, height: 900 });
});

test("who was removed sees by whom, why, and what was said", async () => {
  const name = freshName("Strict");
  const roomId = await group(name);
  await sendText(ana.page, roomId, "Rule one: be kind");
  await bo.page.goto(`/room/${roomId}`);
  await expect(bo.message("Rule one")).toBeVisible();
  await call(ana.page, "POST", `${room(roomId)}/kick`, { user_id: boId, reason: "rule one" });
  await expect(bo.page.locator(".ended")).toContainText(`${ana.name} removed you`);
  await expect(bo.page.locator(".ended")).toContainText("Reason: rule one");
  await expect(bo.message("Rule one")).toBeVisible();
  await screen(bo.page, "removed");
  await bo.page.reload();
  await expect(bo.page.locator(".ended")).toContainText("Reason: rule one");
  await expect(bo.message("Rule one")).toBeVisible();
  await expect(bo.chat(name)).toContainText("You were removed");
  await bo.page.getByRole("button", { name: "Delete from my list" }).click();
  await expect(bo.chat(name)).toHaveCount(0);
});

test("a moved group leads to its successor, and back", async () => {
  const name = freshName("Moving");
  const roomId = await group(name);
  await sendText(ana.page, roomId, "In the old house");
  const { replacement_room: next } = await call<{ replacement_room: string }>(
    ana.page,
    "POST",
    `${room(roomId)}/upgrade`,
    { new_version: "10" },
  );
  await call(ana.page, "POST", `${room(next)}/invite`, { user_id: boId });
  await bo.page.goto(`/room/${roomId}`);
  await expect(bo.page.locator(".ended")).toContainText("moved to a new room");
  await screen(bo.page, "moved");
  await bo.page.getByRole("link", { name: "Go to the new room" }).click();
  await bo.page.getByRole("button", { name: "Accept" }).click();
  await expect(bo.composer).toBeVisible();
  await bo.page.getByRole("link", { name: "Show the older messages" }).click();
  await expect(bo.message("In the old house")).toBeVisible();
  await expect(bo.page.getByRole("link", { name: "Go to the new room" })).toBeVisible();
});

test("a group by request takes a request with a reason", async () => {
  const name = freshName("Private club");
  const roomId = await createRoom(ana.page, {
    name,
    preset: "private_chat",
    initial_state: [{ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } }],
  });
  await bo.page.goto(`/room/${roomId}`);
  await expect(bo.page.getByRole("heading", { name: `Ask to join ${name}` })).toBeVisible();
  await bo.page.getByLabel("A few words about yourself").fill("I brought cake");
  await screen(bo.page, "knock");
  await bo.page.getByRole("button", { name: "Ask to join" }).click();
  await expect(bo.page.getByText("You have asked to join").first()).toBeVisible();
  const member = `${room(roomId)}/state/m.room.member/${encodeURIComponent(boId)}`;
  const { membership, reason } = await call<{ membership: string; reason: string }>(ana.page, "GET", member);
  expect([membership, reason]).toEqual(["knock", "I brought cake"]);
  await call(ana.page, "POST", `${room(roomId)}/invite`, { user_id: boId });
  await bo.acceptInvitation(name);
  expect(anaId).not.toBe(boId);
});

/** Opens the menu of a message, and chooses. */
async function choose(person: Person, text: string, action: string): Promise<void> {
  await person.message(text).locator(".bubble").click({ button: "right" });
  await person.page.getByRole("menuitem", { name: action, exact: true }).click();
}

test("messages are pinned, saved, forwarded, chosen, reported and deleted with a reason", async () => {
  const [name, other] = [freshName("Menu"), freshName("Elsewhere")];
  const roomId = await group(name);
  const otherId = await group(other);
  const first = await sendText(bo.page, roomId, "The door code is in the safe");
  await sendText(bo.page, roomId, "Second of Bo");
  await sendText(ana.page, roomId, "Mine alone");
  await ana.page.goto(`/room/${roomId}`);
  await bo.page.goto(`/room/${roomId}`);
  await screen(ana.page, "plain");

  await test.step("pinned for everybody", async () => {
    await ana.message("The door code").locator(".bubble").click({ button: "right" });
    await screen(ana.page, "menu");
    await ana.page.getByRole("menuitem", { name: "Pin", exact: true }).click();
    await expect(bo.page.locator(".pinned-bar")).toContainText("The door code");
    await bo.page.locator(".pinned-bar__message").click();
    await expect(bo.message("The door code")).toHaveClass(/message--marked/);
    await bo.page.getByRole("button", { name: "Show all pinned messages" }).click();
    await expect(bo.page.locator(".details .message-card")).toContainText("The door code");
    await screen(bo.page, "pins");
    await ana.page.getByRole("button", { name: "Show all pinned messages" }).click();
    await ana.page.locator(".details").getByRole("button", { name: "Unpin" }).click();
    await expect(bo.page.locator(".pinned-bar")).toHaveCount(0);
  });

  await test.step("saved for oneself", async () => {
    const saved = bo.page.waitForResponse(
      (response) => response.request().method() === "PUT" && response.url().includes("/im2.saved_messages"),
    );
    await choose(bo, "The door code", "Save for later");
    await saved;
    await bo.page.goto("/");
    await bo.page.getByRole("button", { name: "Saved messages" }).click();
    await expect(bo.page.locator(".saved .message-card")).toContainText("The door code");
    await screen(bo.page, "saved");
    await bo.page.locator(".saved .message-card__open").click();
    await expect(bo.page).toHaveURL(new RegExp(first.slice(1)));
    await choose(bo, "The door code", "Remove from saved");
  });

  await test.step("several forwarded to another conversation", async () => {
    await choose(ana, "The door code", "Select");
    await ana.message("Mine alone").click();
    await expect(ana.page.locator(".selection-bar")).toContainText("2 selected");
    await screen(ana.page, "selection");
    await ana.page.locator(".selection-bar").getByRole("button", { name: "Forward" }).click();
    await ana.page.getByRole("dialog").locator("input").fill(other);
    await ana.page.locator(".forward__chat").click();
    await screen(ana.page, "forward");
    await ana.page.getByRole("button", { name: "Send to 1 chat" }).click();
    await expect(ana.page.locator(".selection-bar")).toHaveCount(0);
    await bo.page.goto(`/room/${otherId}`);
    await expect(bo.message("Mine alone")).toBeVisible();
    await expect(bo.message("The door code")).toBeVisible();
    await bo.page.goto(`/room/${roomId}`);
  });

  await test.step("reported with words", async () => {
    const report = bo.page.waitForRequest((request) => request.url().includes("/report/"));
    await choose(bo, "Mine alone", "Report");
    await expect(bo.page.getByRole("dialog").getByRole("button", { name: "Report" })).toBeDisabled();
    await bo.page.getByLabel("What is wrong with it?").fill("Bad poetry");
    await bo.page.getByRole("dialog").getByRole("button", { name: "Report" }).click();
    expect((await report).postDataJSON()).toMatchObject({ reason: "Bad poetry" });
    await expect(bo.page.locator(".toast")).toContainText("administrators have been told");
  });

  await test.step("deleted, and everybody reads why", async () => {
    await choose(ana, "Second of Bo", "Delete");
    await ana.page.getByLabel("Reason").fill("off topic");
    await ana.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(bo.page.locator(".bubble--deleted")).toContainText("deleted: off topic");
  });
});

test("who reacted, who read, what was said before an edit, and the source", async () => {
  const roomId = await group(freshName("Details"));
  const id = await sendText(ana.page, roomId, "Vesion one");
  const edit = { msgtype: "m.text", body: "Version two" };
  await send(ana.page, roomId, {
    ...edit,
    body: "* Version two",
    "m.new_content": edit,
    "m.relates_to": { rel_type: "m.replace", event_id: id },
  });
  const reaction = { "m.relates_to": { rel_type: "m.annotation", event_id: id, key: "🎉" } };
  await send(bo.page, roomId, reaction, "m.reaction");
  await bo.page.goto(`/room/${roomId}`);
  await ana.page.goto(`/room/${roomId}`);
  await ana.page.locator(".reaction").click({ button: "right" });
  await expect(ana.page.locator(".reactors")).toContainText(bo.name);
  await screen(ana.page, "reactors");
  await ana.page.keyboard.press("Escape");
  await ana.message("Version two").locator(".bubble__edited").click();
  await expect(ana.page.locator(".message-info__versions li")).toHaveText([/Vesion one/, /Version two/]);
  await screen(ana.page, "versions");
  await ana.page.getByRole("tab", { name: "Read by" }).click();
  await expect(ana.page.locator(".message-info__panel")).toContainText("Read by 1 person");
  await ana.page.getByRole("tab", { name: "Source" }).click();
  await expect(ana.page.locator(".message-info__source")).toContainText('"event_id"');
  await ana.page.keyboard.press("Escape");
});

test("long messages, places, stickers, spoilers and previews of links", async () => {
  const roomId = await group(freshName("Kinds"));
  const upload = async () => {
    const { accessToken } = await ana.page.evaluate(
      () => JSON.parse(localStorage.getItem("im2.session") ?? "{}") as { accessToken: string },
    );
    const answer = await ana.page.request.post("/_matrix/media/v3/upload?filename=cat.png", {
      headers: { Authorization: `Bearer ${accessToken}`, "Content-Type": "image/png" },
      data: picture("cat.png", 160, 160).buffer,
    });
    return ((await answer.json()) as { content_uri: string }).content_uri;
  };
  const mxc = await upload();
  await bo.page.route("**/preview_url**", (route) =>
    route.fulfill({
      json: {
        "og:site_name": "Example",
        "og:title": "The ridge walk",
        "og:description": "Fourteen kilometres along the ridge.",
        "og:image": mxc,
        "og:image:width": 160,
        "og:image:height": 160,
      },
    }),
  );
  await bo.page.goto(`/room/${roomId}`);
  await sendText(ana.page, roomId, `Long ${"line\n".repeat(60)}`);
  await send(ana.page, roomId, { msgtype: "m.location", body: "Meeting point", geo_uri: "geo:48.20849,16.37208;u=20" });
  await send(ana.page, roomId, { body: "A waving cat", url: mxc, info: { w: 160, h: 160 } }, "m.sticker");
  await send(ana.page, roomId, {
    msgtype: "m.text",
    body: "The butler did it",
    format: "org.matrix.custom.html",
    formatted_body: 'Ending: <span data-mx-spoiler="film">the butler did it</span>',
  });
  await sendText(ana.page, roomId, "Here: https://example.org/ridge");
  await bo.message("Here:").scrollIntoViewIfNeeded();
  await expect(bo.page.locator(".link-preview")).toContainText("The ridge walk");
  await expect(bo.page.locator(".sticker img")).toBeVisible();
  await expect(bo.page.locator(".message", { hasText: "Meeting point" })).toContainText("48.20849, 16.37208");
  const spoiler = bo.page.getByRole("button", { name: "Show the spoiler: film" });
  await expect(bo.page.getByText("the butler did it")).toBeHidden();
  await screen(bo.page, "kinds");
  await spoiler.click();
  await expect(bo.page.getByText("the butler did it")).toBeVisible();
  const long = bo.message("Long line");
  const height = async () => (await long.boundingBox())?.height ?? 0;
  const closed = await height();
  await long.getByRole("button", { name: "Show more" }).click();
  expect(await height()).toBeGreaterThan(closed * 2);
  await bo.page.getByRole("button", { name: "Show details" }).last().click();
  await bo.page.getByRole("switch", { name: "Show previews of links" }).uncheck();
  await expect(bo.page.locator(".link-preview")).toHaveCount(0);
});

test("a poll is made, voted on, voted on again and closed", async () => {
  const roomId = await group(freshName("Lunch"));
  await bo.page.goto(`/room/${roomId}`);
  await ana.page.goto(`/room/${roomId}`);
  await ana.page.getByRole("button", { name: "Attach" }).click();
  await ana.page.getByRole("menuitem", { name: "New poll" }).click();
  await ana.page.getByLabel("Question").fill("Where do we eat?");
  await ana.page.getByLabel("Answer 1", { exact: true }).fill("Noodles");
  await ana.page.getByLabel("Answer 2", { exact: true }).fill("Pizza");
  await ana.page.getByRole("button", { name: "Add an answer" }).click();
  await ana.page.getByLabel("Answer 3", { exact: true }).fill("Soup");
  await screen(ana.page, "poll-new");
  await ana.page.getByRole("button", { name: "Start the poll" }).click();
  const noodles = (person: Person) => person.page.locator(".poll__answer", { hasText: "Noodles" });
  const soup = (person: Person) => person.page.locator(".poll__answer", { hasText: "Soup" });
  await noodles(bo).click();
  await expect(noodles(bo)).toHaveAttribute("aria-pressed", "true");
  await expect(noodles(bo).locator(".poll__share")).toHaveText("100%");
  await expect(ana.page.locator(".poll__foot")).toContainText("1 vote");
  await expect(ana.page.locator(".poll__share")).toHaveCount(0);
  await soup(bo).click();
  await expect(soup(bo).locator(".poll__share")).toHaveText("100%");
  await noodles(ana).click();
  await expect(noodles(ana).locator(".poll__share")).toHaveText("50%");
  await screen(bo.page, "poll");
  await bo.page.getByRole("button", { name: "Take back my vote" }).click();
  await expect(noodles(ana).locator(".poll__share")).toHaveText("100%");
  await ana.page.getByRole("button", { name: "Close the poll" }).click();
  await ana.page.getByRole("dialog").getByRole("button", { name: "Close the poll" }).click();
  await expect(bo.page.locator(".poll")).toContainText("Final result");
  await expect(noodles(bo)).toBeDisabled();
  await bo.page.reload();
  await expect(noodles(bo).locator(".poll__share")).toHaveText("100%");
});

test("a hidden poll of several answers in the stable form keeps its secret to the end", async () => {
  const roomId = await group(freshName("Secret"));
  await bo.page.goto(`/room/${roomId}`);
  const answer = (id: string) => ({ "m.id": id, "m.text": [{ body: id }] });
  const pollId = await send(
    ana.page,
    roomId,
    {
      "m.text": [{ body: "Colours?" }],
      "m.poll": {
        kind: "m.undisclosed",
        max_selections: 2,
        question: { "m.text": [{ body: "Colours?" }] },
        answers: ["red", "green", "blue"].map(answer),
      },
    },
    "m.poll.start",
  );
  const pick = (name: string) => bo.page.locator(".poll__answer", { hasText: name });
  await pick("red").click();
  await pick("blue").click();
  await pick("green").click();
  await expect(pick("green")).toHaveAttribute("aria-pressed", "false");
  await bo.page.getByRole("button", { name: "Vote", exact: true }).click();
  await expect(bo.page.locator(".poll__foot")).toContainText("1 vote");
  await expect(bo.page.locator(".poll__share")).toHaveCount(0);
  const end = { "m.text": [{ body: "closed" }], "m.relates_to": { rel_type: "m.reference", event_id: pollId } };
  await send(ana.page, roomId, end, "m.poll.end");
  await expect(pick("blue").locator(".poll__share")).toHaveText("100%");
  await expect(pick("green").locator(".poll__share")).toHaveText("0%");
});

test("a thread is begun, answered, listed, and unread by itself", async () => {
  const roomId = await group(freshName("Threads"));
  const rootId = await sendText(ana.page, roomId, "What about the budget?");
  await sendText(ana.page, roomId, "Another subject");
  await bo.page.goto(`/room/${roomId}`);
  await ana.page.goto(`/room/${roomId}`);
  await choose(bo, "What about the budget?", "Start a thread");
  const thread = (person: Person) => person.page.locator(".thread");
  await expect(thread(bo).locator(".message")).toHaveCount(1);
  await thread(bo).locator(".composer__input").fill("It is too small");
  await thread(bo).locator(".composer__input").press("Enter");
  await expect(thread(bo).locator(".message", { hasText: "It is too small" })).toHaveAttribute("data-status", "sent");
  const line = ana.page.locator(".conversation__main .thread-line");
  await expect(line).toContainText("1 reply");
  await expect(line).toContainText("It is too small");
  await expect(line.locator(".badge")).toHaveText("1");
  await expect(ana.page.locator(".conversation__main .message", { hasText: "It is too small" })).toHaveCount(1);
  await screen(ana.page, "thread-line");
  await line.click();
  await expect(thread(ana).locator(".message", { hasText: "It is too small" })).toBeVisible();
  await expect(line.locator(".badge")).toHaveCount(0);
  await thread(ana).locator(".composer__input").fill("Then we ask for more");
  await thread(ana).locator(".composer__input").press("Enter");
  await expect(thread(bo).locator(".message", { hasText: "Then we ask for more" })).toBeVisible();
  await expect(bo.page.locator(".conversation__main .thread-line")).toContainText("2 replies");
  await screen(bo.page, "thread");
  await ana.page.reload();
  await expect(line).toContainText("2 replies");
  await ana.page.getByRole("button", { name: "Show details" }).last().click();
  await ana.page.locator(".details").getByRole("button", { name: "Threads" }).click();
  await expect(ana.page.locator(".details .message-card")).toContainText("What about the budget?");
  await ana.page.locator(".details .message-card__open").click();
  await expect(thread(ana).locator(".message")).toHaveCount(3);

  await test.step("a link to a reply opens the thread", async () => {
    const reply = await thread(ana).locator(".message", { hasText: "It is too small" }).getAttribute("data-event-id");
    await bo.page.goto(`/room/${roomId}/${reply}`);
    await expect(thread(bo).locator(".message--marked")).toContainText("It is too small");
    expect(rootId).not.toBe(reply);
  });
});

test("pictures are zoomed, moved, leafed through and answered", async () => {
  const roomId = await group(freshName("Gallery"));
  await ana.page.goto(`/room/${roomId}`);
  for (const [name, width, height] of [
    ["wide.png", 1600, 900],
    ["tall.png", 300, 900],
  ] as const) {
    await ana.page
      .locator("input[type=file]")
      .last()
      .setInputFiles(picture(name, width, height));
    await ana.page.getByRole("dialog").getByRole("button", { name: "Send 1 file" }).click();
    await expect(ana.page.getByRole("button", { name: `Open picture ${name}` })).toBeVisible();
  }
  await bo.page.goto(`/room/${roomId}`);
  await bo.page.getByRole("button", { name: "Open picture wide.png" }).click();
  const image = bo.page.locator(".lightbox__stage img");
  await expect(image).toBeVisible();
  const width = async () => (await image.boundingBox())?.width ?? 0;
  const whole = await width();
  await image.dblclick();
  await expect.poll(width).toBeGreaterThan(whole * 2);
  await image.hover();
  await bo.page.mouse.wheel(0, 2000);
  await expect.poll(width).toBeLessThan(whole * 1.1);
  await screen(bo.page, "viewer");
  await bo.page.keyboard.press("ArrowRight");
  await expect(image).toHaveAttribute("alt", "tall.png");
  await bo.page.getByRole("button", { name: "Previous picture" }).click();
  await expect(image).toHaveAttribute("alt", "wide.png");
  const box = await image.boundingBox();
  if (box === null) throw new Error("the picture has no place");
  await bo.page.mouse.move(box.x + box.width * 0.7, box.y + 100);
  await bo.page.mouse.down();
  await bo.page.mouse.move(box.x + box.width * 0.4, box.y + 100, { steps: 4 });
  await bo.page.mouse.up();
  await expect(image).toHaveAttribute("alt", "tall.png");
  await bo.page.getByRole("button", { name: "Reply" }).last().click();
  await expect(bo.page.locator(".lightbox")).toHaveCount(0);
  await expect(bo.page.locator(".composer__mode")).toContainText("Photo");
  await bo.page.keyboard.press("Escape");
});

test("shared content by kind, search, dates, and mentions are found", async () => {
  const roomId = await group(freshName("Archive"));
  const early = await sendText(bo.page, roomId, "The very first words");
  for (let index = 0; index < 40; index += 10)
    await Promise.all(Array.from({ length: 10 }, (_, offset) => sendText(bo.page, roomId, `Filler ${index + offset}`)));
  await sendText(bo.page, roomId, "Read https://example.org/paper today");
  await send(bo.page, roomId, {
    msgtype: "m.text",
    body: `${ana.name}: look here`,
    "m.mentions": { user_ids: [anaId] },
  });
  await ana.page.goto(`/room/${roomId}`);
  await ana.page.locator("input[type=file]").last().setInputFiles(picture("beach.png"));
  await ana.page.getByRole("dialog").getByRole("button", { name: "Send 1 file" }).click();
  const plain = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("notes") };
  await ana.page.locator("input[type=file]").last().setInputFiles(plain);
  await ana.page.getByRole("dialog").getByRole("button", { name: "Send 1 file" }).click();
  await expect(ana.page.locator(".file-card")).toBeVisible();

  const menu = async (name: string) => {
    await ana.page.locator(".header").getByRole("button", { name: "More" }).click();
    await ana.page.getByRole("menuitem", { name }).click();
  };
  await menu("Shared content");
  await expect(ana.page.locator(".shared__thumbnail img")).toBeVisible();
  await screen(ana.page, "shared");
  await ana.page.getByRole("tab", { name: "Files" }).click();
  await expect(ana.page.locator(".shared__file")).toContainText("notes.txt");
  await ana.page.getByRole("tab", { name: "Links" }).click();
  await expect(ana.page.locator(".details .message-card")).toContainText("https://example.org/paper");
  await ana.page.getByRole("tab", { name: "Polls" }).click();
  await expect(ana.page.locator(".drawer__none")).toContainText("No polls");

  await ana.page.locator(".header").getByRole("button", { name: "Search this conversation" }).click();
  await ana.page.getByLabel("Words in messages").fill("first words");
  await expect(ana.page.locator(".details .message-card mark").first()).toContainText(/first/i);
  await screen(ana.page, "search");
  await ana.page.locator(".details .message-card__open").first().click();
  await expect(ana.message("The very first words")).toHaveClass(/message--marked/);
  await ana.page.getByRole("button", { name: "Jump to the newest message" }).click();

  await menu("Jump to a date");
  const today = await ana.page.evaluate(() => new Date().toLocaleDateString("sv-SE"));
  await ana.page.getByRole("dialog").getByLabel("Day").fill(today);
  await ana.page.getByRole("button", { name: "Go there" }).click();
  await expect(ana.page.locator(`[data-event-id="${early}"]`)).toBeInViewport();
});

test("the next mention is found in a conversation that was not opened", async () => {
  const roomId = await group(freshName("Mention"));
  await ana.page.goto("/");
  const body = `${ana.name}: are you there?`;
  const mention = await send(bo.page, roomId, { msgtype: "m.text", body, "m.mentions": { user_ids: [anaId] } });
  const answer = await call<{ notifications: { event: { event_id: string } }[] }>(
    ana.page,
    "GET",
    "/notifications?only=highlight",
  );
  expect(answer.notifications.map(({ event }) => event.event_id)).toContain(mention);
});

test("a conversation is marked, pinned, muted and left from the list", async () => {
  const name = freshName("Rows");
  const roomId = await group(name);
  await sendText(bo.page, roomId, "Read me twice");
  const read = ana.page.waitForResponse(/\/receipt\/m\.read/);
  await ana.page.goto(`/room/${roomId}`);
  await expect(ana.message("Read me twice")).toBeVisible();
  await read;
  await ana.page.goto("/");
  const row = ana.chat(name);
  const pick = async (item: string) => {
    await row.click({ button: "right" });
    await ana.page.getByRole("menuitem", { name: item, exact: true }).click();
  };
  await pick("Mark as unread");
  await expect(row.locator(".chat-row__dot")).toBeVisible();
  await row.click({ button: "right" });
  await screen(ana.page, "row-menu");
  await ana.page.keyboard.press("Escape");
  await ana.page.getByRole("button", { name: "Unread" }).click();
  await expect(row).toBeVisible();
  await ana.page.getByRole("button", { name: "All", exact: true }).click();
  await row.click();
  await expect(row.locator(".chat-row__dot")).toHaveCount(0);
  await pick("Keep on top");
  await expect(row.getByLabel("Pinned")).toBeVisible();
  await pick("Mute");
  await expect(row.getByLabel("Muted")).toBeVisible();
  await row.focus();
  await ana.page.keyboard.press("Shift+F10");
  await ana.page.getByRole("menuitem", { name: "Leave conversation" }).click();
  await ana.page.getByRole("dialog").getByRole("button", { name: "Leave conversation" }).click();
  await expect(row).toHaveCount(0);
  await expect(ana.page).toHaveURL(/\/$/);
});

test("a group is led: roles, rules, requests, mutes and bans", async () => {
  const name = freshName("Council");
  const roomId = await group(name);
  await bo.page.goto(`/room/${roomId}`);
  await ana.page.goto(`/room/${roomId}`);
  await ana.page.getByRole("button", { name: "Show details" }).last().click();
  const drawer = ana.page.locator(".details");
  const member = drawer.locator(".member", { hasText: bo.name });
  const act = async (action: string) => {
    await member.getByRole("button", { name: `Actions for ${bo.name}` }).click();
    await ana.page.getByRole("menuitem", { name: action }).click();
  };

  await test.step("a role is given and taken", async () => {
    await act("Make a moderator");
    await expect(member.locator(".member__role")).toHaveText("Moderator");
    await act("Make a regular member");
    await expect(member.locator(".member__role")).toHaveCount(0);
  });

  await test.step("who is muted cannot write", async () => {
    await act("Mute (can only read)");
    await expect(bo.page.locator(".composer--closed")).toBeVisible();
    await act("Unmute");
    await expect(bo.composer).toBeVisible();
  });

  await test.step("announcements, permissions, access and addresses", async () => {
    await screen(ana.page, "details");
    await drawer.getByRole("button", { name: "Rules and permissions" }).click();
    await drawer.getByRole("switch", { name: "Announcements only" }).check();
    await expect(bo.page.locator(".composer--closed")).toBeVisible();
    await drawer.getByRole("switch", { name: "Announcements only" }).uncheck();
    await expect(bo.composer).toBeVisible();
    await drawer.getByLabel("Pin messages").selectOption("everybody");
    await drawer.getByLabel("Who can join", { exact: true }).selectOption("knock");
    await drawer.getByLabel("Who can read earlier messages").selectOption("joined");
    const alias = freshName("council");
    await drawer.getByLabel("new-address").fill(alias);
    await drawer.getByRole("button", { name: "Add", exact: true }).click();
    await expect(drawer.locator(".addresses")).toContainText(`#${alias}:localhost`);
    await screen(ana.page, "rules");
    const levels = await call<{ events: object }>(ana.page, "GET", `${room(roomId)}/state/m.room.power_levels/`);
    expect(levels.events).toMatchObject({ "m.room.pinned_events": 0 });
    await drawer.getByRole("button", { name: "Back" }).click();
  });

  await test.step("a ban has a reason, and is lifted", async () => {
    await act("Ban");
    await ana.page.getByLabel("Reason").fill("shouting");
    await ana.page.getByRole("dialog").getByRole("button", { name: "Ban", exact: true }).click();
    await expect(bo.page.locator(".ended")).toContainText("banned you");
    await expect(bo.page.locator(".ended")).toContainText("shouting");
    await drawer.getByRole("button", { name: "Banned people" }).click();
    await expect(drawer.locator(".outsider")).toContainText("shouting");
    await screen(ana.page, "banned");
    await drawer.getByRole("button", { name: `Lift the ban on ${bo.name}` }).click();
    await expect(drawer.locator(".outsider")).toHaveCount(0);
    await drawer.getByRole("button", { name: "Back" }).click();
  });

  await test.step("a request is accepted", async () => {
    await call(bo.page, "POST", `/knock/${encodeURIComponent(roomId)}`, { reason: "I am sorry" });
    await drawer.getByRole("button", { name: "Requests to join" }).click();
    await expect(drawer.locator(".outsider")).toContainText("I am sorry");
    await drawer.getByRole("button", { name: `Let ${bo.name} in` }).click();
    await expect(drawer.locator(".outsider")).toHaveCount(0);
    await bo.page.goto("/");
    await bo.acceptInvitation(name);
    await expect(bo.composer).toBeVisible();
  });
});
