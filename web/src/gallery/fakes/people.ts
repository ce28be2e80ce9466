/** The people of the stories. */
import type { Member, Person, PersonDetails } from "../../matrix/types.ts";
import { ago, HOUR, type Say } from "./world.ts";

export type Role = "me" | "ana" | "ben" | "clara" | "dmitri" | "emre" | "fatima" | "noa" | "long" | "wide" | "nameless";

export function cast(say: Say): Record<Role, Person> {
  return {
    me: { id: "@robin:example.org", name: say("Robin Chen", "陈若彬"), avatar: "mxc://gallery/face-robin", me: true },
    ana: { id: "@ana:example.org", name: say("Ana Silva", "李安娜"), avatar: "mxc://gallery/face-ana" },
    ben: { id: "@ben:example.org", name: say("Ben Okafor", "王本") },
    clara: { id: "@clara:example.org", name: say("Clara Lindström", "周可"), avatar: "mxc://gallery/face-clara" },
    dmitri: { id: "@dmitri:example.org", name: say("Dmitri Volkov", "赵迪") },
    emre: { id: "@emre:other.example", name: say("Emre Yıldız", "孙艾") },
    fatima: { id: "@fatima:example.org", name: "فاطمة الزهراء" },
    noa: { id: "@noa:example.org", name: "נועה כהן" },
    long: {
      id: "@maximiliane.alexandra.von.hohenstein-oberlaender:a-server-with-a-rather-long-name.example.org",
      name: say(
        "Maximiliane Alexandra von Hohenstein-Oberländer, head of the department of everything else",
        "名字特别长的人就是为了看看这么长的名字在每个地方会不会把旁边的东西挤掉或者换行换得很难看",
      ),
    },
    // One word without a place to break it.
    wide: { id: "@w:example.org", name: "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW" },
    nameless: { id: "@u4f2b9c:example.org", name: "u4f2b9c" },
  };
}

/** The members of a group: its owner, who is looking; an administrator, a moderator, and others. */
export function membersOf(say: Say, count = 8): readonly Member[] {
  const { me, ana, ben, clara, dmitri, fatima, noa, long } = cast(say);
  const known: Member[] = [
    { ...me, role: "owner", membership: "join" },
    { ...ana, role: "admin", membership: "join" },
    { ...ben, role: "moderator", membership: "join" },
    { ...clara, role: "member", membership: "join" },
    { ...dmitri, role: "member", membership: "invite" },
    { ...fatima, role: "member", membership: "join" },
    { ...noa, role: "member", membership: "join" },
    { ...long, role: "member", membership: "join" },
  ];
  const more = Array.from(
    { length: Math.max(0, count - known.length) },
    (_, index): Member => ({
      id: `@guest${index}:example.org`,
      name: say(`Guest ${index + 1}`, `客人${index + 1}`),
      role: "member",
      membership: "join",
    }),
  );
  return [...known, ...more].slice(0, count);
}

export function personDetails(person: Person, part: Partial<PersonDetails> = {}): PersonDetails {
  return {
    ...person,
    ownName: person.name,
    presence: { state: "unavailable", lastActive: ago(2 * HOUR) },
    blocked: false,
    contact: true,
    added: true,
    remark: "",
    tags: [],
    star: false,
    ...part,
  };
}
