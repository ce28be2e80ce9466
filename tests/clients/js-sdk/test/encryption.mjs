// People with encryption, as the SDK's Rust cryptography does it, and what they do: compare emoji, keep a recovery key.

import assert from "node:assert/strict";
import { ClientEvent } from "matrix-js-sdk";
import { VerificationMethod } from "matrix-js-sdk/lib/types.js";
import { CryptoEvent, VerificationPhase, VerificationRequestEvent, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { eventually, follow, password, register, signIn } from "./support.mjs";

const DEADLINE_MS = 30_000;

/** What a person has written down: the key to their secret storage. */
export class Notebook {
    /** What the SDK asks for when it needs the key, and tells when there is a new one. */
    callbacks() {
        return {
            getSecretStorageKey: async () => (this.key ? [this.keyId, this.key] : null),
            cacheSecretStorageKey: (keyId, _, key) => Object.assign(this, { keyId, key }),
        };
    }
}

async function encrypting(client) {
    await client.initRustCrypto({ useIndexedDB: false });
    await follow(client);
    return client;
}

/** A new user whose client encrypts. What the options hold beyond that is for the SDK. */
export async function encryptingPerson(name, { notebook = new Notebook(), ...options } = {}) {
    return encrypting(await register(name, { ...options, cryptoCallbacks: notebook.callbacks() }));
}

/** The same user on a new device that knows nothing yet. */
export async function encryptingDevice(client, { notebook = new Notebook(), ...options } = {}) {
    return encrypting(await signIn(client.getUserId(), { ...options, cryptoCallbacks: notebook.callbacks() }));
}

/** Gives the user an identity of their own, which signs this device. */
export async function setUpCrossSigning(client) {
    const identifier = { type: "m.id.user", user: client.getUserId() };
    await client.getCrypto().bootstrapCrossSigning({
        authUploadDeviceSigningKeys: (upload) => upload({ type: "m.login.password", identifier, password }),
    });
    assert.equal(await client.getCrypto().isCrossSigningReady(), true);
}

/** Puts the user's secrets into secret storage, and begins a key backup. */
export async function setUpRecovery(client) {
    await client.getCrypto().bootstrapSecretStorage({
        createSecretStorageKey: () => client.getCrypto().createRecoveryKeyFromPassphrase(),
        setupNewKeyBackup: true,
    });
    assert.equal(await client.getCrypto().isSecretStorageReady(), true);
}

/** Takes the user's identity out of secret storage, and signs this device with it. */
export async function recover(client) {
    // The SDK takes private keys only for public ones that it has looked up.
    await becomes(client, "the public keys", () => client.getCrypto().userHasCrossSigningKeys(client.getUserId(), true));
    assert.equal(await client.getCrypto().isCrossSigningReady(), false);
    await client.getCrypto().bootstrapCrossSigning({});
    assert.equal(await client.getCrypto().isCrossSigningReady(), true);
}

/** Makes an encrypted room with everybody in it who is named. */
export async function encryptedRoomOf(creator, ...others) {
    const { room_id: roomId } = await creator.createRoom({
        preset: "private_chat",
        invite: others.map((each) => each.getUserId()),
        initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
    });
    for (const other of others) {
        await eventually(other, "the invitation", () => other.getRoom(roomId)?.getMyMembership() === "invite");
        await other.joinRoom(roomId);
    }
    for (const each of [creator, ...others]) {
        await eventually(each, "all members", () => each.getRoom(roomId)?.getJoinedMembers().length === others.length + 1);
        assert.equal(await each.getCrypto().isEncryptionEnabledInRoom(roomId), true);
    }
    return roomId;
}

/** Waits until the client has decrypted an event and gives its content. */
export async function reads(client, roomId, eventId) {
    return eventually(client, `the content of ${eventId}`, () => {
        const event = client.getRoom(roomId)?.findEventById(eventId);
        assert.notEqual(event?.getWireType(), "m.room.message", "it was sent without encryption");
        // The room key may come after the message; then the SDK tries again by itself.
        return event?.getType() === "m.room.message" && !event.isDecryptionFailure() && event.getClearContent();
    });
}

/** Says something in an encrypted room and waits until everybody has read it. */
export async function say(sender, roomId, body, ...readers) {
    const { event_id: eventId } = await sender.sendTextMessage(roomId, body);
    for (const reader of readers) assert.equal((await reads(reader, roomId, eventId)).body, body);
    return eventId;
}

/** Like `eventually`, for what the SDK has to be asked for: asks again after each sync and each change of trust. */
export async function becomes(client, what, ask) {
    const deadline = Date.now() + DEADLINE_MS;
    const signals = [
        ClientEvent.Sync,
        CryptoEvent.UserTrustStatusChanged,
        CryptoEvent.KeysChanged,
        CryptoEvent.DevicesUpdated,
        CryptoEvent.KeyBackupSessionsRemaining,
    ];
    for (;;) {
        let signal;
        const changed = new Promise((resolve) => {
            signal = resolve;
            for (const each of signals) client.once(each, signal);
        });
        const value = await ask();
        if (!value) await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, DEADLINE_MS).unref())]);
        for (const each of signals) client.off(each, signal);
        if (value) return value;
        assert.ok(Date.now() < deadline, `${client.getUserId()} waited in vain for ${what}`);
    }
}

/** Waits until the clients have heard of a device. */
export async function know(device, ...clients) {
    for (const client of clients) {
        await becomes(client, "a new device", async () => {
            const devices = await client.getCrypto().getUserDeviceInfo([device.getUserId()]);
            return devices.get(device.getUserId())?.has(device.getDeviceId());
        });
    }
}

/** The next value of an emitter's event. */
export function next(emitter, event, what = event) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), DEADLINE_MS);
        emitter.once(event, (value) => {
            clearTimeout(timer);
            resolve(value);
        });
    });
}

/** Waits until a verification request is in this phase. */
async function inPhase(request, phase) {
    while (request.phase !== phase) {
        assert.notEqual(request.phase, VerificationPhase.Cancelled, `cancelled: ${request.cancellationCode}`);
        await next(request, VerificationRequestEvent.Change, `the verification's ${VerificationPhase[phase]} phase`);
    }
}

/** What verifications are made of, as long as they go on: the SDK keeps only weak references, and ends up with none. */
const underWay = new Set();

/**
 * Two clients verify each other: `ask` makes the first one's request, the other accepts, and both confirm the emoji if
 * they are the same. `between` runs while both look at them.
 */
export async function verifyByEmoji(first, ask, other, between = async () => {}) {
    // The SDK ignores what comes from a device whose keys it has not looked up.
    await know(first, other);
    await know(other, first);
    const received = next(other, CryptoEvent.VerificationRequestReceived);
    const request = await ask(first.getCrypto());
    const incoming = await received;
    await incoming.accept();
    await inPhase(request, VerificationPhase.Ready);
    const verifier = await request.startVerification(VerificationMethod.Sas);
    await inPhase(incoming, VerificationPhase.Started);
    const both = [verifier, incoming.verifier];
    const kept = [request, incoming, ...both];
    underWay.add(kept);
    const shown = both.map((each) => next(each, VerifierEvent.ShowSas));
    const verified = Promise.all(both.map((each) => each.verify()));
    const [mine, theirs] = await Promise.all(shown);
    assert.equal(mine.sas.emoji.length, 7);
    assert.deepEqual(mine.sas.emoji, theirs.sas.emoji);
    await between();
    await Promise.all([mine.confirm(), theirs.confirm()]);
    await verified;
    underWay.delete(kept);
}
