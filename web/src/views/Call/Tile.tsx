import { Hand, MicOff, Pin, PinOff, ShieldAlert, WifiLow, WifiOff } from "lucide-react";
import { useT } from "../../base/hooks.ts";
import type { CallTile } from "../../lib/calllayout.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallParticipant, CallReaction } from "../../matrix/calls/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton } from "../../ui/controls.tsx";
import { useVideo } from "./useCall.ts";

interface TileProps {
  session: CallSession;
  tile: CallTile;
  large?: boolean;
  pinned: boolean;
  onPin: () => void;
  reactions: readonly CallReaction[];
}

/** Somebody in a call, or their screen. */
export function Tile({ session, tile, large = false, pinned, onPin, reactions }: TileProps) {
  const t = useT();
  const { participant, source } = tile;
  const { person, me, speaking, unreadable, connecting } = participant;
  const visible = source === "screen" ? participant.screen : participant.camera;
  const shown = visible && unreadable !== "not-encrypted";
  const video = useVideo(session, participant.key, source, shown);
  const label = labelOf(tile, t);
  return (
    <article
      className="call-tile"
      data-source={source}
      data-speaking={speaking && source === "camera"}
      data-video={shown}
      data-mirrored={me === true && source === "camera"}
      aria-label={label}
    >
      {shown && <video ref={video} autoPlay playsInline muted aria-label={label} />}
      {!shown && (large || unreadable === undefined) && (
        <Avatar id={person.id} name={person.name} picture={person.avatar} size={large ? "xl" : "l"} />
      )}
      {(unreadable !== undefined || connecting) && (
        <p className="call-tile__why" data-large={large || unreadable === undefined}>
          {unreadable === undefined ? (
            t("call.person.connecting")
          ) : (
            <>
              <ShieldAlert aria-hidden />
              {t(unreadable === "no-key" ? "call.person.noKey" : "call.person.notEncrypted")}
            </>
          )}
        </p>
      )}
      <div className="call-tile__reactions" aria-hidden>
        {source === "camera" && reactions.map(({ id, emoji }) => <span key={id}>{emoji}</span>)}
      </div>
      <div className="call-tile__foot">
        <Marks participant={participant} source={source} />
        <bdi className="ellipsis">{label}</bdi>
      </div>
      <IconButton
        className="call-tile__pin"
        label={t(pinned ? "call.unpin" : "call.pin", { name: label })}
        aria-pressed={pinned}
        onClick={onPin}
      >
        {pinned ? <PinOff /> : <Pin />}
      </IconButton>
    </article>
  );
}

function labelOf({ participant, source }: CallTile, t: ReturnType<typeof useT>): string {
  const { person, me } = participant;
  if (source === "screen") return me === true ? t("call.screen.yours") : t("call.screenOf", { name: person.name });
  return me === true ? t("call.you") : person.name;
}

/** What is to be known of somebody beside their name. */
function Marks({ participant, source }: { participant: CallParticipant; source: CallTile["source"] }) {
  const t = useT();
  const { hand, microphone, quality, connecting, speaking } = participant;
  if (source === "screen") return null;
  return (
    <>
      {hand !== undefined && <Hand className="call-tile__hand" role="img" aria-label={t("call.handUp")} />}
      {!microphone && !connecting && <MicOff role="img" aria-label={t("call.muted")} />}
      {quality === "poor" && <WifiLow role="img" aria-label={t("call.quality.poor")} />}
      {quality === "lost" && <WifiOff role="img" aria-label={t("call.quality.lost")} />}
      {speaking && <span className="visually-hidden">{t("call.speaking")}</span>}
    </>
  );
}
