import "./Packs.css";
import { ImageOff, ImagePlay, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { useAccount, useMedia, useReducedMotion, useReadable, useT } from "../../base/hooks.ts";
import { type Gif, isLight, searchGifs } from "../../lib/gifs.ts";
import { EmptyState, IconButton, SearchBox } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { moveFocus } from "../Conversation/EmojiPicker.tsx";

const COLUMNS = 3;
/** As many are fetched at once; more come as one scrolls. */
const PAGE = 30;

interface GifPickerProps {
  /** What is sent goes into an encrypted conversation. */
  encrypted: boolean;
  onPick: (gif: Gif) => void;
}

/** The moving pictures that somebody keeps. */
export default function GifPicker({ encrypted, onPick }: GifPickerProps) {
  const t = useT();
  const { gifs } = useAccount();
  const all = useReadable(gifs.list);
  const list = useRef<HTMLDivElement>(null);
  const [term, setTerm] = useState("");
  const [removing, setRemoving] = useState(false);
  const [most, setMost] = useState(PAGE);
  const found = searchGifs(all, term);
  const choose = (gif: Gif, tile: HTMLElement, gone: boolean) => {
    if (!removing && !gone) {
      gifs.used(gif);
      onPick(gif);
      return;
    }
    // The keyboard goes on beside what is about to go.
    const next = tile.nextElementSibling ?? tile.previousElementSibling ?? document.querySelector(".gif-picker input");
    (next as HTMLElement | null)?.focus();
    void attempt(() => gifs.remove(gif.mxc));
  };
  return (
    <div
      className="emoji-picker gif-picker"
      role="group"
      aria-label={t("gifs.title")}
      // Enter in the search would send what nobody has chosen.
      onKeyDown={(key) => key.key !== "Enter" && moveFocus(key, list.current, COLUMNS)}
    >
      <div className="emoji-picker__head">
        <SearchBox label={t("gifs.search")} value={term} onChange={setTerm} data-autofocus="true" />
        {all.length > 0 && (
          <IconButton label={t("gifs.removing")} aria-pressed={removing} onClick={() => setRemoving(!removing)}>
            <Trash2 />
          </IconButton>
        )}
      </div>
      {encrypted && all.length > 0 && <p className="gif-picker__note">{t("gifs.visible")}</p>}
      <div
        ref={list}
        className="emoji-picker__list"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          if (scrollHeight - scrollTop < 2 * clientHeight && most < found.length) setMost(most + PAGE);
        }}
      >
        {all.length === 0 && <EmptyState icon={<ImagePlay />} text={t("gifs.none")} />}
        <div className="gif-picker__grid" data-removing={removing}>
          {found.slice(0, most).map((gif) => (
            <Tile key={gif.mxc} gif={gif} removing={removing} onClick={(tile, gone) => choose(gif, tile, gone)} />
          ))}
        </div>
        {all.length > 0 && found.length === 0 && (
          <p className="emoji-picker__none" role="status">
            {t("gifs.notFound")}
          </p>
        )}
      </div>
    </div>
  );
}

interface TileProps {
  gif: Gif;
  removing: boolean;
  onClick: (tile: HTMLElement, gone: boolean) => void;
}

/**
 * Stands still until one points at it; for those who want less motion, always. The server keeps what accounts name, but
 * somebody may have deleted it there: such a tile only lets itself be removed.
 */
function Tile({ gif, removing, onClick }: TileProps) {
  const t = useT();
  const calm = useReducedMotion();
  const [active, setActive] = useState(false);
  const still = useMedia(gif.mxc, { width: 320, height: 240, method: "scale" });
  const whole = useMedia(active && !calm && isLight(gif) ? gif.mxc : undefined);
  const name = gif.name || t("gifs.unnamed");
  const shown = whole.status === "ready" ? whole : still;
  const gone = shown.status === "failed" && shown.gone === true;
  const label = removing ? t("gifs.remove", { name }) : gone ? t("gifs.gone", { name }) : name;
  return (
    <button
      type="button"
      aria-label={label}
      title={gone ? label : name}
      onClick={(click) => onClick(click.currentTarget, gone)}
      onPointerEnter={() => setActive(true)}
      onPointerLeave={() => setActive(false)}
      onFocus={() => setActive(true)}
      onBlur={() => setActive(false)}
    >
      {shown.status === "ready" && <img src={shown.url} onError={shown.onError} alt="" draggable={false} />}
      {shown.status === "loading" && <span className="skeleton packs__wait" />}
      {shown.status === "failed" && <ImageOff />}
      {gone && <span className="gif-picker__gone">{t("action.remove")}</span>}
      {removing && shown.status === "ready" && <Trash2 />}
    </button>
  );
}
