import { PhoneCall } from "lucide-react";
import { useMemo } from "react";
import { useAccount, useNow, useReadable, useT } from "../../base/hooks.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button } from "../../ui/controls.tsx";
import { callsModel } from "../../viewmodels/calls.ts";
import type { OfConversation } from "./slots.tsx";
import { useLiveCall } from "./useCall.ts";

/** Faces that are shown; whoever else is there is in the number. */
const FACES = 4;

/** Says that there is a call, who is in it, and lets one join. */
export function CallBanner({ calls, conversation }: OfConversation) {
  const t = useT();
  const now = useNow();
  const model = callsModel(useAccount(), calls);
  const { people, since, video, elsewhere, may } = useReadable(
    useMemo(() => calls.room(conversation.id), [calls, conversation.id]),
  );
  const live = useLiveCall(calls);
  const joining = useReadable(model.joining) === conversation.id;
  const shown = people.length > 0 && live?.roomId !== conversation.id && conversation.membership === "join";
  const minutes = Math.floor(Math.max(0, now - since) / 60_000);
  const names = new Intl.ListFormat(t.locale, { style: "short" }).format(
    people.slice(0, FACES).map(({ name, me }) => (me === true ? t("call.you") : name)),
  );
  return (
    <div role="status">
      {shown && (
        <section className="call-banner" aria-label={t.count("call.in", people.length)}>
          <PhoneCall className="call-banner__icon" aria-hidden />
          <span className="call-banner__faces">
            {people.slice(0, FACES).map(({ id, name, avatar }) => (
              <Avatar key={id} id={id} name={name} picture={avatar} size="xs" />
            ))}
          </span>
          <p className="call-banner__text">
            <span className="call-banner__who ellipsis">
              {elsewhere ? t("call.elsewhere") : t("call.in.names", { names })}
            </span>
            <span className="call-banner__more">
              {t.count("call.in", people.length)}
              {minutes > 0 && ` · ${minutesText(minutes, t.locale)}`}
            </span>
          </p>
          {may === "no" ? null : (
            <Button kind="primary" busy={joining} onClick={() => model.call(conversation.id, video)}>
              {t(elsewhere ? "call.join.here" : "call.join")}
            </Button>
          )}
        </section>
      )}
    </div>
  );
}

function minutesText(minutes: number, locale: string): string {
  const format = { style: "unit", unit: "minute", unitDisplay: "short" } as const;
  return new Intl.NumberFormat(locale, format).format(minutes);
}
