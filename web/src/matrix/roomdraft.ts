/**
 * What was typed in a room and not sent, as it follows the account. It is sealed where the secret storage is set up. Before
 * that, nothing that is typed in an encrypted room leaves this device.
 */
import { type MatrixClient, type MatrixEvent, type Room, RoomEvent } from "matrix-js-sdk/lib/matrix.js";
import { isSealed, type Sealing } from "./crypto/sealing.ts";
import { ProblemError } from "./errors.ts";
import type { Envelope } from "./synced.ts";

export interface RemoteDraft {
  text: string;
  /** When it was typed, in milliseconds since the epoch, by the clock of the device. */
  time: number;
}

/** The type of the room account data; the name is this client's own. */
const TYPE = "im2.draft";
/** Takes the place of a draft without counting as a newer one. */
const NOTHING: RemoteDraft = { text: "", time: 0 };

export class RoomDraft {
  private readonly envelope: Envelope;
  private draft: RemoteDraft | undefined;
  /** Kept until it can be sealed. */
  private waiting: RemoteDraft | undefined;
  private working: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly sealing: Sealing,
  ) {
    this.envelope = sealing.envelope(TYPE, room.roomId);
  }

  /** What another device of the account has left here, as far as it has been read. */
  get(): RemoteDraft | undefined {
    return this.draft;
  }

  /** Reads it, and again whenever it or the key changes, until the returned function is called. */
  watch(changed: () => void): () => void {
    const read = () => void this.read().then(changed);
    const onData = (event: MatrixEvent) => event.getType() === TYPE && read();
    this.room.on(RoomEvent.AccountData, onData);
    const stop = this.sealing.onChange(() => {
      if (this.waiting !== undefined) void this.keep(this.waiting).catch(() => undefined);
      read();
    });
    read();
    return () => {
      this.room.off(RoomEvent.AccountData, onData);
      stop();
    };
  }

  /** Seals what lies on the server in the clear, from before anything was set up. */
  static async sealAll(client: MatrixClient, sealing: Sealing): Promise<void> {
    if (!sealing.wanted || sealing.state.get() !== "ready") return;
    for (const room of client.getRooms()) {
      const content = room.getAccountData(TYPE)?.getContent();
      if (content !== undefined && !isSealed(content)) await new RoomDraft(client, room, sealing).read();
    }
  }

  /** Keeps a draft for the other devices. Rejects where it has to be sealed and cannot be yet. */
  async keep(draft: RemoteDraft): Promise<void> {
    if (!this.sealing.wanted && this.room.hasEncryptionStateEvent()) return;
    this.waiting = draft;
    await this.inTurn(async () => {
      await this.readNow();
      const before = this.draft;
      const same = before?.text === draft.text || (before === undefined && draft.text === "");
      if (!same) await this.write(draft);
      if (this.waiting === draft) this.waiting = undefined;
    });
  }

  private read(): Promise<void> {
    return this.inTurn(() => this.readNow());
  }

  /** One after the other, so that what was read last is what stands. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.working.then(work);
    this.working = done.catch(() => undefined);
    return done;
  }

  private async readNow(): Promise<void> {
    const content = this.stored();
    let [contents, outdated] = [[content] as readonly object[], this.sealing.wanted];
    if (isSealed(content)) ({ contents, outdated } = await this.envelope.open(content));
    let [draft] = contents.flatMap((opened) => readDraft(opened) ?? []).sort((a, b) => b.time - a.time);
    const legible = draft !== undefined && draft.text !== "";
    // The server has no say in what stands in the box of an encrypted room.
    if (this.room.hasEncryptionStateEvent() && !isSealed(content)) draft = undefined;
    this.draft = draft;
    if (outdated && legible) await this.write(draft ?? NOTHING).catch(() => undefined);
  }

  private async write(draft: RemoteDraft): Promise<void> {
    const content = await this.envelope.seal(draft, await this.envelope.open(this.stored()));
    if (content === undefined) throw new ProblemError({ kind: "no-encryption" });
    await this.client.setRoomAccountData(this.room.roomId, TYPE as never, content as never);
  }

  private stored(): object {
    return this.room.getAccountData(TYPE)?.getContent() ?? {};
  }
}

function readDraft(content: object): RemoteDraft | undefined {
  const { text, time } = content as Record<string, unknown>;
  return typeof text === "string" && typeof time === "number" ? { text, time } : undefined;
}
