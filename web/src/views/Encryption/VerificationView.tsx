/** A verification, from the request to its end: by a code or by emoji. A request by others waits in a corner until it is accepted. */
import { ScanLine, ShieldCheck, ShieldX, Smile } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { verificationEmojiName } from "../../lib/verificationEmoji.ts";
import type { Verification, VerificationState } from "../../matrix/crypto/verification.ts";
import { Button, EmptyState } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { QrImage } from "../People/QrImage.tsx";

// The reader of codes is loaded when somebody scans.
const Scanner = lazy(() => import("../People/Scanner.tsx"));

export function VerificationView({ verification }: { verification: Verification }) {
  const t = useT();
  const account = useAccount();
  const state = useReadable(verification.state);
  const [scanning, setScanning] = useState(false);
  const { name } = account.person(verification.userId);
  const end = () => void attempt(() => account.encryption.endVerification());
  if (state.step === "asked") return <Asked verification={verification} name={name} onDecline={end} />;
  const title = verification.own ? t("verify.asked.title") : t("verify.person.title", { name });
  if (state.step === "choose" && scanning) {
    return (
      <Dialog title={title} onClose={end} className="encryption">
        <Suspense fallback={<div className="dialog__body" aria-busy="true" />}>
          <Scanner
            binary
            text={t(verification.own ? "verify.scan.text.session" : "verify.scan.text", { name })}
            wrong={t("verify.scan.wrong")}
            onRead={(code) => verification.scan(code)}
            onCancel={() => setScanning(false)}
          />
        </Suspense>
      </Dialog>
    );
  }
  return (
    <Dialog title={title} onClose={end} className="encryption">
      <div className="dialog__body" aria-live="polite">
        <Step verification={verification} state={state} name={name} onScan={() => setScanning(true)} onEnd={end} />
      </div>
    </Dialog>
  );
}

function Asked({ verification, name, onDecline }: { verification: Verification; name: string; onDecline: () => void }) {
  const t = useT();
  return (
    <section className="verification-request" role="alertdialog" aria-label={t("verify.asked.title")}>
      <p>{verification.own ? t("verify.asked.session") : t("verify.asked", { name })}</p>
      <div className="encryption__actions">
        <Button onClick={onDecline}>{t("action.decline")}</Button>
        <Button kind="primary" onClick={() => void attempt(() => verification.accept())}>
          {t("action.accept")}
        </Button>
      </div>
    </section>
  );
}

interface StepProps {
  verification: Verification;
  state: Exclude<VerificationState, { step: "asked" }>;
  name: string;
  onScan: () => void;
  onEnd: () => void;
}

function Step({ verification, state, name, onScan, onEnd }: StepProps) {
  const t = useT();
  switch (state.step) {
    case "waiting":
      return <Waiting text={verification.own ? t("verify.waiting.session") : t("verify.waiting", { name })} />;
    case "preparing":
      return <Waiting text={t("verify.preparing")} />;
    case "choose":
      return <Choose verification={verification} state={state} name={name} onScan={onScan} />;
    case "recognised":
      return (
        <>
          <EmptyState
            icon={<ShieldCheck />}
            title={t("verify.recognised.title")}
            text={t(verification.own ? "verify.recognised.session" : "verify.recognised", { name })}
          />
          <Waiting text={t("verify.matching")} />
        </>
      );
    case "scanned":
      return (
        <>
          <p className="encryption__text">
            {t(verification.own ? "verify.scanned.session" : "verify.scanned", { name })}
          </p>
          <div className="dialog__foot">
            <Button kind="danger-quiet" onClick={() => verification.denyScan()}>
              {t("verify.scanned.no")}
            </Button>
            <Button kind="primary" onClick={() => verification.confirmScan()}>
              {t("verify.scanned.yes")}
            </Button>
          </div>
        </>
      );
    case "compare":
      return (
        <>
          <p className="encryption__text">{t(verification.own ? "verify.compare.session" : "verify.compare")}</p>
          <EmojiList emoji={state.emoji} />
          {state.confirmed ? (
            <Waiting text={t("verify.matching")} />
          ) : (
            <div className="dialog__foot">
              <Button kind="danger-quiet" onClick={() => verification.mismatch()}>
                {t("verify.mismatch")}
              </Button>
              <Button kind="primary" onClick={() => void attempt(() => verification.confirm())}>
                {t("verify.match")}
              </Button>
            </div>
          )}
        </>
      );
    case "done":
      return (
        <EmptyState icon={<ShieldCheck />} title={t("verify.done.title")} text={doneText(verification, name, t)}>
          <Button kind="primary" onClick={onEnd}>
            {t("action.close")}
          </Button>
        </EmptyState>
      );
    case "cancelled":
      return (
        <EmptyState icon={<ShieldX />} title={t("verify.cancelled.title")} text={t(`verify.cancelled.${state.why}`)}>
          <Button kind="primary" onClick={onEnd}>
            {t("action.close")}
          </Button>
        </EmptyState>
      );
  }
}

interface ChooseProps {
  verification: Verification;
  state: Extract<VerificationState, { step: "choose" }>;
  name: string;
  onScan: () => void;
}

/** Either scans the other's code, whichever device has a camera; without one, both compare pictures. */
function Choose({ verification, state: { code, scan }, name, onScan }: ChooseProps) {
  const t = useT();
  const { own } = verification;
  return (
    <>
      {code !== undefined && (
        <>
          <p className="encryption__text">{t(own ? "verify.code.session" : "verify.code", { name })}</p>
          <div className="verification-code">
            <QrImage text={code} binary label={t("verify.code.image")} />
          </div>
        </>
      )}
      <div className="verification-ways">
        {scan && (
          <Button kind={code === undefined ? "primary" : "quiet"} onClick={onScan}>
            <ScanLine aria-hidden />
            {t(own ? "verify.scan.session" : "verify.scan")}
          </Button>
        )}
        <Button onClick={() => verification.compare()}>
          <Smile aria-hidden />
          {t("verify.pictures")}
        </Button>
      </div>
    </>
  );
}

function doneText(verification: Verification, name: string, t: ReturnType<typeof useT>): string {
  if (!verification.own) return t("verify.done.person", { name });
  return t(verification.ofThisSession ? "verify.done.session" : "verify.done.other");
}

function Waiting({ text }: { text: string }) {
  return (
    <p className="encryption__waiting" role="status">
      <span className="encryption__dots" aria-hidden />
      {text}
    </p>
  );
}

function EmojiList({ emoji }: { emoji: readonly string[] }) {
  const t = useT();
  const language = t.locale.startsWith("zh") ? "zh" : "en";
  return (
    <ol className="verification-emoji">
      {emoji.map((symbol, index) => (
        // By its place: the same emoji may come twice, and the list never changes.
        <li key={index}>
          <span className="verification-emoji__symbol" aria-hidden>
            {symbol}
          </span>
          <span>{verificationEmojiName(symbol, language)}</span>
        </li>
      ))}
    </ol>
  );
}
