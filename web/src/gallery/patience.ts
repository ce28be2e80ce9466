/**
 * How long tests wait for what is to come: as long as a busy machine needs, since only a test that fails waits to the end.
 * The runners' own second is over where a view is loaded while all cores are at work.
 */
import { vi } from "vitest";

/** In milliseconds; less than a test may take (`vite.config.ts`). */
export const PATIENCE = 20_000;

const { waitFor } = vi;
vi.waitFor = (happens, options) =>
  waitFor(happens, { timeout: PATIENCE, ...(typeof options === "number" ? { timeout: options } : options) });
