import { ShieldBan } from "lucide-react";
import { useState } from "react";
import { useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import type { ContactsModel } from "../../viewmodels/people.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { attempt, showToast } from "../../viewmodels/toasts.ts";

interface RequestsProps {
  model: ContactsModel;
  received: readonly Conversation[];
  sent: readonly Conversation[];
}

/** Who wants to talk with one, and whom one has asked. */
export function Requests({ model, received, sent }: RequestsProps) {
  const t = useT();
  return (
    <>
      {received.length > 0 && (
        <section aria-labelledby="requests-received">
          <h2 id="requests-received" className="pane__heading">
            {t("requests.received")}
          </h2>
          <ul className="people">
            {received.map((request) => (
              <Received key={request.id} model={model} request={request} />
            ))}
          </ul>
        </section>
      )}
      {sent.length > 0 && (
        <details className="requests__sent">
          <summary className="pane__heading">{t.count("requests.sent", sent.length)}</summary>
          <ul className="people">
            {sent.map((request) => (
              <Sent key={request.id} model={model} request={request} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Who({ request, detail }: { request: Conversation; detail: string }) {
  const { peer, inviter, name, avatar, colourId } = request;
  const id = inviter?.id ?? peer;
  return (
    <button type="button" className="request__who" onClick={() => id !== undefined && openPerson(id)} title={id}>
      <Avatar id={colourId} name={inviter?.name ?? name} picture={avatar} />
      <span className="person-row__text">
        <bdi className="person-row__name ellipsis">{inviter?.name ?? name}</bdi>
        <span className="person-row__detail ellipsis">{detail}</span>
      </span>
    </button>
  );
}

function Received({ model, request }: { model: ContactsModel; request: Conversation }) {
  const t = useT();
  const [busy, setBusy] = useState<"accept" | "decline">();
  const [blocking, setBlocking] = useState(false);
  const name = request.inviter?.name ?? request.name;
  const answer = async (kind: "accept" | "decline", action: () => Promise<unknown>) => {
    setBusy(kind);
    await attempt(action);
    setBusy(undefined);
  };
  return (
    <li className="request">
      <Who request={request} detail={request.inviter?.id ?? ""} />
      {request.note !== undefined && (
        <p className="request__note" dir="auto">
          {request.note}
        </p>
      )}
      <div className="request__actions">
        <Button
          kind="primary"
          busy={busy === "accept"}
          onClick={() =>
            void answer("accept", async () => router.go({ name: "room", roomId: await model.accept(request) }))
          }
        >
          {t("action.accept")}
        </Button>
        <Button busy={busy === "decline"} onClick={() => void answer("decline", () => model.decline(request))}>
          {t("action.decline")}
        </Button>
        <IconButton label={t("requests.block", { name })} onClick={() => setBlocking(true)}>
          <ShieldBan />
        </IconButton>
      </div>
      {blocking && (
        <Confirm
          title={t("person.block.title", { name })}
          text={t("person.block.text")}
          action={t("person.block")}
          onConfirm={() => void attempt(() => model.block(request))}
          onClose={() => setBlocking(false)}
        />
      )}
    </li>
  );
}

function Sent({ model, request }: { model: ContactsModel; request: Conversation }) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const withdraw = async () => {
    setBusy(true);
    await attempt(async () => {
      if (!(await model.withdraw(request))) showToast({ tone: "done", message: { key: "requests.leftOnly" } });
    });
    setBusy(false);
  };
  return (
    <li className="request request--sent">
      <Who request={request} detail={t("requests.waiting")} />
      <Button kind="text" busy={busy} onClick={() => void withdraw()}>
        {t("requests.withdraw")}
      </Button>
    </li>
  );
}
