/** A signed-in account, as the views find it in their context. */
import type { Gif } from "../../lib/gifs.ts";
import type { ImagePack, PackImage } from "../../lib/imagepacks.ts";
import { Observable } from "../../lib/observable.ts";
import type { Account } from "../../matrix/account.ts";
import type { Contacts, Notes } from "../../matrix/contacts.ts";
import type { Conversations } from "../../matrix/conversations.ts";
import type { Encryption, EncryptionStatus } from "../../matrix/crypto/encryption.ts";
import type { OwnSession } from "../../matrix/crypto/sessions.ts";
import type { SignIns } from "../../matrix/crypto/signins.ts";
import type { Trust, TrustWarning } from "../../matrix/crypto/trust.ts";
import type { Verification } from "../../matrix/crypto/verification.ts";
import type { Directory } from "../../matrix/directory.ts";
import type { Gifs } from "../../matrix/gifs.ts";
import type { ImagePacks } from "../../matrix/imagepacks.ts";
import type { Outbox } from "../../matrix/outbox/outbox.ts";
import type { Persons } from "../../matrix/persons.ts";
import type { OwnPresence } from "../../matrix/presence.ts";
import type { Push } from "../../matrix/push.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Saved } from "../../matrix/saved.ts";
import type { Search, SearchStatus } from "../../matrix/search/search.ts";
import type { Spaces } from "../../matrix/spaces.ts";
import type {
  ChatLevel,
  ConnectionStatus,
  Conversation,
  FoundPage,
  GroupPage,
  MessageSummary,
  Person,
  PersonDetails,
  PushSettings,
  RoomOutline,
  SavedMessage,
  Space,
  SpacePage,
} from "../../matrix/types.ts";
import type { WebPush, WebPushState } from "../../matrix/webpush.ts";
import { type CallsKnow, fakeCalls } from "./calls.ts";
import { conversation, conversations, spaces } from "./conversations.ts";
import { type Calls, fake, Held } from "./fake.ts";
import { fakeMedia } from "./media.ts";
import { cast, personDetails } from "./people.ts";
import { fakeRoom, type RoomKnows } from "./rooms.ts";
import { ago, DAY, HOUR, type Say } from "./world.ts";

/** What a story says about the account; the rest is as in one where nothing is the matter. */
export interface AccountKnows {
  status?: ConnectionStatus;
  profile?: Person;
  conversations?: readonly Conversation[];
  spaces?: readonly Space[];
  /** By id. Conversations that are not named here have rooms without messages. */
  rooms?: Readonly<Record<string, RoomKnows>>;
  /** Why the notes are not seen. */
  notesLocked?: "key" | "newer" | "doubtful";
  notes?: Notes;
  /** By id; without an entry somebody is a contact like any other. */
  persons?: Readonly<Record<string, Partial<PersonDetails>>>;
  roomsInCommon?: () => Promise<ReadonlySet<string>>;
  blocked?: readonly string[];
  found?: () => Promise<readonly Person[]>;
  groups?: () => Promise<GroupPage>;
  inSpace?: () => Promise<SpacePage>;
  outline?: () => Promise<RoomOutline | undefined>;
  said?: readonly MessageSummary[];
  /** What a search in messages finds. */
  messages?: (from?: string) => Promise<FoundPage>;
  search?: Partial<SearchStatus>;
  saved?: readonly SavedMessage[];
  loadSaved?: (entry: SavedMessage) => Promise<MessageSummary | undefined>;
  packs?: readonly ImagePack[];
  gifs?: readonly Gif[];
  mayEditPacks?: boolean;
  encryption?: Partial<EncryptionStatus>;
  /** Keys that are not in the backup yet. */
  unsavedKeys?: () => Promise<number>;
  warnings?: readonly TrustWarning[];
  verified?: readonly string[];
  sessions?: () => Promise<OwnSession[]>;
  /** Of which nobody has said that they are theirs. */
  signIns?: readonly OwnSession[];
  push?: Partial<PushSettings>;
  webPush?: WebPushState;
  /** Calls; without a word about them the server has none. */
  inCalls?: CallsKnow;
}

export const ENCRYPTED: EncryptionStatus = {
  engine: "ready",
  session: "verified",
  recovery: "ready",
  backup: { on: true, waiting: 0 },
  dehydrated: true,
};

