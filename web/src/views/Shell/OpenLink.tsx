import { Link2Off } from "lucide-react";
import { useEffect } from "react";
import { useT } from "../../base/hooks.ts";
import { type Route, router } from "../../base/router.ts";
import { permalinkTarget } from "../../lib/richtext.ts";
import { EmptyState } from "../../ui/controls.tsx";

/** Follows a `matrix:` URI or a matrix.to link to the person or the conversation that it names. */
export function OpenLink({ uri }: { uri: string }) {
  const t = useT();
  const route = routeOf(uri);
  useEffect(() => {
    if (route !== undefined) router.go(route, { replace: true });
  });
  return route === undefined ? (
    <EmptyState icon={<Link2Off />} title={t("open.unknown")} text={t("open.unknown.text")} />
  ) : null;
}

export function routeOf(uri: string): Route | undefined {
  const target = permalinkTarget(uri.trim(), window.location.origin);
  if (target === undefined) return undefined;
  if ("userId" in target) return { name: "person", userId: target.userId };
  return { name: "room", roomId: target.room, eventId: target.eventId };
}
