import "./Switcher.css";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { SearchBox } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { isComposing } from "../../lib/keys.ts";
import { rankConversations } from "../../viewmodels/switcher.ts";

/** Jumps to a conversation by a few letters. */
export function Switcher({ onClose }: { onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const [term, setTerm] = useState("");
  const [index, setIndex] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const found = rankConversations(useReadable(account.conversations.list), term);
  useEffect(() => {
    // Not returned: in newer browsers scrolling answers with a promise.
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [index, term]);
  const open = (roomId: string | undefined) => {
    if (roomId === undefined) return;
    onClose();
    router.go({ name: "room", roomId });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event.nativeEvent)) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && found.length > 0) setIndex((index + step + found.length) % found.length);
    else if (event.key === "Enter") open(found[index]?.id);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("switcher.title")} bare onClose={onClose} className="switcher">
      <div className="switcher__search">
        <SearchBox
          label={t("switcher.placeholder")}
          value={term}
          autoFocus
          role="combobox"
          aria-expanded
          aria-controls="switcher-results"
          aria-activedescendant={found[index] === undefined ? undefined : `switcher-${index}`}
          onChange={(value) => {
            setTerm(value);
            setIndex(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <ul ref={list} id="switcher-results" role="listbox" aria-label={t("switcher.title")} className="switcher__list">
        {found.map(({ id, name, colourId, avatar, direct, unread }, position) => (
          <li
            key={id}
            id={`switcher-${position}`}
            role="option"
            aria-selected={position === index}
            className="switcher__item"
            onClick={() => open(id)}
            onMouseMove={() => setIndex(position)}
          >
            <Avatar id={colourId} name={name} picture={avatar} size="s" square={!direct} />
            <bdi className="ellipsis">{name}</bdi>
            {unread > 0 && <span className="badge">{unread}</span>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="switcher__none">{t("switcher.none")}</p>}
    </Dialog>
  );
}