export function packs(say: Say): readonly ImagePack[] {
  const image = (code: string, name: string): PackImage => ({
    code,
    name,
    mxc: `mxc://gallery/${code}`,
    info: {},
    uses: ["emoticon", "sticker"],
  });
  const images = [
    image("wave", say("A wave", "挥手")),
    image("tea", say("Tea", "茶")),
    image("rain", say("Rain", "下雨")),
  ];
  const pack = (id: string, name: string, part: Partial<ImagePack> = {}): ImagePack => ({
    id,
    name,
    uses: ["emoticon", "sticker"],
    images,
    everywhere: false,
    editable: true,
    ...part,
  });
  return [
    pack("own", say("My pictures", "我的图片")),
    pack("cats", say("Cats of the house", "楼里的猫"), {
      place: { roomId: "!garden:example.org", key: "cats" },
      everywhere: true,
      attribution: say("Drawn by Clara", "周可画的"),
      images: [image("cat", say("Cat", "猫")), image("nap", say("Asleep", "睡着了")), ...images],
    }),
    pack(
      "long",
      say(
        "A pack whose name is so long that it does not fit on a single line anywhere",
        "名字长到哪里都放不下一行的一个图片包真的很长很长",
      ),
      {
        place: { roomId: "!elsewhere:example.org", key: "long" },
        editable: false,
      },
    ),
  ];
}

export function gifs(say: Say): readonly Gif[] {
  const gif = (id: string, name: string, part: Partial<Gif> = {}): Gif => ({
    mxc: `mxc://gallery/${id}`,
    name,
    mimetype: "image/gif",
    width: 320,
    height: 240,
    size: 90_000,
    ...part,
  });
  return [
    gif("dance", say("The dance of the watering cans", "洒水壶之舞")),
    gif("applause", say("Applause", "鼓掌")),
    gif("tall-wave", say("A tall wave", "高高的浪"), { width: 120, height: 480, mimetype: "image/webp" }),
    gif("slow-snail", say("Snail", "蜗牛")),
    gif("gone-one", say("Gone", "没有了")),
    gif("nameless", ""),
    gif("large", say("Fireworks over the whole city, seen from the roof", "在屋顶看到的全城烟花"), { size: 9_000_000 }),
  ];
}

export function ownSessions(say: Say): OwnSession[] {
  const address = "192.0.2.17";
  return [
    {
      id: "FJWQPLZMTA",
      name: say("Firefox on Linux", "Linux 上的 Firefox"),
      current: true,
      lastSeen: ago(0),
      address,
      trust: "verified",
    },
    {
      id: "KDHSGEYRNB",
      name: say("Phone", "手机"),
      current: false,
      lastSeen: ago(2 * HOUR),
      address,
      trust: "unverified",
    },
    { id: "OLDTERMINAL", name: "", current: false, lastSeen: ago(90 * DAY), trust: "unencrypted" },
    {
      id: "LONGNAMED",
      name: say(
        "The browser on the old computer in the basement next to the washing machine",
        "地下室洗衣机旁边那台旧电脑上的浏览器，很少用到它",
      ),
      current: false,
      lastSeen: ago(9 * DAY),
      address: "2001:db8:4006:812:0:0:0:200e",
      trust: "verified",
    },
  ];
}

