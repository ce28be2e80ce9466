/**
 * The media of a call: the connection to the unit that forwards them, what this device sends, and what it receives. Knows
 * LiveKit, and nothing of Matrix.
 */
import {
  type AudioCaptureOptions,
  ConnectionError,
  ConnectionErrorReason,
  ConnectionQuality as Quality,
  DisconnectReason,
  type LocalTrackPublication,
  MediaDeviceFailure,
  type Participant,
  type RemoteTrackPublication,
  Room,
  RoomEvent,
  setLogLevel,
  Track,
  type TrackPublication,
  VideoPresets,
} from "livekit-client";
import { startWorker } from "../workers.ts";
import type { Ticket } from "./ticket.ts";
import type { CallKeys } from "./keys.ts";
import type {
  CallProblem,
  CallState,
  ConnectionQuality,
  DeviceKind,
  DeviceProblem,
  JoinOptions,
  MediaDevice,
} from "./types.ts";

/** Of a device in the call, its media. */
export interface Sender {
  identity: string;
  microphone: boolean;
  camera: boolean;
  screen: boolean;
  speaking: boolean;
  quality: ConnectionQuality;
  unreadable?: "no-key" | "not-encrypted";
}

export interface SoundOptions {
  noiseSuppression: boolean;
  echoCancellation: boolean;
}

type Source = "camera" | "screen";

const QUALITY: Readonly<Record<Quality, ConnectionQuality>> = {
  [Quality.Excellent]: "good",
  [Quality.Good]: "fair",
  [Quality.Poor]: "poor",
  [Quality.Lost]: "lost",
  [Quality.Unknown]: "unknown",
};

const KIND: Readonly<Record<DeviceKind, MediaDeviceKind>> = {
  microphone: "audioinput",
  camera: "videoinput",
  speaker: "audiooutput",
};

/** What changes anything that is shown. */
const NEWS = [
  RoomEvent.ConnectionStateChanged,
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.AudioPlaybackStatusChanged,
  RoomEvent.ParticipantPermissionsChanged,
] as const;

/** One that keeps asking for a decrypted picture has a pause of this between two complaints, in milliseconds. */
const UNREADABLE_FOR = 3_000;

export class CallMedia {
  readonly room: Room;
  readonly deviceProblem: Partial<Record<"microphone" | "camera" | "screen", DeviceProblem>> = {};
  private readonly worker: Worker | undefined;
  private readonly sounds = new Map<string, HTMLMediaElement>();
  /** Whose media could not be decrypted, and when that was last so. */
  private readonly unreadable = new Map<string, number>();
  private closing = false;

  constructor(
    keys: CallKeys | undefined,
    options: JoinOptions,
    private sound: SoundOptions,
    private readonly changed: () => void,
    /** The connection has ended for good, or until it is made anew. */
    private readonly onLost: (reason: DisconnectReason | undefined) => void,
  ) {
    setLogLevel("warn");
    this.worker = keys === undefined ? undefined : startWorker("calls");
    this.room = new Room({
      adaptiveStream: true,
      dynacast: true,
      // The session leaves in its own order.
      disconnectOnPageLeave: false,
      audioCaptureDefaults: { ...this.capture(), deviceId: options.microphoneId },
      videoCaptureDefaults: { deviceId: options.cameraId, resolution: VideoPresets.h720.resolution },
      audioOutput: { deviceId: options.speakerId },
      publishDefaults: { simulcast: true, videoCodec: "vp8", red: true, dtx: true },
      ...(keys === undefined || this.worker === undefined ? {} : { e2ee: { keyProvider: keys, worker: this.worker } }),
    });
    this.listen();
  }

  get encrypts(): boolean {
    return this.worker !== undefined;
  }

  /** Comes before everything else: LiveKit would wait for tracks that wait for the connection. */
  async prepare(): Promise<void> {
    if (this.encrypts) await this.room.setE2EEEnabled(true);
  }

  async connect({ url, jwt }: Ticket): Promise<void> {
    await this.room.connect(url, jwt, { maxRetries: 2 });
  }

  async close(): Promise<void> {
    this.closing = true;
    for (const element of this.sounds.values()) element.remove();
    this.sounds.clear();
    await this.room.disconnect(true);
    this.worker?.terminate();
  }

