import "./RoomSummary.css";
import { Orbit, Users } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../base/hooks.ts";
import type { PublicGroup } from "../matrix/types.ts";
import { Avatar } from "./Avatar.tsx";

interface RoomSummaryProps {
  room: Pick<PublicGroup, "id" | "name" | "topic" | "avatar" | "memberCount" | "space">;
  onOpen: () => void;
  /** Beside the name. */
  mark?: ReactNode;
  /** What can be done with it. */
  children: ReactNode;
}

/** A room that one may not be in, as a row: what it is called, what it is for, how many are in it. */
export function RoomSummary({ room, onOpen, mark, children }: RoomSummaryProps) {
  const t = useT();
  const { id, name, topic, avatar, memberCount, space } = room;
  return (
    <div className="room-summary">
      <button type="button" className="room-summary__open" onClick={onOpen}>
        <Avatar id={id} name={name} picture={avatar} size="l" square />
        <span className="room-summary__text">
          <span className="room-summary__name">
            <bdi className="ellipsis">{name}</bdi>
            {space && <Orbit role="img" aria-label={t("space.kind")} />}
            {mark}
          </span>
          {topic !== undefined && topic !== "" && (
            <span className="room-summary__topic" dir="auto">
              {topic}
            </span>
          )}
          <span className="room-summary__count">
            <Users aria-hidden />
            {t.count("details.members", memberCount)}
          </span>
        </span>
      </button>
      {children}
    </div>
  );
}
