// People for the tests: matrix-js-sdk clients of users that only one test knows, and a way to wait for what they see.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";

// The SDK's own log would hide the results; the loggers it derives later take this factory over.
logger.methodFactory = () => () => {};
logger.rebuild();

// The SDK is written for Node 22; this is all that Node 20 lacks of what it uses.
Promise.withResolvers ??= function withResolvers() {
    const handle = {};
    handle.promise = new this((resolve, reject) => Object.assign(handle, { resolve, reject }));
    return handle;
};

export const baseUrl = process.env.IM2_BASE_URL;
assert.ok(baseUrl, "IM2_BASE_URL names the server to test");

export const password = "correct horse battery staple";
const DEADLINE_MS = 30_000;

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => silent };
const running = new Set();

after(() => {
    for (const client of running) client.stopClient();
});

/** A client that belongs to nobody yet, or to whom the options say. */
export function connect(options = {}) {
    return sdk.createClient({ baseUrl, logger: silent, ...options });
}

export function localpart(name) {
    return `${name}-${randomBytes(6).toString("hex")}`;
}

/** Registers a new user; the client does not sync yet. */
export async function register(name, options = {}) {
    const answer = await connect(options).register(localpart(name), password, null, { type: "m.login.dummy" });
    return signedIn(answer, options);
}

/** Signs in to an account on a new device; the client does not sync yet. */
export async function signIn(userId, options = {}) {
    const identifier = { type: "m.id.user", user: userId };
    return signedIn(await connect(options).loginRequest({ type: "m.login.password", identifier, password }), options);
}

/** A client from the answer to a registration or a login. */
export function signedIn({ user_id: userId, access_token: accessToken, device_id: deviceId }, options = {}) {
    return connect({ ...options, userId, accessToken, deviceId });
}

/** A new user whose client follows /sync until the test file ends. */
export async function person(name) {
    const client = await register(name);
    await follow(client);
    return client;
}

/** The same user on another device, whose client follows /sync. */
export async function secondDevice(client) {
    const second = await signIn(client.getUserId());
    await follow(second);
    return second;
}

/** Starts following /sync and waits for the first answer. */
export async function follow(client) {
    running.add(client);
    await client.startClient({ initialSyncLimit: 20, pollTimeout: 10_000, disableVoip: true });
    await eventually(client, "the first sync", () => client.isInitialSyncComplete());
}

/**
 * Waits until the condition gives something truthy and returns that. It is looked at again whenever the client has
 * finished a sync or noticed a change, never on a timer.
 */
export function eventually(client, what, condition) {
    return new Promise((resolve, reject) => {
        const signals = [
            sdk.ClientEvent.Sync,
            sdk.RoomEvent.Timeline,
            sdk.RoomEvent.Receipt,
            sdk.RoomEvent.MyMembership,
            sdk.RoomEvent.AccountData,
            sdk.RoomEvent.Tags,
            sdk.RoomEvent.Redaction,
            sdk.RoomMemberEvent.Typing,
            sdk.RoomStateEvent.Events,
            sdk.MatrixEventEvent.Replaced,
            sdk.MatrixEventEvent.BeforeRedaction,
            sdk.MatrixEventEvent.Decrypted,
            sdk.ClientEvent.AccountData,
            sdk.UserEvent.Presence,
        ];
        const finish = (settle, value) => {
            clearTimeout(timer);
            for (const signal of signals) client.off(signal, look);
            settle(value);
        };
        const look = () => {
            try {
                const value = condition();
                if (value) finish(resolve, value);
            } catch (error) {
                finish(reject, error);
            }
        };
        const timer = setTimeout(() => finish(reject, new Error(`${client.getUserId()} waited in vain for ${what}`)), DEADLINE_MS);
        for (const signal of signals) client.on(signal, look);
        look();
    });
}

/** Creates a room with the creator and these people in it, and waits until everybody sees everybody. */
export async function roomOf(creator, ...others) {
    const { room_id: roomId } = await creator.createRoom({ preset: "private_chat", invite: others.map((each) => each.getUserId()) });
    for (const other of others) {
        await eventually(other, "the invitation", () => other.getRoom(roomId)?.getMyMembership() === "invite");
        await other.joinRoom(roomId);
    }
    for (const each of [creator, ...others]) {
        await eventually(each, "all members", () => each.getRoom(roomId)?.getJoinedMembers().length === others.length + 1);
    }
    return roomId;
}

/** Waits until the client has the event in the room's live timeline. */
export function sees(client, roomId, eventId) {
    return eventually(client, `the event ${eventId}`, () => client.getRoom(roomId)?.findEventById(eventId));
}

/** Asserts that the call fails with this Matrix error code (and HTTP status). */
export async function refused(promise, errcode, status) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.errcode, errcode, `${error}`);
        assert.equal(error.httpStatus, status, `${error}`);
        return true;
    });
}

/** Asserts that the call fails with this HTTP status, where the specification names no single error code. */
export async function refusedWith(promise, status) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.httpStatus, status, `${error}`);
        return true;
    });
}

/** Fetches with the client's access token. */
export function fetchAs(client, url) {
    return fetch(url, { headers: { Authorization: `Bearer ${client.getAccessToken()}` } });
}
