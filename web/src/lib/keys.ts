/**
 * Whether a key belongs to an input method. WebKit ends the composition before it tells of the key that ended it, which then
 * is known by its code alone.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
