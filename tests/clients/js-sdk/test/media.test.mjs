// Media: upload, authenticated download, thumbnails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { baseUrl, eventually, fetchAs, person, register, roomOf, sees } from "./support.mjs";

/** A PNG of one colour, made by hand so that the tests need no picture library. */
function png(width, height) {
    const crcTable = Array.from({ length: 256 }, (_, index) => {
        let value = index;
        for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
        return value >>> 0;
    });
    const crc = (bytes) => {
        let value = 0xffffffff;
        for (const byte of bytes) value = crcTable[(value ^ byte) & 0xff] ^ (value >>> 8);
        return (value ^ 0xffffffff) >>> 0;
    };
    const chunk = (type, data) => {
        const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
        const out = Buffer.alloc(body.length + 8);
        out.writeUInt32BE(data.length, 0);
        body.copy(out, 4);
        out.writeUInt32BE(crc(body), body.length + 4);
        return out;
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 0x7f)]);
    const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

const authenticated = (client, uri, width, height, method) => client.mxcUrlToHttp(uri, width, height, method, false, true, true);

test("what was uploaded is what is downloaded, by those who are signed in", async () => {
    const [ana, ben] = [await register("ana"), await register("ben")];
    const bytes = Buffer.from("three lines\nof text\n谢谢\n");
    const { content_uri: uri } = await ana.uploadContent(new Blob([bytes]), { type: "text/plain", name: "note 便条.txt" });
    assert.match(uri, /^mxc:\/\/[^/]+\/[A-Za-z0-9_-]+$/);
    const url = authenticated(ben, uri);
    assert.ok(url.startsWith(`${baseUrl}/_matrix/client/v1/media/download/`), url);
    const answer = await fetchAs(ben, url);
    assert.equal(answer.status, 200);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
    assert.match(answer.headers.get("content-type"), /^text\/plain/);
    assert.match(answer.headers.get("content-disposition"), /note/);
    assert.equal((await fetch(url)).status, 401);
});

test("a picture is sent, received, fetched and scaled down", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const picture = png(1200, 750);
    const { content_uri: uri } = await ana.uploadContent(new Blob([picture]), { type: "image/png", name: "grey.png" });
    const content = { msgtype: "m.image", body: "grey.png", url: uri, info: { mimetype: "image/png", w: 1200, h: 750, size: picture.length } };
    const { event_id: eventId } = await ana.sendMessage(roomId, content);
    const received = await sees(ben, roomId, eventId);
    assert.deepEqual(received.getContent(), content);
    const full = await fetchAs(ben, authenticated(ben, received.getContent().url));
    assert.deepEqual(Buffer.from(await full.arrayBuffer()), picture);
    const thumbnail = await fetchAs(ben, authenticated(ben, uri, 64, 64, "scale"));
    assert.equal(thumbnail.status, 200);
    assert.match(thumbnail.headers.get("content-type"), /^image\//);
    const bytes = Buffer.from(await thumbnail.arrayBuffer());
    if (thumbnail.headers.get("content-type") === "image/png") {
        const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
        assert.ok(width < 1200 && height < 750, `${width}×${height}`);
        assert.ok(Math.abs(width / height - 1.6) < 0.05, `${width}×${height} keeps the proportions`);
    }
});

test("upload reports its progress", async () => {
    const ana = await register("ana");
    const { content_uri: uri } = await ana.uploadContent(new Blob([Buffer.alloc(300_000, 7)]), { type: "application/octet-stream" });
    const answer = await fetchAs(ana, authenticated(ana, uri));
    assert.equal((await answer.arrayBuffer()).byteLength, 300_000);
    assert.deepEqual(ana.getCurrentUploads(), []);
});

test("media that does not exist is not found", async () => {
    const ana = await register("ana");
    const answer = await fetchAs(ana, authenticated(ana, `mxc://${ana.getDomain()}/doesnotexist`));
    assert.equal(answer.status, 404);
    assert.equal((await answer.json()).errcode, "M_NOT_FOUND");
});

test("the server says how large an upload may be", async () => {
    const ana = await register("ana");
    const config = await ana.getMediaConfig(true);
    assert.ok(config["m.upload.size"] > 1_000_000, JSON.stringify(config));
});

test("an avatar set on the profile is shown on the member", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { content_uri: uri } = await ana.uploadContent(new Blob([png(48, 48)]), { type: "image/png" });
    await ana.setAvatarUrl(uri);
    await eventually(ben, "the avatar", () => ben.getRoom(roomId)?.getMember(ana.getUserId())?.getMxcAvatarUrl() === uri);
});
