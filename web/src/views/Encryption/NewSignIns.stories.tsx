/** Word of a sign-in to the account, above the list. */
import { ago, DAY, HOUR } from "../../gallery/fakes/world.ts";
import type { Meta, Story } from "../../gallery/story.ts";
import type { OwnSession } from "../../matrix/crypto/sessions.ts";
import { NewSignIns } from "./NewSignIns.tsx";

export default { title: "New sign-ins", place: "list" } satisfies Meta;

const session = (name: string, part: Partial<OwnSession> = {}): OwnSession => ({
  id: name,
  name,
  current: false,
  lastSeen: ago(HOUR),
  trust: "unverified",
  ...part,
});

const told = (...signIns: OwnSession[]): Story => ({ knows: () => ({ signIns }), render: () => <NewSignIns /> });

export const Nobody = told();

export const One = told(session("Firefox on Linux"));

export const Unnamed = told(session("", { lastSeen: undefined }));

export const Several = told(
  session("The browser on the old computer in the basement next to the washing machine"),
  session("Phone", { lastSeen: ago(2 * DAY) }),
);
