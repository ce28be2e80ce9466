/** The dialogs about encryption. */
import { Observable } from "../../lib/observable.ts";
import { fill, press, pressing } from "../../gallery/acts.ts";
import { fake, never, refuse } from "../../gallery/fakes/fake.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import type { Verification, VerificationState } from "../../matrix/crypto/verification.ts";
import { type EncryptionDialog, openEncryption } from "../../viewmodels/encryption.ts";
import EncryptionHost from "./EncryptionHost.tsx";
import { ResetIdentity } from "./ResetIdentity.tsx";

export default { title: "Encryption", place: "main" } satisfies Meta;

const dialog = (which: EncryptionDialog, before?: Story["before"]): Story => ({
  before: (world) => {
    openEncryption(which);
    before?.(world);
  },
  render: () => <EncryptionHost />,
});

export const RecoveryKey = dialog({ kind: "recovery" });

export const MakingKey = dialog({ kind: "recovery" }, ({ account }) => {
  account.encryption.createRecoveryKey = () => never();
});

export const PasswordWanted: Story = {
  ...dialog({ kind: "recovery" }, ({ account }) => {
    account.encryption.saveRecovery = refuse("password-needed");
  }),
  play: pressing("recovery.saved"),
};

export const KeySaved: Story = { ...RecoveryKey, play: pressing("recovery.saved") };

export const Passphrase: Story = { ...RecoveryKey, play: pressing("recovery.usePassphrase") };

export const VerifySession = dialog({ kind: "verify" });

export const WrongKey: Story = {
  ...dialog({ kind: "verify" }, ({ account }) => {
    account.encryption.recover = refuse("wrong-recovery-key");
  }),
  play: async (_, { t }) => {
    await press(new RegExp(t("verify.byKey")));
    await fill(t("verify.byKey.field"), "EsTc 7mRn");
    await press(t("verify.byKey.action"));
  },
};

const person = ({ say }: World) => cast(say).ana.id;

export const VerifyPerson: Story = {
  before: (world) => openEncryption({ kind: "person", userId: person(world) }),
  render: () => <EncryptionHost />,
};

export const VerifiedAlready: Story = { ...VerifyPerson, knows: (say) => ({ verified: [cast(say).ana.id] }) };

export const NoIdentity: Story = {
  before: (world) => {
    openEncryption({ kind: "person", userId: person(world) });
    world.account.encryption.trust.of = async () => ({ identity: false, verified: false });
  },
  render: () => <EncryptionHost />,
};

const verifying = (state: VerificationState, own = false): Story => ({
  before: ({ account, calls, say }) => {
    account.encryption.verification.set(
      fake<Verification>("verification", calls, {
        ofThisSession: own,
        own,
        userId: own ? account.userId : cast(say).ana.id,
        deviceId: undefined,
        state: new Observable<VerificationState>(state),
        scan: async () => false,
      }),
    );
  },
  render: () => <EncryptionHost />,
});

const CODE = "MATRIX\x02\x00\x00\x0c!room:example.orgabcdefghijklmnopqrstuvwxyz";
const EMOJI = ["🐶", "🔑", "🎅", "☂️", "🍎", "🚀", "🐧"];

export const Waiting = verifying({ step: "waiting" });

export const Asked = verifying({ step: "asked" });

export const AskedBySession = verifying({ step: "asked" }, true);

export const Preparing = verifying({ step: "preparing" });

export const Choose = verifying({ step: "choose", code: CODE, scan: true });

export const ChooseWithoutCode = verifying({ step: "choose", scan: true }, true);

export const Scanning: Story = { ...Choose, play: pressing("verify.scan") };

export const Scanned = verifying({ step: "scanned" });

export const Recognised = verifying({ step: "recognised" });

export const Compare = verifying({ step: "compare", emoji: EMOJI, confirmed: false });

export const Compared = verifying({ step: "compare", emoji: EMOJI, confirmed: true });

export const Done = verifying({ step: "done" });

export const SessionDone = verifying({ step: "done" }, true);

export const Cancelled = verifying({ step: "cancelled", why: "mismatch" });

export const TimedOut = verifying({ step: "cancelled", why: "timeout" });

export const Reset: Story = { render: ({ calls }) => <ResetIdentity onClose={() => calls.add("close", [])} /> };

export const NotReset: Story = {
  ...Reset,
  before: ({ account }) => {
    account.encryption.reset = refuse("wrong-password");
  },
  play: async (_, { t }) => {
    await fill(t("encryption.password"), "not it");
    await press(t("verify.reset.action"));
  },
};
