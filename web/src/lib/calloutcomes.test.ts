import { expect, test } from "vitest";
import { CALL_MEMBER } from "./callmembers.ts";
import { CALL_DECLINE, CALL_NOTICE, type CallEvent, callOutcomes } from "./calloutcomes.ts";

const [ANA, BEN] = ["@ana:x", "@ben:x"];
let clock = 0;

function event(type: string, sender: string, part: Partial<CallEvent> = {}): CallEvent {
  clock += 60_000;
  return { id: `$${clock}`, type, sender, timestamp: clock, content: {}, ...part };
}

const comes = (sender: string) =>
  event(CALL_MEMBER, sender, {
    stateKey: `_${sender}_PHONE_m.call`,
    content: { application: "m.call", call_id: "", device_id: "PHONE" },
  });
const goes = (sender: string) => event(CALL_MEMBER, sender, { stateKey: `_${sender}_PHONE_m.call` });
const rings = (sender: string) => event(CALL_NOTICE, sender);

test("a call lasts from when it was answered until nobody is in it", () => {
  const notice = rings(ANA);
  const events = [comes(ANA), notice, comes(BEN), goes(ANA), goes(BEN)];
  events.sort((a, b) => a.timestamp - b.timestamp);
  expect(callOutcomes(events, BEN, false).get(notice.id)).toEqual({ how: "answered", lasted: 120_000 });
});

test("who has not come has missed it, and who was waited for has not answered", () => {
  const here = comes(ANA);
  const notice = rings(ANA);
  const events = [here, notice, goes(ANA)];
  expect(callOutcomes(events, BEN, false).get(notice.id)?.how).toBe("missed");
  expect(callOutcomes(events, ANA, false).get(notice.id)?.how).toBe("unanswered");
});

test("a call that was declined says so, unless it is its caller who says it", () => {
  const here = comes(ANA);
  const notice = rings(ANA);
  const no = event(CALL_DECLINE, BEN, { about: notice.id });
  const end = goes(ANA);
  expect(callOutcomes([here, notice, no, end], ANA, false).get(notice.id)?.how).toBe("declined");
  expect(callOutcomes([here, notice, { ...no, sender: ANA }, end], BEN, false).get(notice.id)?.how).toBe("missed");
});

test("a call that goes on has no outcome; one whose end was never said has ended all the same", () => {
  const here = comes(ANA);
  const notice = rings(ANA);
  const events = [here, notice, comes(BEN)];
  expect(callOutcomes(events, BEN, true).size).toBe(0);
  expect(callOutcomes(events, BEN, false).get(notice.id)?.how).toBe("answered");
});

test("each call has an outcome of its own", () => {
  const first = [comes(ANA), rings(ANA), goes(ANA)];
  const second = [comes(BEN), rings(BEN), comes(ANA), goes(BEN), goes(ANA)];
  const outcomes = callOutcomes([...first, ...second], ANA, false);
  expect([...outcomes.values()].map(({ how }) => how)).toEqual(["unanswered", "answered"]);
});
