import {
  EllipsisVertical,
  Expand,
  Hand,
  LayoutGrid,
  MessageSquare,
  Mic,
  MicOff,
  PhoneOff,
  Presentation,
  ScreenShare,
  ScreenShareOff,
  Settings2,
  Shrink,
  SmilePlus,
  Video,
  VideoOff,
} from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { usePhone, useT } from "../../base/hooks.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallState } from "../../matrix/calls/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import { type MenuItem, Popover } from "../../ui/Popover.tsx";
import type { CallsModel } from "../../viewmodels/calls.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import type { Choice } from "./CallWindow.tsx";
import { Devices } from "./Devices.tsx";

interface ControlsProps {
  session: CallSession;
  state: CallState;
  model: CallsModel;
  choice: Choice;
  onChoice: (part: Partial<Choice>) => void;
}

/** What passes over one's own picture. */
const REACTIONS = ["👍", "👏", "😂", "❤️", "🎉", "😮"];

/** What one does in a call. On a phone the less frequent things are in a menu. */
export function Controls({ session, state, model, choice, onChoice }: ControlsProps) {
  const t = useT();
  const phone = usePhone();
  const { me, maySpeak } = state;
  const [devices, setDevices] = useState<Element>();
  const [emoji, setEmoji] = useState<Element>();
  const bar = useRef<HTMLDivElement>(null);
  const [full, toggleFull] = useFullScreen();
  const beside = model.shape.get() === "beside";
  const withKey = (action: string, key: string) => t("call.key", { action, key });
  const more = otherActions({ session, state, choice, onChoice, t });
  const screen = t(me.screen ? "call.screen.off" : "call.screen.on");
  const openHere = (set: (anchor: Element | undefined) => void) => () =>
    set(bar.current?.querySelector(".call__more") ?? bar.current ?? undefined);
  return (
    <div ref={bar} className="call__controls" role="toolbar" aria-label={t("call.controls")}>
      {maySpeak && (
        <>
          <Toggle
            label={withKey(t(me.microphone ? "call.mute" : "call.unmute"), "M")}
            on={me.microphone}
            onClick={() => void session.setMicrophone(!me.microphone)}
          >
            {me.microphone ? <Mic /> : <MicOff />}
          </Toggle>
          <Toggle
            label={withKey(t(me.camera ? "call.camera.off" : "call.camera.on"), "V")}
            on={me.camera}
            onClick={() => void session.setCamera(!me.camera)}
          >
            {me.camera ? <Video /> : <VideoOff />}
          </Toggle>
        </>
      )}
      {!phone && maySpeak && (
        <IconButton label={screen} aria-pressed={me.screen} onClick={() => void session.setScreen(!me.screen)}>
          {me.screen ? <ScreenShareOff /> : <ScreenShare />}
        </IconButton>
      )}
      {!phone && (
        <>
          <IconButton
            label={t(me.hand === undefined ? "call.hand.up" : "call.hand.down")}
            aria-pressed={me.hand !== undefined}
            onClick={() => void attempt(() => session.setHand(me.hand === undefined))}
          >
            <Hand />
          </IconButton>
          <IconButton
            label={t("call.react")}
            aria-expanded={emoji !== undefined}
            onClick={({ currentTarget }) => setEmoji(emoji === undefined ? currentTarget : undefined)}
          >
            <SmilePlus />
          </IconButton>
          <IconButton
            label={t(choice.speakerView ? "call.layout.grid" : "call.layout.speaker")}
            onClick={() => onChoice({ speakerView: !choice.speakerView, pinned: undefined, page: 0 })}
          >
            {choice.speakerView ? <LayoutGrid /> : <Presentation />}
          </IconButton>
          <IconButton
            label={t("call.devices")}
            aria-expanded={devices !== undefined}
            onClick={({ currentTarget }) => setDevices(devices === undefined ? currentTarget : undefined)}
          >
            <Settings2 />
          </IconButton>
        </>
      )}
      <IconButton
        label={t(beside ? "call.chat.hide" : "call.chat")}
        aria-pressed={beside}
        onClick={() => model.shape.set(phone ? "bar" : beside ? "window" : "beside")}
      >
        <MessageSquare />
      </IconButton>
      {phone ? (
        <MenuButton
          className="call__more"
          label={t("call.more")}
          icon={<EllipsisVertical />}
          items={[
            ...more,
            { label: t("call.react"), icon: <SmilePlus />, onSelect: openHere(setEmoji) },
            { label: t("call.devices"), icon: <Settings2 />, onSelect: openHere(setDevices) },
          ]}
        />
      ) : (
        document.fullscreenEnabled && (
          <IconButton
            label={t(full ? "call.fullscreen.leave" : "call.fullscreen")}
            aria-pressed={full}
            onClick={toggleFull}
          >
            {full ? <Shrink /> : <Expand />}
          </IconButton>
        )
      )}
      <IconButton label={t("call.hangup")} className="call__hangup" onClick={() => void model.hangUp(session)}>
        <PhoneOff />
      </IconButton>
      {devices !== undefined && (
        <Popover anchor={devices} label={t("call.devices")} onClose={() => setDevices(undefined)}>
          <Devices session={session} state={state} />
        </Popover>
      )}
      {emoji !== undefined && (
        <Popover anchor={emoji} label={t("call.react")} onClose={() => setEmoji(undefined)}>
          <div className="call__emoji">
            {REACTIONS.map((one) => (
              <IconButton
                key={one}
                label={t("call.react.with", { emoji: one })}
                onClick={() => {
                  setEmoji(undefined);
                  void attempt(() => session.react(one));
                }}
              >
                {one}
              </IconButton>
            ))}
          </div>
        </Popover>
      )}
    </div>
  );
}

