import { expect, test } from "vitest";
import type { TimelineEvent } from "../types.ts";
import { type Action, type OutboxItem, withAddresses } from "./item.ts";
import { withChange } from "./overlay.ts";

const ME = { id: "@me:example.org", name: "Me" };

const event: TimelineEvent = {
  key: "$1",
  id: "$1",
  sender: { id: "@ana:example.org", name: "Ana" },
  own: false,
  timestamp: 0,
  body: { kind: "text", style: "text", text: "hello" },
  status: "sent",
  edited: false,
  reactions: [{ emoji: "👍", count: 2, mine: "$mine", names: ["Me", "Me"] }],
  readBy: [],
  can: { edit: true, delete: true, react: true },
};

const item = (action: Action, state: OutboxItem["state"] = "sending"): OutboxItem => ({
  txnId: "t",
  roomId: "!r",
  order: 1,
  createdAt: 1,
  action,
  attachments: [],
  encrypted: false,
  unmeasured: false,
  state,
  ...(state === "refused" ? { problem: { kind: "forbidden" } } : {}),
});

const react = (key: string): Action => ({
  kind: "event",
  type: "m.reaction",
  content: { "m.relates_to": { rel_type: "m.annotation", event_id: "$1", key } },
});

const remove = (target: string): Action => ({ kind: "redaction", target });

test("a reaction is there at once, and gone when it is refused", () => {
  const shown = withChange(event, item(react("🎉")), ME, undefined);
  expect(shown.reactions[1]).toEqual({ emoji: "🎉", count: 1, mine: "t", names: ["Me"] });
  const refused = withChange(event, item(react("🎉"), "refused"), ME, undefined);
  expect(refused.reactions).toEqual(event.reactions);
  expect(refused.changes).toEqual([
    { key: "t", what: "reaction", emoji: "🎉", status: "failed", problem: { kind: "forbidden" } },
  ]);
});

test("one's reaction is taken back, and that of somebody of the same name stays", () => {
  const shown = withChange(event, item(remove("$mine")), ME, undefined);
  expect(shown.reactions).toEqual([{ emoji: "👍", count: 1, mine: undefined, names: ["Me"] }]);
  expect(withChange(event, item(remove("$mine"), "refused"), ME, undefined).reactions).toEqual(event.reactions);
});

test("a deletion is done at once, and undone when it is refused", () => {
  expect(withChange(event, item(remove("$1")), ME, undefined).body).toEqual({ kind: "deleted" });
  expect(withChange(event, item(remove("$1"), "refused"), ME, undefined).body).toEqual(event.body);
});

test("a change that has arrived is no longer pending", () => {
  expect(withChange(event, item(react("🎉"), "sent"), ME, undefined).changes).toBeUndefined();
});

test("addresses of files go where the specification wants them", () => {
  const blob = new Blob();
  const common = { blob, name: "x", type: "image/png" };
  const plain = withAddresses({ info: { w: 1 } }, [
    { ...common, slot: "content", uploaded: { url: "mxc://a/1" } },
    { ...common, slot: "thumbnail", uploaded: { url: "mxc://a/2" } },
  ]);
  expect(plain).toEqual({ url: "mxc://a/1", info: { w: 1, thumbnail_url: "mxc://a/2" } });
  const encrypted = withAddresses({}, [
    { ...common, slot: "content", uploaded: { url: "mxc://a/1", keys: { v: "v2" } } },
    { ...common, slot: "thumbnail", uploaded: { url: "mxc://a/2", keys: { v: "v2" } } },
  ]);
  expect(encrypted).toEqual({
    file: { v: "v2", url: "mxc://a/1" },
    info: { thumbnail_file: { v: "v2", url: "mxc://a/2" } },
  });
});
