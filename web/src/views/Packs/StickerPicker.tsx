import "./Packs.css";
import { Settings2, Sticker } from "lucide-react";
import { useState } from "react";
import { useAccount, useMedia, useReadable, useT } from "../../base/hooks.ts";
import { type PackImage, searchPacks } from "../../lib/imagepacks.ts";
import { Button, EmptyState, IconButton, SearchBox } from "../../ui/controls.tsx";

interface StickerPickerProps {
  roomId: string;
  onPick: (image: PackImage) => void;
  onPacks: () => void;
}

/** The stickers of all packs that can be used in a room. */
export default function StickerPicker({ roomId, onPick, onPacks }: StickerPickerProps) {
  const t = useT();
  const account = useAccount();
  const packs = useReadable(account.packs.in(roomId)).filter(({ images }) => images.some(isSticker));
  const [term, setTerm] = useState("");
  const found = term.trim() === "" ? undefined : searchPacks(packs, "sticker", term, 60);
  return (
    <div className="emoji-picker sticker-picker" role="group" aria-label={t("packs.stickers")}>
      <div className="emoji-picker__head">
        <SearchBox label={t("packs.search")} value={term} onChange={setTerm} data-autofocus="true" />
        <IconButton label={t("packs.title")} onClick={onPacks}>
          <Settings2 />
        </IconButton>
      </div>
      <div className="emoji-picker__list">
        {packs.length === 0 && (
          <EmptyState icon={<Sticker />} text={t("packs.none")}>
            <Button kind="primary" onClick={onPacks}>
              {t("packs.start")}
            </Button>
          </EmptyState>
        )}
        {found !== undefined && packs.length > 0 && (
          <section aria-label={t("packs.search")} aria-live="polite">
            <Grid images={found.map(({ image }) => image)} onPick={onPick} />
            {found.length === 0 && <p className="emoji-picker__none">{t("packs.notFound")}</p>}
          </section>
        )}
        {found === undefined &&
          packs.map((pack) => (
            <section key={pack.id} aria-label={pack.name}>
              <h3>
                <bdi>{pack.name}</bdi>
              </h3>
              <Grid images={pack.images.filter(isSticker)} onPick={onPick} />
            </section>
          ))}
      </div>
    </div>
  );
}

function isSticker({ uses }: PackImage): boolean {
  return uses.includes("sticker");
}

function Grid({ images, onPick }: { images: readonly PackImage[]; onPick: (image: PackImage) => void }) {
  return (
    <div className="sticker-picker__grid">
      {images.map((image) => (
        <button
          key={`${image.code} ${image.mxc}`}
          type="button"
          aria-label={image.name}
          title={image.name}
          onClick={() => onPick(image)}
        >
          <Small mxc={image.mxc} />
        </button>
      ))}
    </div>
  );
}

export function Small({ mxc }: { mxc: string }) {
  const state = useMedia(mxc, { width: 320, height: 240, method: "scale" });
  if (state.status === "ready") return <img src={state.url} onError={state.onError} alt="" draggable={false} />;
  return <span className="skeleton packs__wait" />;
}