interface ToggleProps {
  label: string;
  on: boolean;
  onClick: () => void;
  children: ReactNode;
}

/** Off is what one wants to see at a glance. */
function Toggle({ label, on, onClick, children }: ToggleProps) {
  return (
    <IconButton label={label} className="call__toggle" data-off={!on} onClick={onClick}>
      {children}
    </IconButton>
  );
}

type OtherActions = Pick<ControlsProps, "session" | "state" | "choice" | "onChoice"> & { t: ReturnType<typeof useT> };

function otherActions({ session, state, choice, onChoice, t }: OtherActions): readonly MenuItem[] {
  const { me, maySpeak } = state;
  const items: MenuItem[] = [
    {
      label: t(me.hand === undefined ? "call.hand.up" : "call.hand.down"),
      icon: <Hand />,
      onSelect: () => void attempt(() => session.setHand(me.hand === undefined)),
    },
    {
      label: t(choice.speakerView ? "call.layout.grid" : "call.layout.speaker"),
      icon: choice.speakerView ? <LayoutGrid /> : <Presentation />,
      onSelect: () => onChoice({ speakerView: !choice.speakerView, pinned: undefined, page: 0 }),
    },
  ];
  if (maySpeak)
    items.push({
      label: t(me.screen ? "call.screen.off" : "call.screen.on"),
      icon: me.screen ? <ScreenShareOff /> : <ScreenShare />,
      onSelect: () => void session.setScreen(!me.screen),
    });
  return items;
}

/** The whole page: what opens over the call has to be seen, too. */
function useFullScreen(): [boolean, () => void] {
  const [full, setFull] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const update = () => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", update);
    return () => {
      document.removeEventListener("fullscreenchange", update);
      delete document.documentElement.dataset.call;
      if (document.fullscreenElement === document.documentElement)
        void document.exitFullscreen().catch(() => undefined);
    };
  }, []);
  useEffect(() => {
    if (full) document.documentElement.dataset.call = "full";
    else delete document.documentElement.dataset.call;
  }, [full]);
  const toggle = () => {
    const change = full ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    void change.catch(() => undefined);
  };
  return [full, toggle];
}
