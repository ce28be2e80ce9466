/**
 * The keys of an encrypted call. Each device makes one for what it sends and hands it to the others in the call by encrypted
 * messages; here those messages are let through to the SDK's manager of keys, and keys on to LiveKit.
 */
import { BaseKeyProvider } from "livekit-client";
import { ClientEvent, type MatrixClient, MatrixEvent } from "matrix-js-sdk/lib/matrix.js";
import type { MatrixRTCSession } from "matrix-js-sdk/lib/matrixrtc/MatrixRTCSession.js";
import type { ReceivedToDeviceMessage } from "matrix-js-sdk/lib/sync-accumulator.js";

const KEY_MESSAGE = "io.element.call.encryption_keys";

/** The SDK's ring of keys for a device: an index is a byte. */
const KEYRING = 256;
/** How many steps a receiver tries where a key has moved on; as other clients have it. */
const RATCHET_WINDOW = 10;

/** Hands keys to LiveKit in the order in which they came. */
export class CallKeys extends BaseKeyProvider {
  private importing: Promise<void> = Promise.resolve();

  constructor() {
    super({ ratchetWindowSize: RATCHET_WINDOW, keyringSize: KEYRING });
  }

  set(key: Uint8Array<ArrayBuffer>, identity: string, index: number): void {
    this.importing = this.importing
      .then(() => crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits", "deriveKey"]))
      .then((material) => this.onSetEncryptionKey(material, identity, index))
      .catch((error: unknown) => console.error("a key of a call cannot be used", error));
  }
}

/** What the SDK's session asks of its client. */
export type SessionClient = ConstructorParameters<typeof MatrixRTCSession>[0];

type Listener = (event: MatrixEvent) => void;

/**
 * The client as a session sees it: of messages between devices it hears only keys that came encrypted, from the very device
 * that they are said to be of. In the clear, or from elsewhere, they would be the server's to choose.
 */
export function sessionClient(client: MatrixClient): SessionClient {
  const wrapped = new Map<Listener, (received: ReceivedToDeviceMessage) => void>();
  const methods = {
    getUserId: () => client.getUserId(),
    getDeviceId: () => client.getDeviceId(),
    sendEvent: client.sendEvent.bind(client),
    sendStateEvent: client.sendStateEvent.bind(client),
    cancelPendingEvent: client.cancelPendingEvent.bind(client),
    encryptAndSendToDevice: client.encryptAndSendToDevice.bind(client),
    decryptEventIfNeeded: client.decryptEventIfNeeded.bind(client),
    _unstable_sendDelayedStateEvent: client._unstable_sendDelayedStateEvent.bind(client),
    _unstable_updateDelayedEvent: client._unstable_updateDelayedEvent.bind(client),
    _unstable_cancelScheduledDelayedEvent: client._unstable_cancelScheduledDelayedEvent.bind(client),
    _unstable_restartScheduledDelayedEvent: client._unstable_restartScheduledDelayedEvent.bind(client),
    _unstable_sendScheduledDelayedEvent: client._unstable_sendScheduledDelayedEvent.bind(client),
    _unstable_sendStickyEvent: client._unstable_sendStickyEvent.bind(client),
    _unstable_sendStickyDelayedEvent: client._unstable_sendStickyDelayedEvent.bind(client),
  };
  const listening = {
    on(type: ClientEvent, listener: Listener) {
      if (type !== ClientEvent.ToDeviceEvent) return listening;
      const hear = (received: ReceivedToDeviceMessage) => {
        if (received.message.type !== KEY_MESSAGE) return;
        void isGenuine(client, received).then((genuine) => {
          if (!wrapped.has(listener)) return;
          if (genuine) listener(new MatrixEvent({ ...received.message }));
          else console.warn("a key of a call was not sent by whom it names");
        });
      };
      wrapped.set(listener, hear);
      client.on(ClientEvent.ReceivedToDeviceMessage, hear);
      return listening;
    },
    off(_type: ClientEvent, listener: Listener) {
      const hear = wrapped.get(listener);
      wrapped.delete(listener);
      if (hear !== undefined) client.off(ClientEvent.ReceivedToDeviceMessage, hear);
      return listening;
    },
  };
  return { ...methods, ...listening } as unknown as SessionClient;
}

/** Whether a key was encrypted by the device that it says it is of. */
export async function isGenuine(
  client: Pick<MatrixClient, "getCrypto">,
  { message, encryptionInfo }: ReceivedToDeviceMessage,
): Promise<boolean> {
  const { sender, content } = message;
  const claimed: unknown = (content.member as { claimed_device_id?: unknown } | undefined)?.claimed_device_id;
  if (encryptionInfo === null || encryptionInfo.sender !== sender || typeof claimed !== "string") return false;
  if (encryptionInfo.senderDevice !== undefined) return encryptionInfo.senderDevice === claimed;
  // The engine had not heard of the device when its message came: by now the server can be asked.
  const devices = await client
    .getCrypto()
    ?.getUserDeviceInfo([sender], true)
    .catch(() => undefined);
  return devices?.get(sender)?.get(claimed)?.getIdentityKey() === encryptionInfo.senderCurve25519KeyBase64;
}
