// Accounts: registration, login, devices, profile, signing out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, eventually, localpart, password, person, refused, register, roomOf, signedIn } from "./support.mjs";

test("registration gives a user id, a device and a token that works", async () => {
    const name = localpart("ana");
    const answer = await connect().register(name, password, null, { type: "m.login.dummy" });
    assert.match(answer.user_id, new RegExp(`^@${name}:`));
    const who = await signedIn(answer).whoami();
    assert.equal(who.user_id, answer.user_id);
    assert.equal(who.device_id, answer.device_id);
});

test("registration without authentication answers with the flows", async () => {
    await assert.rejects(connect().registerRequest({ username: localpart("ana"), password }), (error) => {
        assert.equal(error.httpStatus, 401);
        const stages = error.data.flows.map((flow) => flow.stages.join());
        assert.ok(stages.includes("m.login.dummy"), `${stages}`);
        assert.equal(typeof error.data.session, "string");
        return true;
    });
});

test("a name is given once", async () => {
    const name = localpart("ana");
    await connect().register(name, password, null, { type: "m.login.dummy" });
    assert.equal(await connect().isUsernameAvailable(name), false);
    await refused(connect().register(name, password, null, { type: "m.login.dummy" }), "M_USER_IN_USE", 400);
});

test("login by password makes a device of its own", async () => {
    const ana = await register("ana");
    const answer = await connect().loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: ana.getUserId() },
        password,
        initial_device_display_name: "Ana's second screen",
    });
    assert.equal(answer.user_id, ana.getUserId());
    assert.notEqual(answer.device_id, ana.getDeviceId());
    const { devices } = await ana.getDevices();
    assert.deepEqual(devices.map((each) => each.device_id).sort(), [ana.getDeviceId(), answer.device_id].sort());
    assert.equal(devices.find((each) => each.device_id === answer.device_id).display_name, "Ana's second screen");
});

test("login by localpart", async () => {
    const ana = await register("ana");
    const answer = await connect().loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: ana.getUserIdLocalpart() },
        password,
    });
    assert.equal(answer.user_id, ana.getUserId());
});

test("a wrong password is refused", async () => {
    const ana = await register("ana");
    const attempt = connect().loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: ana.getUserId() },
        password: "wrong",
    });
    await refused(attempt, "M_FORBIDDEN", 403);
});

test("a device is renamed and deleted after its owner proves who they are", async () => {
    const ana = await register("ana");
    const second = await connect().loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: ana.getUserId() },
        password,
    });
    await ana.setDeviceDetails(second.device_id, { display_name: "Old phone" });
    assert.equal((await ana.getDevice(second.device_id)).display_name, "Old phone");

    let session;
    await assert.rejects(ana.deleteDevice(second.device_id), (error) => {
        assert.equal(error.httpStatus, 401);
        session = error.data.session;
        return true;
    });
    await ana.deleteDevice(second.device_id, {
        type: "m.login.password",
        identifier: { type: "m.id.user", user: ana.getUserId() },
        password,
        session,
    });
    await refused(signedIn(second).whoami(), "M_UNKNOWN_TOKEN", 401);
    assert.equal((await ana.getDevices()).devices.length, 1);
});

test("a changed password is the one that counts", async () => {
    const ana = await register("ana");
    const identifier = { type: "m.id.user", user: ana.getUserId() };
    await ana.setPassword({ type: "m.login.password", identifier, password }, "another one, just as long", false);
    await refused(connect().loginRequest({ type: "m.login.password", identifier, password }), "M_FORBIDDEN", 403);
    const answer = await connect().loginRequest({ type: "m.login.password", identifier, password: "another one, just as long" });
    assert.equal(answer.user_id, ana.getUserId());
    assert.equal((await ana.whoami()).user_id, ana.getUserId());
});

test("name and avatar are read by others and shown in rooms", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { content_uri: avatar } = await ana.uploadContent(new Blob(["not a picture"]), { type: "text/plain" });
    await ana.setDisplayName("Ana 安娜");
    await ana.setAvatarUrl(avatar);
    const profile = await ben.getProfileInfo(ana.getUserId());
    assert.equal(profile.displayname, "Ana 安娜");
    assert.equal(profile.avatar_url, avatar);
    const member = await eventually(ben, "the new profile", () => {
        const member = ben.getRoom(roomId).getMember(ana.getUserId());
        return member.rawDisplayName === "Ana 安娜" && member.getMxcAvatarUrl() === avatar && member;
    });
    assert.equal(member.membership, "join");
});

test("presence is told to those who share a room", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    await roomOf(ana, ben);
    await ana.setPresence({ presence: "unavailable", status_msg: "at lunch" });
    const user = await eventually(ben, "Ana's presence", () => {
        const user = ben.getUser(ana.getUserId());
        return user?.presenceStatusMsg === "at lunch" && user;
    });
    assert.equal(user.presence, "unavailable");
});

test("signing out ends the token, and only that one", async () => {
    const ana = await register("ana");
    const second = signedIn(
        await connect().loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user: ana.getUserId() },
            password,
        }),
    );
    await ana.logout();
    await refused(ana.whoami(), "M_UNKNOWN_TOKEN", 401);
    assert.equal((await second.whoami()).user_id, ana.getUserId());
});

test("a deactivated account cannot come back", async () => {
    const ana = await register("ana");
    const identifier = { type: "m.id.user", user: ana.getUserId() };
    await ana.deactivateAccount({ type: "m.login.password", identifier, password }, true);
    await refused(ana.whoami(), "M_UNKNOWN_TOKEN", 401);
    await assert.rejects(connect().loginRequest({ type: "m.login.password", identifier, password }), (error) => {
        assert.ok(["M_FORBIDDEN", "M_USER_DEACTIVATED"].includes(error.errcode), `${error}`);
        return true;
    });
});