  get connection(): CallState["phase"] {
    const { state } = this.room;
    if (state === "connected") return "connected";
    return state === "connecting" ? "connecting" : "reconnecting";
  }

  get maySpeak(): boolean {
    return this.room.localParticipant.permissions?.canPublish !== false;
  }

  get silenced(): boolean {
    return !this.room.canPlaybackAudio;
  }

  async playSound(): Promise<void> {
    await this.room.startAudio();
  }

  async setMicrophone(on: boolean): Promise<void> {
    await this.use("microphone", () => this.room.localParticipant.setMicrophoneEnabled(on));
  }

  async setCamera(on: boolean): Promise<void> {
    await this.use("camera", () => this.room.localParticipant.setCameraEnabled(on));
  }

  /** Asks which screen or window to show, with its sound where the browser can. */
  async setScreen(on: boolean): Promise<void> {
    const { mediaDevices } = navigator as { mediaDevices?: Partial<MediaDevices> };
    if (on && mediaDevices?.getDisplayMedia === undefined) {
      this.deviceProblem.screen = "unsupported";
      return this.changed();
    }
    const options = { audio: true, selfBrowserSurface: "include", surfaceSwitching: "include" } as const;
    await this.use("screen", () => this.room.localParticipant.setScreenShareEnabled(on, options));
    // Whoever thinks better of it has not been refused anything.
    if (this.deviceProblem.screen === "blocked") delete this.deviceProblem.screen;
    this.changed();
  }

  async setSound(sound: SoundOptions): Promise<void> {
    this.sound = sound;
    const track = this.room.localParticipant.getTrackPublication(Track.Source.Microphone)?.audioTrack;
    Object.assign(this.room.options.audioCaptureDefaults ?? {}, this.capture());
    if (track !== undefined && "restartTrack" in track) await track.restartTrack(this.capture());
  }

  async devices(kind: DeviceKind): Promise<readonly MediaDevice[]> {
    const found = await Room.getLocalDevices(KIND[kind], false);
    return found
      .filter(({ deviceId }) => deviceId !== "")
      .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
  }

  device(kind: DeviceKind): string | undefined {
    return this.room.getActiveDevice(KIND[kind]);
  }

  async setDevice(kind: DeviceKind, id: string): Promise<void> {
    const use = () => this.room.switchActiveDevice(KIND[kind], id);
    if (kind === "speaker") await use();
    else await this.use(kind, use);
  }

  /** Everybody whose media are here, with this device in front. */
  senders(): readonly Sender[] {
    const { localParticipant, remoteParticipants } = this.room;
    return [localParticipant, ...remoteParticipants.values()].map((participant) => this.describe(participant));
  }

  /** Whether nothing is sent or shown that others could read. */
  get allEncrypted(): boolean {
    if (!this.encrypts || !this.room.isE2EEEnabled) return false;
    const { localParticipant, remoteParticipants } = this.room;
    const all = [localParticipant, ...remoteParticipants.values()];
    return all.every((one) => [...one.trackPublications.values()].every((track) => track.isEncrypted));
  }

  /** Shows a picture of somebody in an element; the returned function takes it out again. */
  show(identity: string, source: Source, element: HTMLVideoElement): () => void {
    const publication = this.participant(identity)?.getTrackPublication(
      source === "camera" ? Track.Source.Camera : Track.Source.ScreenShare,
    );
    const track = publication?.videoTrack;
    if (publication === undefined || track === undefined || !this.isShown(publication)) return () => undefined;
    track.attach(element);
    return () => track.detach(element);
  }

  private capture(): AudioCaptureOptions {
    return { ...this.sound, autoGainControl: true };
  }

  /** Does something with a device. Where that fails, the call goes on without it, and says why. */
  private async use(kind: "microphone" | "camera" | "screen", action: () => Promise<unknown>): Promise<void> {
    try {
      delete this.deviceProblem[kind];
      await action();
    } catch (error) {
      this.deviceProblem[kind] = deviceProblemOf(error);
    }
    this.changed();
  }

  private participant(identity: string): Participant | undefined {
    const { localParticipant, remoteParticipants } = this.room;
    return identity === localParticipant.identity ? localParticipant : remoteParticipants.get(identity);
  }

