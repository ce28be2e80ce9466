/**
 * How long tests wait for what is to come: as long as a busy machine needs, since only a test that fails waits to the end.
 * The runners' own second is over where a view is loaded while all cores are at work.
 */
import { configure } from "@testing-library/dom";
import { vi } from "vitest";

/** In milliseconds; less than a test may take (`vite.config.ts`). */
const PATIENCE = 20_000;

configure({ asyncUtilTimeout: PATIENCE });

const { waitFor } = vi;
vi.waitFor = (happens, options) =>
  waitFor(happens, { timeout: PATIENCE, ...(typeof options === "number" ? { timeout: options } : options) });
