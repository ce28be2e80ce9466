/**
 * A page that the browser keeps, to come back to it, gives up its transactions and begins no other. WebKit stops such a page
 * with its transactions open, and the next one would wait for them in vain. It starts anew when somebody comes back.
 */
export function endTransactionsWhenKept(startAnew: () => void): void {
  if (typeof IDBDatabase === "undefined") return;
  const open = new Set<IDBTransaction>();
  let kept = false;
  const begin = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (...how: Parameters<typeof begin>) {
    if (kept) throw new DOMException("the page has been left", "InvalidStateError");
    const transaction = begin.apply(this, how);
    open.add(transaction);
    for (const end of ["complete", "abort"]) transaction.addEventListener(end, () => open.delete(transaction));
    return transaction;
  };
  window.addEventListener("pagehide", ({ persisted }) => {
    kept = persisted;
    if (!kept) return;
    for (const transaction of open) {
      try {
        transaction.abort();
      } catch {
        // It is ending by itself.
      }
    }
  });
  window.addEventListener("pageshow", ({ persisted }) => persisted && startAnew());
}
