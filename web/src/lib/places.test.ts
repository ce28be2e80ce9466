import { expect, test } from "vitest";
import { growth } from "./growth.ts";
import { forAll } from "./hostile.ts";
import { geoUri, readGeoUri, readPlace } from "./places.ts";

test.each([
  ["geo:48.20849,16.37208;u=20", { latitude: 48.20849, longitude: 16.37208, accuracy: 20 }],
  ["48.20849, 16.37208", { latitude: 48.20849, longitude: 16.37208 }],
  ["-33.86 151.21", { latitude: -33.86, longitude: 151.21 }],
  ["33.86° S, 151.21° E", { latitude: -33.86, longitude: 151.21 }],
  ["39.9，116.4", { latitude: 39.9, longitude: 116.4 }],
  ["https://www.openstreetmap.org/#map=17/48.2/16.3", { latitude: 48.2, longitude: 16.3 }],
  ["https://www.openstreetmap.org/?mlat=48.5&mlon=16.5#map=5/1/2", { latitude: 48.5, longitude: 16.5 }],
  ["https://www.google.com/maps/place/X/@48.2,16.3,17z/data=!3d48.25!4d16.35", { latitude: 48.25, longitude: 16.35 }],
  ["https://maps.google.com/?q=48.2,16.3", { latitude: 48.2, longitude: 16.3 }],
  ["https://maps.apple.com/?ll=48.2%2C16.3&z=3", { latitude: 48.2, longitude: 16.3 }],
])("%s is a place", (text, place) => {
  expect(readPlace(text)).toEqual(place);
});

test.each([
  "",
  "Vienna",
  "91, 0",
  "0, 181",
  "geo:",
  "geo:a,b",
  "1, 2, 3",
  "https://example.org/",
  "javascript:48.2,16.3",
])("%s is none", (text) => {
  expect(readPlace(text)).toBeUndefined();
});

test("a place is written as it is read", () => {
  expect(geoUri({ latitude: 48.123456789, longitude: -16, accuracy: 12.4 })).toBe("geo:48.123457,-16;u=12");
  forAll((hostile) => {
    const degrees = (most: number) => (hostile.below(2 * most * 1e6) - most * 1e6) / 1e6;
    const place = { latitude: degrees(90), longitude: degrees(180), accuracy: hostile.below(1000) };
    expect(readGeoUri(geoUri(place))).toEqual(place);
  });
});

test("whatever is pasted takes as long as it is", () => {
  const pieces = [..."geo: , ; u= 1 . - # / map= q= @ ! https:// ? &".split(" "), " "];
  forAll((hostile) => {
    const piece = hostile.text(pieces, 4) || "1";
    const text = (length: number) => `https://x${piece.repeat(length / piece.length)}`;
    expect(growth(text, readPlace), JSON.stringify(piece)).toBeLessThan(20);
  }, 4);
});
