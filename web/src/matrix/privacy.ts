/** What this account tells others about what its owner does. Set by the preferences, asked when something is sent. */
export interface Privacy {
  /** Read receipts go to the server only, which tells one's own devices (spec: `m.read.private`). */
  privateReceipts: boolean;
  /** Others see that one is typing. */
  typing: boolean;
}

let current: Privacy = { privateReceipts: false, typing: true };

export function privacy(): Privacy {
  return current;
}

export function setPrivacy(next: Privacy): void {
  current = next;
}
