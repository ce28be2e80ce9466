/** Which of the components that views export have been rendered, to find those that no story shows. */

const MODULES = import.meta.glob<Record<string, unknown>>(
  ["../views/**/*.tsx", "!../views/**/*.stories.tsx", "!../views/**/*.test.tsx"],
  { eager: true },
);

interface Fiber {
  type: unknown;
  elementType: unknown;
  /** Of a boundary of `Suspense`, set while it shows its fallback. */
  memoizedState: unknown;
  tag: number;
  child: Fiber | null;
  sibling: Fiber | null;
}

const rendered = new Set<unknown>();

const SUSPENSE = 13;

/** The tree that is shown now: React has two, and the element knows the one that was there first. */
function tree(container: Element): Fiber | null {
  const key = Object.keys(container).find((name) => name.startsWith("__reactContainer$"));
  if (key === undefined) return null;
  return (container as unknown as Record<string, { stateNode: { current: Fiber } }>)[key]?.stateNode.current ?? null;
}

/** Remembers what React shows in an element, portals included. */
export function remember(container: Element): void {
  collect(tree(container));
}

function collect(fiber: Fiber | null): void {
  for (let at = fiber; at !== null; at = at.sibling) {
    rendered.add(at.type);
    // What is memoised has the component in its type, and itself in the type of its element.
    rendered.add(at.elementType);
    collect(at.child);
  }
}

/** Something in the element still waits for its module. */
export function waits(container: Element): boolean {
  return suspended(tree(container));
}

function suspended(fiber: Fiber | null): boolean {
  for (let at = fiber; at !== null; at = at.sibling)
    if ((at.tag === SUSPENSE && at.memoizedState !== null) || suspended(at.child)) return true;
  return false;
}

function isComponent(name: string, value: unknown): boolean {
  if (name !== "default" && !/^[A-Z][a-z]/.test(name)) return false;
  return typeof value === "function" || (typeof value === "object" && value !== null && "$$typeof" in value);
}

/** Those that have not been seen so far. */
export function unseen(): readonly string[] {
  return Object.entries(MODULES).flatMap(([path, module]) =>
    Object.entries(module)
      .filter(([name, value]) => isComponent(name, value) && !rendered.has(value))
      .map(([name]) => `${path.replace("../views/", "")} ${name}`),
  );
}
