import { MessageSquare, Phone, PhoneOff, Video } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import type { Ring } from "../../matrix/calls/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton } from "../../ui/controls.tsx";
import { Popover } from "../../ui/Popover.tsx";
import type { CallsModel } from "../../viewmodels/calls.ts";

/** What rings, over everything else. It takes the focus from nobody who is writing. */
export function RingCards({ model }: { model: CallsModel }) {
  const t = useT();
  const rings = useReadable(model.calls.rings.list);
  return (
    <section className="call-rings" aria-label={t("call.ring.title")} aria-live="assertive" hidden={rings.length === 0}>
      {rings.map((ring) => (
        <RingCard key={ring.id} ring={ring} model={model} />
      ))}
    </section>
  );
}

const REPLIES = ["later", "busy", "soon"] as const;

function RingCard({ ring, model }: { ring: Ring; model: CallsModel }) {
  const t = useT();
  const { caller, room, direct, avatar, video } = ring;
  const [replying, setReplying] = useState<Element>();
  const said = t(video ? "call.ring.video" : "call.ring.voice", { name: caller.name });
  return (
    <div className="call-ring" role="alertdialog" aria-label={said}>
      <span className="call-ring__face">
        <Avatar id={caller.id} name={caller.name} picture={caller.avatar ?? avatar} size="xl" />
      </span>
      <p className="call-ring__who">{said}</p>
      {!direct && <p className="call-ring__room">{t("call.ring.in", { room })}</p>}
      <div className="call-ring__actions">
        <IconButton
          label={t("call.ring.decline")}
          className="call-ring__decline"
          onClick={() => void model.decline(ring)}
        >
          <PhoneOff />
        </IconButton>
        <IconButton
          label={t("call.ring.reply")}
          aria-expanded={replying !== undefined}
          onClick={({ currentTarget }) => setReplying(replying === undefined ? currentTarget : undefined)}
        >
          <MessageSquare />
        </IconButton>
        <IconButton
          label={t("call.ring.accept.video")}
          className="call-ring__accept"
          onClick={() => void model.accept(ring, true)}
        >
          <Video />
        </IconButton>
        <IconButton
          label={t("call.ring.accept")}
          className="call-ring__accept"
          onClick={() => void model.accept(ring, false)}
        >
          <Phone />
        </IconButton>
      </div>
      {replying !== undefined && (
        <Popover anchor={replying} label={t("call.ring.reply")} onClose={() => setReplying(undefined)}>
          <Replies onReply={(text) => void model.decline(ring, text)} />
        </Popover>
      )}
    </div>
  );
}

function Replies({ onReply }: { onReply: (text: string) => void }) {
  const t = useT();
  const [text, setText] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") onReply(text.trim());
  };
  return (
    <form className="call-replies" onSubmit={send}>
      {REPLIES.map((reply) => (
        <Button key={reply} onClick={() => onReply(t(`call.ring.reply.${reply}`))}>
          {t(`call.ring.reply.${reply}`)}
        </Button>
      ))}
      <div className="call-replies__own">
        <input
          className="field__input"
          aria-label={t("call.ring.reply.own")}
          placeholder={t("call.ring.reply.own")}
          autoComplete="off"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <Button type="submit" kind="primary" disabled={text.trim() === ""}>
          {t("action.send")}
        </Button>
      </div>
    </form>
  );
}
