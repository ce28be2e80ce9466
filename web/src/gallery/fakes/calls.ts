/** Calls, as the views find them: who is in one, and what rings. Pictures have to be imagined. */
import { Observable } from "../../lib/observable.ts";
import type { Calls } from "../../matrix/calls/calls.ts";
import type { Rings } from "../../matrix/calls/rings.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallParticipant, CallState, Ring, RoomCall } from "../../matrix/calls/types.ts";
import type { Person } from "../../matrix/types.ts";
import { type Calls as Recorded, fake, Held } from "./fake.ts";
import { cast } from "./people.ts";
import { ago, MINUTE, type Say } from "./world.ts";

export const NO_CALL: RoomCall = { people: [], since: 0, video: false, elsewhere: false, may: "yes" };

export function participant(person: Person, part: Partial<CallParticipant> = {}): CallParticipant {
  return {
    key: `${person.id}:PHONE`,
    person,
    ...(person.me === true ? { me: true as const } : {}),
    connecting: false,
    microphone: true,
    camera: false,
    screen: false,
    speaking: false,
    quality: "good",
    ...part,
  };
}

export function callState(say: Say, part: Partial<CallState> = {}): CallState {
  const { me, ana } = cast(say);
  return {
    phase: "connected",
    ringing: false,
    encrypted: true,
    since: ago(12 * MINUTE),
    me: participant({ ...me, me: true }),
    others: [participant(ana)],
    maySpeak: true,
    deviceProblem: {},
    silenced: false,
    reactions: [],
    ...part,
  };
}

export interface SessionKnows {
  roomId: string;
  state: CallState;
  direct: boolean;
}

function fakeSession(calls: Recorded, { roomId, state, direct }: SessionKnows): CallSession {
  return fake<CallSession>("session", calls, {
    roomId,
    direct,
    state: new Held(state),
    show: () => () => undefined,
    devices: async (kind) => [
      { id: "default", name: "Default" },
      { id: `${kind}-2`, name: kind === "camera" ? "HD Webcam C920" : "" },
    ],
    device: () => "default",
  });
}

/** What a story says about calls. */
export interface CallsKnow {
  /** By id; a room that is not named has no call. */
  rooms?: Readonly<Record<string, Partial<RoomCall>>>;
  /** The call that one is in. */
  session?: SessionKnows;
  rings?: readonly Ring[];
}

export function fakeCalls(calls: Recorded, knows: CallsKnow = {}): Calls {
  const rooms = new Map<string, Held<RoomCall>>();
  const current = new Observable(knows.session && fakeSession(calls, knows.session));
  return fake<Calls>("calls", calls, {
    current,
    rings: fake<Rings>("rings", calls, { list: new Observable(knows.rings ?? []) }),
    room: (roomId) => {
      const found = rooms.get(roomId) ?? new Held<RoomCall>({ ...NO_CALL, ...knows.rooms?.[roomId] });
      rooms.set(roomId, found);
      return found;
    },
    dismiss: () => current.set(undefined),
  });
}
