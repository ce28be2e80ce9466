import { Images, ListChecks, MapPin, Paperclip } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { MenuButton } from "../../ui/MenuButton.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { NewPoll } from "../Polls/NewPoll.tsx";

const SendPlace = lazy(() => import("./SendPlace.tsx"));

interface AttachMenuProps {
  model: ConversationModel;
  onFiles: (files: readonly File[]) => void;
}

/** What can be sent besides text. */
export function AttachMenu({ model, onFiles }: AttachMenuProps) {
  const t = useT();
  const picker = useRef<HTMLInputElement>(null);
  const [layer, setLayer] = useState<"poll" | "place">();
  const close = () => setLayer(undefined);
  return (
    <>
      <MenuButton
        label={t("composer.attach")}
        icon={<Paperclip />}
        items={[
          { label: t("attach.files"), icon: <Images />, onSelect: () => picker.current?.click() },
          { label: t("poll.new"), icon: <ListChecks />, onSelect: () => setLayer("poll") },
          { label: t("attach.place"), icon: <MapPin />, onSelect: () => setLayer("place") },
        ]}
      />
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      {layer === "poll" && <NewPoll room={model.room} onClose={close} />}
      {layer === "place" && (
        <Suspense fallback={null}>
          <SendPlace model={model} onClose={close} />
        </Suspense>
      )}
    </>
  );
}
