// Encryption while the server is stopped and killed: nobody becomes unable to read.

import { test } from "node:test";
import { becomes, encryptedRoomOf, encryptingDevice, encryptingPerson, know, reads, say, setUpCrossSigning, verifyByEmoji } from "./encryption.mjs";
import { Line, Server } from "./server.mjs";

// By hand, against a server that somebody else runs, there is nothing to kill.
const options = { skip: process.env.IM2_BINARY ? false : "IM2_BINARY does not name an executable to run and kill" };

test("a kill and a restart in the middle of a conversation lose nothing", options, async () => {
    const server = await Server.start();
    const at = { baseUrl: server.baseUrl };
    const line = new Line();
    const ana = await encryptingPerson("ana", at);
    const ben = await encryptingPerson("ben", { ...at, fetchFn: line.fetch });
    const everybody = [ana, ben];
    const back = () => everybody.forEach((each) => each.retryImmediately());
    const roomId = await encryptedRoomOf(ana, ben);
    await say(ana, roomId, "before", ben);

    // A new session's keys are on their way, and ben does not fetch them before the server is killed.
    line.isCut = true;
    await ana.getCrypto().forceDiscardSession(roomId);
    const { event_id: unread } = await ana.sendTextMessage(roomId, "while ben was away");
    await server.restart("SIGKILL");
    line.isCut = false;
    back();
    await reads(ben, roomId, unread);
    await say(ben, roomId, "after the kill", ana);

    await server.restart("SIGTERM");
    back();
    const tablet = await encryptingDevice(ben, at);
    everybody.push(tablet);
    await know(tablet, ana, ben);
    await say(ana, roomId, "after the restart", ben, tablet);

    for (let round = 0; round < 3; round += 1) {
        await server.restart("SIGKILL");
        back();
        for (const sender of everybody) {
            await sender.getCrypto().forceDiscardSession(roomId);
            await say(sender, roomId, `round ${round}`, ...everybody);
        }
    }
});

test("a verification goes on after the server was killed", options, async () => {
    const server = await Server.start();
    const at = { baseUrl: server.baseUrl };
    const [ana, ben] = [await encryptingPerson("ana", at), await encryptingPerson("ben", at)];
    await setUpCrossSigning(ana);
    await setUpCrossSigning(ben);
    const roomId = await encryptedRoomOf(ana, ben);
    const kill = async () => {
        await server.restart("SIGKILL");
        for (const each of [ana, ben]) each.retryImmediately();
    };
    await verifyByEmoji(ana, (crypto) => crypto.requestVerificationDM(ben.getUserId(), roomId), ben, kill);
    for (const [one, other] of [[ana, ben], [ben, ana]]) {
        await becomes(one, "trust in the other", async () =>
            (await one.getCrypto().getUserVerificationStatus(other.getUserId())).isCrossSigningVerified());
    }
    await kill();
    const tablet = await encryptingDevice(ana, at);
    await verifyByEmoji(tablet, (crypto) => crypto.requestOwnUserVerification(), ana, kill);
    await becomes(ben, "trust in the new device", async () =>
        (await ben.getCrypto().getDeviceVerificationStatus(ana.getUserId(), tablet.getDeviceId()))?.isVerified());
});
