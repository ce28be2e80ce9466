import { lazy, Suspense } from "react";
import { useAccount, useReadable } from "../../base/hooks.ts";
import { ConversationPane } from "../Conversation/ConversationPane.tsx";
import { TimelineSkeleton } from "../Conversation/TimelineSkeleton.tsx";

const SpaceHome = lazy(() => import("./SpaceHome.tsx"));

/** What the address of a space shows: its home, an invitation, or a way in. */
export function SpacePage({ spaceId }: { spaceId: string }) {
  const account = useAccount();
  const space = useReadable(account.spaces.list).find(({ id }) => id === spaceId);
  if (space?.membership !== "join") return <ConversationPane roomId={spaceId} />;
  return (
    <Suspense fallback={<TimelineSkeleton />}>
      <SpaceHome space={space} />
    </Suspense>
  );
}
