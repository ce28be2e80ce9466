import "./Packs.css";
import { Pencil, Plus, Share2, Trash2 } from "lucide-react";
import { useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { ImagePack } from "../../lib/imagepacks.ts";
import { Emote } from "../../ui/Emote.tsx";
import { Button, IconButton, RemoteSwitch } from "../../ui/controls.tsx";
import { Confirm, Dialog, Done } from "../../ui/Dialog.tsx";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { PackEditor } from "./PackEditor.tsx";

type Editing = { pack?: ImagePack; place: ImagePack["place"] };

/** The packs of stickers and emoji that can be used here, and what can be done with them. */
export default function PacksDialog({ roomId, onClose }: { roomId: string; onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const packs = useReadable(account.packs.in(roomId));
  const [editing, setEditing] = useState<Editing>();
  const [removing, setRemoving] = useState<ImagePack>();
  const mayAdd = account.packs.mayEdit(roomId);
  const own = packs.find(({ place }) => place === undefined);
  const share = (pack: ImagePack) =>
    void attempt(async () => {
      await account.packs.save({ roomId, key: crypto.randomUUID() }, { attribution: "", ...pack });
      showToast({ tone: "done", message: { key: "packs.shared" } });
    });
  if (editing !== undefined)
    return <PackEditor {...editing} onDone={() => setEditing(undefined)} onClose={() => setEditing(undefined)} />;
  return (
    <Dialog title={t("packs.title")} onClose={onClose}>
      <div className="dialog__body">
        <p>{t("packs.text")}</p>
        <ul className="packs">
          {packs.map((pack) => (
            <li key={pack.id} className="packs__pack">
              <div className="packs__head">
                <span className="packs__text">
                  <bdi className="packs__name ellipsis">{pack.name}</bdi>
                  <span className="packs__facts ellipsis">{facts(pack, account.conversations, roomId, t)}</span>
                </span>
                {pack.place === undefined && mayAdd && pack.images.length > 0 && (
                  <IconButton label={t("packs.share")} onClick={() => share(pack)}>
                    <Share2 />
                  </IconButton>
                )}
                {pack.editable && (
                  <IconButton
                    label={t("packs.edit", { name: pack.name })}
                    onClick={() => setEditing({ pack, place: pack.place })}
                  >
                    <Pencil />
                  </IconButton>
                )}
                {pack.editable && pack.place !== undefined && (
                  <IconButton label={t("packs.remove", { name: pack.name })} onClick={() => setRemoving(pack)}>
                    <Trash2 />
                  </IconButton>
                )}
              </div>
              <div className="packs__some" aria-hidden>
                {pack.images.slice(0, 8).map(({ code, mxc }) => (
                  <Emote key={code} mxc={mxc} alt="" />
                ))}
              </div>
              {pack.place !== undefined && (
                <RemoteSwitch
                  label={t("packs.everywhere")}
                  checked={pack.everywhere}
                  onChange={(on) => attempt(() => account.packs.setEverywhere(pack, on))}
                />
              )}
            </li>
          ))}
        </ul>
        <div className="packs__new">
          {own === undefined && (
            <Button onClick={() => setEditing({ place: undefined })}>
              <Plus aria-hidden />
              {t("packs.new.own")}
            </Button>
          )}
          {mayAdd && (
            <Button onClick={() => setEditing({ place: { roomId, key: crypto.randomUUID() } })}>
              <Plus aria-hidden />
              {t("packs.new.room")}
            </Button>
          )}
        </div>
        <Done onClose={onClose} />
      </div>
      {removing !== undefined && (
        <Confirm
          title={t("packs.remove.title", { name: removing.name })}
          text={t("packs.remove.text")}
          action={t("packs.remove.action")}
          onConfirm={() => void attempt(() => account.packs.remove(removing))}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </Dialog>
  );
}

/** Where it comes from, how much is in it, who has made it. */
function facts(
  { place, images, attribution }: ImagePack,
  conversations: ReturnType<typeof useAccount>["conversations"],
  roomId: string,
  t: ReturnType<typeof useT>,
): string {
  const from =
    place === undefined
      ? t("packs.from.own")
      : place.roomId === roomId
        ? t("packs.from.here")
        : (conversations.get(place.roomId)?.name ?? t("space.kind"));
  return [from, t.count("packs.count", images.length), attribution].filter(Boolean).join(" · ");
}
