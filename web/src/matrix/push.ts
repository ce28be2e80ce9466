/** Muting a conversation: a push rule for the room that does nothing, so that only mentions still notify. */
import { type MatrixClient, PushRuleKind } from "matrix-js-sdk/lib/matrix.js";

export function isMuted(client: MatrixClient, roomId: string): boolean {
  const rule = client.pushRules?.global.room?.find(({ rule_id }) => rule_id === roomId);
  // `dont_notify` is what older clients wrote for the same thing.
  return rule?.enabled === true && rule.actions.every((action) => (action as string) === "dont_notify");
}

export async function setMuted(client: MatrixClient, roomId: string, muted: boolean): Promise<void> {
  if (muted === isMuted(client, roomId)) return;
  if (muted) await client.addPushRule("global", PushRuleKind.RoomSpecific, roomId, { actions: [] });
  else await client.deletePushRule("global", PushRuleKind.RoomSpecific, roomId);
}