export function fakeAccount(calls: Calls, say: Say, knows: AccountKnows = {}): Account {
  const people = cast(say);
  const all = knows.conversations ?? conversations(say);
  const known = knows.spaces ?? spaces(say);
  const rooms = new Map<string, RoomHandle>();
  const roomOf = (roomId: string): RoomHandle | undefined => {
    const inSpace = known.find(({ id }) => id === roomId);
    const about =
      all.find(({ id }) => id === roomId) ??
      (inSpace && conversation(inSpace.id, inSpace.name, { avatar: inSpace.avatar }));
    if (about === undefined) return undefined;
    const found = rooms.get(roomId) ?? fakeRoom(calls, say, about, knows.rooms?.[roomId]);
    rooms.set(roomId, found);
    return found;
  };
  const person = (userId: string): Person =>
    Object.values(people).find(({ id }) => id === userId) ?? { id: userId, name: userId };
  const list = new Observable(all);
  const spaceList = new Observable(known);
  const saved = new Held(knows.saved ?? []);
  const kept = new Held(knows.gifs ?? gifs(say));
  const packsHere = new Held(knows.packs ?? packs(say));
  const finder = knows.messages ?? (async () => ({ messages: [] }));
  return fake<Account>("", calls, {
    status: new Observable<ConnectionStatus>(knows.status ?? "connected"),
    profile: new Held(knows.profile ?? people.me),
    userId: people.me.id,
    homeserver: "https://example.org",
    person,
    room: roomOf,
    openRoom: async (roomId) => roomOf(roomId),
    reconnect: () => calls.add("reconnect", []),
    watchNotices: () => () => undefined,
    takeOut: async () => new File(["{}"], "account.json"),
    calls: new Observable(knows.inCalls && fakeCalls(calls, knows.inCalls)),
    media: fakeMedia(calls),
    outbox: fake<Outbox>("outbox", calls, { unsent: new Observable(0) }),
    conversations: fake<Conversations>("conversations", calls, {
      list,
      get: (roomId) => all.find(({ id }) => id === roomId),
      describe: (roomId) => all.find(({ id }) => id === roomId),
      directWith: (userId) => all.find(({ peer }) => peer === userId),
    }),
    spaces: fake<Spaces>("spaces", calls, {
      list: spaceList,
      get: (spaceId) => known.find(({ id }) => id === spaceId),
      isSpace: (roomId) => known.some(({ id }) => id === roomId),
      browse: knows.inSpace ?? (async () => ({ rooms: [] })),
      create: async () => "!newspace:example.org",
      above: () => [],
    }),
    contacts: fake<Contacts>("contacts", calls, {
      notes: new Held(knows.notes ?? {}),
      locked: new Held(knows.notesLocked),
      get: (userId) => knows.notes?.[userId],
      onChange: () => () => undefined,
    }),
    persons: fake<Persons>("persons", calls, {
      blocked: new Held(knows.blocked ?? []),
      profiles: new Observable(0),
      details: (userId) => new Held(personDetails(person(userId), knows.persons?.[userId])),
      known: (userId) => person(userId),
      roomsInCommon: knows.roomsInCommon ?? (async () => new Set(all.map(({ id }) => id))),
      invites: new Held<"everybody" | "nobody">("everybody"),
      canLimitInvites: async () => true,
      isBlocked: (userId) => knows.blocked?.includes(userId) === true,
    }),
    directory: fake<Directory>("directory", calls, {
      encryptsByDefault: async () => true,
      searchPeople: async () => [...((await knows.found?.()) ?? [])],
      browseGroups: knows.groups ?? (async () => ({ groups: [] })),
      outline: knows.outline ?? (async () => undefined),
      peek: async () => knows.said ?? [],
      startDirect: async () => "!ana:example.org",
      createGroup: async () => "!newgroup:example.org",
      join: async (target) => target,
      withdraw: async () => true,
      resolve: async () => "!garden:example.org",
    }),
    presence: fake<OwnPresence>("presence", calls, { status: async () => say("Watering the plants", "在浇花") }),
    push: fake<Push>("push", calls, {
      settings: new Held<PushSettings>({
        paused: false,
        direct: "all",
        groups: "mentions",
        mentions: true,
        everybody: true,
        invites: true,
        keywords: [],
        ...knows.push,
      }),
      level: () => new Held<ChatLevel>("default"),
    }),
    webPush: fake<WebPush>("webPush", calls, { state: new Observable<WebPushState>(knows.webPush ?? "on") }),
    saved: fake<Saved>("saved", calls, {
      list: saved,
      has: (id) => saved.get().some((entry) => entry.id === id),
      load: knows.loadSaved ?? (async () => undefined),
    }),
    packs: fake<ImagePacks>("packs", calls, { in: () => packsHere, mayEdit: () => knows.mayEditPacks ?? true }),
    gifs: fake<Gifs>("gifs", calls, {
      list: kept,
      has: (mxc) => kept.get().some((gif) => gif.mxc === mxc),
      remove: async (mxc) => kept.set(kept.get().filter((gif) => gif.mxc !== mxc)),
      used: () => undefined,
    }),
    search: fake<Search>("search", calls, {
      status: new Observable<SearchStatus>({
        state: "ready",
        reading: false,
        messages: 4812,
        bytes: 2_400_000,
        oldest: ago(400 * DAY),
        ...knows.search,
      }),
      limits: { block: 100, messages: 100_000, bytes: 64_000_000, waiting: 1000 },
      everywhere: () => finder,
      inRoom: () => finder,
    }),
    encryption: fake<Encryption>("encryption", calls, {
      status: new Observable<EncryptionStatus>({ ...ENCRYPTED, ...knows.encryption }),
      verification: new Observable<Verification | undefined>(undefined),
      ownDevices: new Observable(0),
      sessions: knows.sessions ?? (async () => ownSessions(say)),
      signIns: fake<SignIns>("signIns", calls, { unknown: new Observable(knows.signIns ?? []) }),
      createRecoveryKey: async () => ({
        text: "EsTc 7mRn 4Jq9 wXbZ kP2d Hf8v aLyU 6gNc tD3s QeWo 5iMz rB1x",
        generated: {} as never,
      }),
      unsavedKeys: knows.unsavedKeys ?? (async () => 0),
      importKeys: async () => 128,
      exportKeys: async () => new Blob(["keys"]),
      trust: fake<Trust>("trust", calls, {
        warnings: () => new Observable(knows.warnings ?? []),
        verified: (userId) => new Observable(knows.verified?.includes(userId) === true),
        of: async (userId) => ({ identity: true, verified: knows.verified?.includes(userId) === true }),
      }),
    }),
  });
}
