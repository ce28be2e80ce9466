// End-to-end encryption: groups, verification by emoji, new devices, key backup and secret storage.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import {
    becomes,
    encryptedRoomOf,
    encryptingDevice,
    encryptingPerson,
    know,
    next,
    Notebook,
    reads,
    recover,
    say,
    setUpCrossSigning,
    setUpRecovery,
    verifyByEmoji,
} from "./encryption.mjs";
import { eventually } from "./support.mjs";

/** Where account data keeps what secret storage holds. */
const SECRETS = [
    "m.secret_storage.default_key",
    "m.cross_signing.master",
    "m.cross_signing.self_signing",
    "m.cross_signing.user_signing",
    "m.megolm_backup.v1",
];

test("a group exchanges encrypted messages, with those who come later too", async () => {
    const people = [await encryptingPerson("ana"), await encryptingPerson("ben"), await encryptingPerson("eva")];
    const [ana, ben, eva] = people;
    const roomId = await encryptedRoomOf(ana, ben, eva);
    for (const sender of people) await say(sender, roomId, `from ${sender.getUserId()} 你好`, ...people);
    const tablet = await encryptingDevice(ben);
    await eventually(tablet, "the room", () => tablet.getRoom(roomId)?.getMyMembership() === "join");
    await know(tablet, ana, eva, ben);
    await say(ana, roomId, "to all of ben's devices", ben, tablet, eva);
    await say(tablet, roomId, "from the new one", ana, ben, eva);
    const dora = await encryptingPerson("dora");
    await ana.invite(roomId, dora.getUserId());
    await eventually(dora, "the invitation", () => dora.getRoom(roomId)?.getMyMembership() === "invite");
    await dora.joinRoom(roomId);
    await eventually(ben, "dora", () => ben.getRoom(roomId).getMember(dora.getUserId())?.membership === "join");
    await say(ben, roomId, "welcome, dora", ana, eva, dora, tablet);
    await ana.kick(roomId, dora.getUserId());
    await eventually(eva, "dora's leaving", () => eva.getRoom(roomId).getMember(dora.getUserId())?.membership === "leave");
    await say(eva, roomId, "among us", ana, ben, tablet);
});

test("two people verify each other by emoji", async () => {
    const [ana, ben] = [await encryptingPerson("ana"), await encryptingPerson("ben")];
    await setUpCrossSigning(ana);
    await setUpCrossSigning(ben);
    const roomId = await encryptedRoomOf(ana, ben);
    await say(ana, roomId, "is it you?", ben);
    await verifyByEmoji(ana, (crypto) => crypto.requestVerificationDM(ben.getUserId(), roomId), ben);
    for (const [one, other] of [[ana, ben], [ben, ana]]) {
        await becomes(one, "trust in the other", async () =>
            (await one.getCrypto().getUserVerificationStatus(other.getUserId())).isCrossSigningVerified());
        await becomes(one, "trust in their device", async () =>
            (await one.getCrypto().getDeviceVerificationStatus(other.getUserId(), other.getDeviceId())).isVerified());
    }
    await say(ben, roomId, "it is me", ana);

    // A device that ben signs later is trusted without another look at emoji.
    const tablet = await encryptingDevice(ben);
    await verifyByEmoji(tablet, (crypto) => crypto.requestOwnUserVerification(), ben);
    await say(tablet, roomId, "and this is mine", ana, ben);
    await becomes(ana, "trust in the new device", async () =>
        (await ana.getCrypto().getDeviceVerificationStatus(ben.getUserId(), tablet.getDeviceId()))?.isVerified());
});

test("a new device is restored from secret storage and key backup and reads history", async () => {
    const notebook = new Notebook();
    const [ana, ben] = [await encryptingPerson("ana", { notebook }), await encryptingPerson("ben")];
    await setUpCrossSigning(ana);
    await setUpRecovery(ana);
    const roomId = await encryptedRoomOf(ana, ben);
    const before = [await say(ana, roomId, "first", ben), await say(ben, roomId, "second", ana)];
    // The SDK remembers what it was told of the backup, so the server is asked.
    await becomes(ana, "the backup of both keys", async () => (await ana.http.authedRequest("GET", "/room_keys/version")).count === 2);
    ana.stopClient();

    const phone = await encryptingDevice(ana, { notebook });
    for (const type of SECRETS.concat(`m.secret_storage.key.${notebook.keyId}`)) {
        const content = await phone.getAccountDataFromServer(type);
        assert.ok(content && Object.keys(content).length > 0, type);
        assert.deepEqual(content, ana.getAccountData(type).getContent(), type);
    }
    await recover(phone);
    await phone.getCrypto().loadSessionBackupPrivateKeyFromSecretStorage();
    assert.ok((await phone.getCrypto().checkKeyBackupAndEnable()).trustInfo.trusted);
    const { imported, total } = await phone.getCrypto().restoreKeyBackup();
    assert.deepEqual([imported, total], [2, 2]);
    const bodies = [];
    for (const eventId of before) bodies.push((await reads(phone, roomId, eventId)).body);
    assert.deepEqual(bodies, ["first", "second"]);
    const own = await phone.getCrypto().getDeviceVerificationStatus(phone.getUserId(), phone.getDeviceId());
    assert.equal(own.crossSigningVerified, true);
    await say(phone, roomId, "from the new device", ben);
});

test("a new device that is verified by another one gets its secrets", async () => {
    const ana = await encryptingPerson("ana");
    await setUpCrossSigning(ana);
    const notebook = new Notebook();
    const phone = await encryptingDevice(ana, { notebook });
    assert.equal(await phone.getCrypto().isCrossSigningReady(), false);
    await verifyByEmoji(phone, (crypto) => crypto.requestOwnUserVerification(), ana);
    await becomes(phone, "the secrets", async () => {
        const { privateKeysCachedLocally: cached } = await phone.getCrypto().getCrossSigningStatus();
        return cached.masterKey && cached.selfSigningKey && cached.userSigningKey;
    });
});

test("what is sent while nobody of a person's devices is there waits in a dehydrated one", async () => {
    const notebook = new Notebook();
    const [ana, ben] = [await encryptingPerson("ana", { notebook }), await encryptingPerson("ben")];
    await setUpCrossSigning(ana);
    await setUpRecovery(ana);
    assert.equal(await ana.getCrypto().isDehydrationSupported(), true);
    await ana.getCrypto().startDehydration();
    const roomId = await encryptedRoomOf(ana, ben);
    await becomes(ben, "the dehydrated device", async () => {
        const devices = await ben.getCrypto().getUserDeviceInfo([ana.getUserId()]);
        return [...devices.get(ana.getUserId()).values()].some((device) => device.dehydrated);
    });
    await say(ana, roomId, "good bye", ben);
    ana.stopClient();
    await ana.logout();
    await ben.getCrypto().forceDiscardSession(roomId);
    const { event_id: eventId } = await ben.sendTextMessage(roomId, "while you have no device");

    const phone = await encryptingDevice(ana, { notebook });
    await recover(phone);
    const rehydrated = next(phone, CryptoEvent.RehydrationCompleted);
    await phone.getCrypto().startDehydration();
    await rehydrated;
    assert.equal((await reads(phone, roomId, eventId)).body, "while you have no device");
});
