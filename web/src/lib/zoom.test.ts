import { expect, test } from "vitest";
import { MAX_SCALE, panBy, WHOLE, zoomAt } from "./zoom.ts";

const view = { width: 1000, height: 800 };
const picture = { width: 1000, height: 500 };

test("the point under the pointer stays there", () => {
  const zoom = zoomAt(WHOLE, 2, { x: 200, y: 50 }, picture, view);
  expect(zoom).toEqual({ scale: 2, x: -200, y: -50 });
});

test("a picture is never smaller than whole, nor larger than the limit", () => {
  expect(zoomAt(WHOLE, 0.1, { x: 10, y: 10 }, picture, view)).toEqual(WHOLE);
  expect(zoomAt(WHOLE, 100, { x: 0, y: 0 }, picture, view).scale).toBe(MAX_SCALE);
});

test("panning ends at the edges, and does nothing where the whole is seen", () => {
  expect(panBy(WHOLE, { x: 50, y: 50 }, picture, view)).toEqual(WHOLE);
  const zoom = zoomAt(WHOLE, 2, { x: 0, y: 0 }, picture, view);
  expect(panBy(zoom, { x: 9999, y: 9999 }, picture, view)).toEqual({ scale: 2, x: 500, y: 100 });
});
