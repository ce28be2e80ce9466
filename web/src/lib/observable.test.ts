import { expect, test, vi } from "vitest";
import { attachAll, Derived, Observable } from "./observable.ts";

test("an observable tells its listeners of a new value only", () => {
  const value = new Observable(1);
  const listener = vi.fn();
  const stop = value.subscribe(listener);
  value.set(1);
  value.set(2);
  stop();
  value.set(3);
  expect(listener).toHaveBeenCalledTimes(1);
});

test("a derived value computes once for many signals and keeps its identity", async () => {
  const source = new Observable(1);
  const compute = vi.fn(() => ({ parity: source.get() % 2 }));
  const derived = new Derived(compute, attachAll(source));
  const listener = vi.fn();
  derived.subscribe(listener);
  const before = derived.get();
  compute.mockClear();
  source.set(2);
  source.set(3);
  await vi.waitFor(() => expect(compute).toHaveBeenCalledTimes(1));
  expect(derived.get()).toBe(before);
  expect(listener).not.toHaveBeenCalled();
  source.set(4);
  await vi.waitFor(() => expect(listener).toHaveBeenCalledTimes(1));
  expect(derived.get()).toEqual({ parity: 0 });
});

test("listeners hear of a change that somebody has read before they were told", async () => {
  const source = new Observable(1);
  const derived = new Derived(() => ({ value: source.get() }), attachAll(source));
  const listener = vi.fn();
  derived.subscribe(listener);
  source.set(2);
  expect(derived.get()).toEqual({ value: 2 });
  await vi.waitFor(() => expect(listener).toHaveBeenCalledTimes(1));
});

test("a derived value that nobody watches lets go of its sources", () => {
  const stop = vi.fn();
  const derived = new Derived(
    () => 1,
    () => stop,
  );
  derived.subscribe(() => undefined)();
  expect(stop).toHaveBeenCalledTimes(1);
});