  private describe(participant: Participant): Sender {
    const { identity, isSpeaking, connectionQuality } = participant;
    const sends = (source: Track.Source) => {
      const publication = participant.getTrackPublication(source);
      return publication !== undefined && !publication.isMuted && this.isShown(publication);
    };
    const pictures = (source: Track.Source) =>
      sends(source) && participant.getTrackPublication(source)?.track !== undefined;
    const unreadable = this.unreadableOf(participant);
    return {
      identity,
      microphone: sends(Track.Source.Microphone),
      camera: pictures(Track.Source.Camera),
      screen: pictures(Track.Source.ScreenShare),
      speaking: isSpeaking && sends(Track.Source.Microphone),
      quality: QUALITY[connectionQuality],
      ...(unreadable === undefined ? {} : { unreadable }),
    };
  }

  private unreadableOf(participant: Participant): Sender["unreadable"] {
    if (!this.encrypts || participant.isLocal) return undefined;
    if ([...participant.trackPublications.values()].some((track) => !track.isEncrypted)) return "not-encrypted";
    const since = this.unreadable.get(participant.identity);
    return since !== undefined && Date.now() - since < UNREADABLE_FOR ? "no-key" : undefined;
  }

  /** In an encrypted call what came in the clear may be anybody's, so nobody sees or hears it. */
  private isShown(publication: TrackPublication): boolean {
    return !this.encrypts || publication.isEncrypted;
  }

  private listen(): void {
    const { room } = this;
    for (const event of NEWS) room.on(event, () => this.changed());
    room.on(RoomEvent.TrackPublished, (publication) => this.refuseClear(publication));
    room.on(RoomEvent.TrackSubscribed, (track, publication) => {
      if (track.kind === Track.Kind.Audio && this.isShown(publication)) this.hear(publication);
    });
    room.on(RoomEvent.TrackUnsubscribed, (track, { trackSid }) => {
      for (const element of track.detach()) element.remove();
      this.sounds.delete(trackSid);
    });
    room.on(RoomEvent.EncryptionError, (_error, participant) => {
      if (participant === undefined) return;
      this.unreadable.set(participant.identity, Date.now());
      setTimeout(this.changed, UNREADABLE_FOR + 50);
      this.changed();
    });
    room.on(RoomEvent.ParticipantEncryptionStatusChanged, (_on, participant) => {
      if (participant !== undefined) this.unreadable.delete(participant.identity);
      this.changed();
    });
    // Ended by the browser's own bar, or because the device is gone.
    room.on(RoomEvent.LocalTrackUnpublished, ({ source }: LocalTrackPublication) => {
      if (source === Track.Source.ScreenShare) this.changed();
    });
    room.on(RoomEvent.Disconnected, (reason) => {
      if (!this.closing) this.onLost(reason);
    });
  }

  private refuseClear(publication: RemoteTrackPublication): void {
    if (!this.isShown(publication)) publication.setSubscribed(false);
  }

  private hear(publication: RemoteTrackPublication): void {
    const element = publication.track?.attach();
    if (element === undefined) return;
    element.hidden = true;
    document.body.append(element);
    this.sounds.set(publication.trackSid, element);
  }
}

function deviceProblemOf(error: unknown): DeviceProblem {
  switch (MediaDeviceFailure.getFailure(error)) {
    case MediaDeviceFailure.NotFound:
      return "missing";
    case MediaDeviceFailure.DeviceInUse:
      return "busy";
    case MediaDeviceFailure.PermissionDenied:
      return "blocked";
    default:
      return "unsupported";
  }
}

/** Why a connection failed, in the terms of the client. */
export function connectProblemOf(error: unknown): CallProblem {
  if (!(error instanceof ConnectionError)) return "failed";
  switch (error.reason) {
    case ConnectionErrorReason.NotAllowed:
      return error.status === 503 || error.status === 429 ? "full" : "refused";
    case ConnectionErrorReason.ServiceNotFound:
      return "refused";
    case ConnectionErrorReason.LeaveRequest:
      return lossOf(error.context as DisconnectReason) ?? "failed";
    default:
      return "unreachable";
  }
}

/** What a lost connection means; nothing where it is worth making it anew. */
export function lossOf(reason: DisconnectReason | undefined): CallProblem | undefined {
  switch (reason) {
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "replaced";
    case DisconnectReason.PARTICIPANT_REMOVED:
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return "removed";
    default:
      return undefined;
  }
}
