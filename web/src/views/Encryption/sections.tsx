/** The sections of the settings that belong to encryption, and its dialogs, fetched when they are wanted. */
import { lazy, Suspense } from "react";
import { useAccount, useReadable } from "../../base/hooks.ts";
import { encryptionDialog } from "../../viewmodels/encryption.ts";

const Sessions = lazy(() => import("./SessionsSection.tsx").then((module) => ({ default: module.SessionsSection })));
const Encryption = lazy(() =>
  import("./EncryptionSection.tsx").then((module) => ({ default: module.EncryptionSection })),
);
const Host = lazy(() => import("./EncryptionHost.tsx"));

export function SessionsSection() {
  return (
    <Suspense fallback={<section className="settings__section" aria-busy="true" />}>
      <Sessions />
    </Suspense>
  );
}

export function EncryptionSection() {
  return (
    <Suspense fallback={<section className="settings__section" aria-busy="true" />}>
      <Encryption />
    </Suspense>
  );
}

export function EncryptionDialogs() {
  const { encryption } = useAccount();
  const running = useReadable(encryption.verification);
  const dialog = useReadable(encryptionDialog);
  if (running === undefined && dialog === undefined) return null;
  return (
    <Suspense fallback={null}>
      <Host />
    </Suspense>
  );
}
