/** In the place of the list of conversations: those whose names have the words, and messages of all of them. */
import { ArrowLeft } from "lucide-react";
import { useMemo, useState } from "react";
import { useAccount, useEscape, useNow, useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { router } from "../../base/router.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton, SearchBox } from "../../ui/controls.tsx";
import { MessageCard } from "../../ui/MessageCard.tsx";
import { FoundModel } from "../../viewmodels/found.ts";
import { rankConversations } from "../../viewmodels/switcher.ts";
import { FoundList } from "../Details/FoundList.tsx";
import { MarkedText } from "./MarkedText.tsx";
import { SearchScope } from "./SearchScope.tsx";
import "./Search.css";
import "../Details/Drawer.css";
import "../Details/Shared.css";

/** Keys pressed within this time make one search, in milliseconds. */
const PAUSE = 300;
/** Conversations that are shown above the messages. */
const CHATS = 5;

export default function SearchEverywhere({ onClose }: { onClose: () => void }) {
  const t = useT();
  const now = useNow();
  const account = useAccount();
  const all = useReadable(account.conversations.list);
  const [term, setTerm] = useState("");
  const found = useMemo(() => new FoundModel(), []);
  const wanted = term.trim();
  useEscape(true, onClose);
  const search = (next: string) => {
    setTerm(next);
    if (next.trim() === "") found.stop();
    else void found.start(account.search.everywhere(next.trim()), PAUSE);
  };
  const chats = wanted === "" ? [] : rankConversations(all, wanted).slice(0, CHATS);
  const encrypted = all.some((conversation) => conversation.encrypted);
  return (
    <div className="search-found" role="search">
      <h1 className="visually-hidden">{t("search.open")}</h1>
      <header className="search-head">
        <IconButton label={t("action.back")} onClick={onClose}>
          <ArrowLeft />
        </IconButton>
        <SearchBox label={t("search.label")} value={term} autoFocus onChange={search} />
      </header>
      {encrypted && <SearchScope />}
      {wanted === "" && <p className="search-found__hint">{t("search.hint")}</p>}
      {chats.length > 0 && (
        <>
          <h2 className="pane__heading">{t("search.conversations")}</h2>
          <ul className="search-found__chats" aria-label={t("search.conversations")}>
            {chats.map(({ id, name, colourId, avatar, direct }) => (
              <li key={id}>
                <Link className="search-found__chat" to={{ name: "room", roomId: id }}>
                  <Avatar id={colourId} name={name} picture={avatar} size="s" square={!direct} />
                  <bdi className="ellipsis">{name}</bdi>
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {wanted !== "" && (
        <>
          <h2 className="pane__heading">{t("search.messages")}</h2>
          <FoundList model={found} label={t("search.messages")} empty={t("search.none", { term: wanted })}>
            {(message, words) => (
              <MessageCard
                message={message}
                detail={t("search.in", { room: account.conversations.describe(message.roomId)?.name ?? "" })}
                now={now}
                onOpen={() => router.go({ name: "room", roomId: message.roomId, eventId: message.id })}
                text={<MarkedText message={message} words={words.length > 0 ? words : wanted.split(/\s+/)} />}
              />
            )}
          </FoundList>
        </>
      )}
    </div>
  );
}
