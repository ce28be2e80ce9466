/**
 * The encryption engine's bindings, in a script of their own, `/assets/engine-….js`, so that they are loaded once: by the
 * SDK in the page (`build/engine.ts`), and by the service worker, which reads one message with the keys of a session and
 * lets go of them (`decrypt.ts`).
 */
/// <reference lib="webworker" />
import * as bindings from "../../node_modules/@matrix-org/matrix-sdk-crypto-wasm/pkg/matrix_sdk_crypto_wasm_bg.js";

/** What is to be read, and with which keys. */
export interface Sealed {
  userId: string;
  deviceId: string;
  /** The name and the key of the store, as the client opens it. */
  store: string;
  storeKey: Uint8Array;
  roomId: string;
  /** The event in JSON. */
  event: string;
}

/** What this script leaves in the global scope. */
export interface Engine {
  /** All that the engine's package exports, once it has been started. */
  bindings: typeof bindings;
  /** Starts the engine, where that has not been done. */
  start(wasm: Response | Promise<Response>): Promise<void>;
  /** The event as it was before it was encrypted, in JSON. Rejects where its key is not here. */
  decrypt(sealed: Sealed): Promise<string>;
}

declare const self: { im2Engine?: Engine };

let starting: Promise<void> | undefined;

self.im2Engine = {
  bindings,
  start(wasm) {
    starting ??= instantiate(wasm);
    starting.catch(() => {
      starting = undefined;
    });
    return starting;
  },
  decrypt,
};

async function instantiate(wasm: Response | Promise<Response>): Promise<void> {
  const imports = { "./matrix_sdk_crypto_wasm_bg.js": bindings as unknown as WebAssembly.ModuleImports };
  const { instance } = await WebAssembly.instantiateStreaming(wasm, imports);
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports as { __wbindgen_start(): void }).__wbindgen_start();
}

/** Nothing is asked of the server, and no key is asked for: that is for the client, once it is open. */
async function decrypt({ userId, deviceId, store, storeKey, roomId, event }: Sealed): Promise<string> {
  const { DecryptionSettings, DeviceId, OlmMachine, RoomId, StoreHandle, TrustRequirement, UserId } = bindings;
  const handle = await StoreHandle.openWithKey(store, storeKey);
  const opening = OlmMachine.initFromStore(new UserId(userId), new DeviceId(deviceId), handle);
  const machine = await opening.finally(() => handle.free());
  try {
    machine.roomKeyRequestsEnabled = false;
    const settings = new DecryptionSettings(TrustRequirement.Untrusted);
    const decrypted = await machine.decryptRoomEvent(event, new RoomId(roomId), settings);
    const { event: clear } = decrypted;
    decrypted.free();
    return clear;
  } finally {
    machine.close();
  }
}
