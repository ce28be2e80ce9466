import "./Share.css";
import { File as FileIcon, Share2 } from "lucide-react";
import { useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { setPendingFiles, shared, takeShared } from "../../viewmodels/shared.ts";
import { fileSize } from "../../lib/time.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { EmptyState, SearchBox } from "../../ui/controls.tsx";
import { drafts, setDraft } from "../../viewmodels/drafts.ts";
import { rankConversations } from "../../viewmodels/switcher.ts";
import { BackButton } from "../Conversation/Header.tsx";

/** Chooses the conversation for what another app has shared: it is sent only from there. */
export function Share() {
  const t = useT();
  const account = useAccount();
  const content = useReadable(shared);
  const all = useReadable(account.conversations.list);
  const [term, setTerm] = useState("");
  useEffect(() => void takeShared().catch(() => undefined), []);
  const rows = rankConversations(
    all.filter(({ membership }) => membership === "join"),
    term,
  );
  const choose = ({ id }: Conversation) => {
    if (content === undefined) return;
    if (content.text !== "")
      setDraft(id, [drafts.get()[id] ?? "", content.text].filter((text) => text !== "").join("\n"));
    setPendingFiles(id, content.files);
    shared.set(undefined);
    router.go({ name: "room", roomId: id }, { replace: true });
  };
  return (
    <div className="share">
      <header className="share__head">
        <BackButton />
        <h1>{t("share.title")}</h1>
      </header>
      {content === undefined ? (
        <EmptyState icon={<Share2 />} text={t("share.nothing")} />
      ) : (
        <>
          <div className="share__content">
            {content.text !== "" && <p className="share__text">{content.text}</p>}
            {content.files.map((file, index) => (
              <p key={`${file.name}-${index}`} className="share__file">
                <FileIcon aria-hidden />
                <span className="ellipsis">{file.name}</span>
                <span className="share__size">{fileSize(file.size, t.locale)}</span>
              </p>
            ))}
          </div>
          <SearchBox label={t("share.search")} value={term} onChange={setTerm} />
          <ul className="share__list">
            {rows.map((row) => (
              <li key={row.id}>
                <button type="button" className="person-row" onClick={() => choose(row)}>
                  <Avatar id={row.colourId} name={row.name} picture={row.avatar} square={!row.direct} />
                  <bdi className="person-row__name ellipsis">{row.name}</bdi>
                </button>
              </li>
            ))}
            {rows.length === 0 && <li className="picker__none">{t("switcher.none")}</li>}
          </ul>
        </>
      )}
    </div>
  );
}
