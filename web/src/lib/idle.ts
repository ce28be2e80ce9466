/** Resolves when what is to be shown has been painted and nothing urgent is left to do, or after some time all the same. */
export function idle(timeout: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, timeout);
    requestAnimationFrame(() => {
      if (typeof requestIdleCallback === "function") requestIdleCallback(() => resolve());
      else setTimeout(resolve, 0);
    });
  });
}
