import { useMemo, useState } from "react";
import { useAccount, useNow, useReadable, useT } from "../../base/hooks.ts";
import { SearchBox } from "../../ui/controls.tsx";
import { MessageCard } from "../../ui/MessageCard.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { FoundModel } from "../../viewmodels/found.ts";
import { MarkedText } from "../Search/MarkedText.tsx";
import { SearchScope } from "../Search/SearchScope.tsx";
import { FoundList } from "./FoundList.tsx";
import "./Shared.css";

/** Keys pressed within this time make one search, in milliseconds. */
const PAUSE = 300;

/** Messages of a conversation by their words. */
export function RoomSearch({ model }: { model: ConversationModel }) {
  const t = useT();
  const now = useNow();
  const account = useAccount();
  const { encrypted } = useReadable(model.room.details);
  const [term, setTerm] = useState("");
  const found = useMemo(() => new FoundModel(), []);
  const search = (next: string) => {
    setTerm(next);
    const wanted = next.trim();
    if (wanted === "") found.stop();
    else void found.start(account.search.inRoom(model.roomId, wanted), PAUSE);
  };
  return (
    <>
      <div className="room-search">
        <SearchBox label={t("roomSearch.label")} value={term} autoFocus onChange={search} />
      </div>
      {encrypted && <SearchScope />}
      <FoundList
        model={found}
        label={t("roomSearch.results")}
        empty={
          term.trim() !== ""
            ? t("roomSearch.none", { term: term.trim() })
            : t(encrypted ? "roomSearch.hint.encrypted" : "roomSearch.hint")
        }
      >
        {(message, words) => (
          <MessageCard
            message={message}
            now={now}
            onOpen={() => void model.jumpTo(message.id)}
            text={<MarkedText message={message} words={words.length > 0 ? words : term.trim().split(/\s+/)} />}
          />
        )}
      </FoundList>
    </>
  );
}
