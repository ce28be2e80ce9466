import { expect, test } from "vitest";
import { deviceName } from "./devicename.ts";

const WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)";

test.each([
  [`Mozilla/5.0 (X11; Linux x86_64) ${WEBKIT} Chrome/156.0.0.0 Safari/537.36`, "IM2 Web (Chrome, Linux)"],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/156.0 Safari/537.36 Edg/156.0`,
    "IM2 Web (Edge, Windows)",
  ],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "IM2 Web (Firefox, Linux)"],
  [`Mozilla/5.0 (Linux; Android 15; Pixel 9) ${WEBKIT} Chrome/156.0 Mobile Safari/537.36`, "IM2 Web (Chrome, Android)"],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
    "IM2 Web (Safari, iOS)",
  ],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "IM2 Web (Safari, macOS)"],
  ["something else", "IM2 Web"],
])("%s", (agent, name) => expect(deviceName(agent)).toBe(name));
