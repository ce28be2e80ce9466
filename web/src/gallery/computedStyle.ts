/**
 * How elements are shown, for tests of components. jsdom matches an element with each rule of its own style sheet whenever
 * it is asked, which was most of what these tests cost. They read no style sheet of the client, so that what counts stands
 * in the attributes.
 */
const NOT_SHOWN = new Set(["HEAD", "TITLE", "META", "LINK", "SCRIPT", "STYLE", "TEMPLATE", "DATALIST"]);
const INLINE = new Set("A ABBR B BDI BDO CODE EM I IMG LABEL MARK Q S SMALL SPAN STRONG SUB SUP TIME U svg".split(" "));
const INLINE_BLOCK = new Set(["BUTTON", "INPUT", "SELECT", "TEXTAREA", "METER", "PROGRESS"]);

const INITIAL: Readonly<Record<string, string>> = {
  position: "static",
  overflow: "visible",
  "overflow-x": "visible",
  "overflow-y": "visible",
  opacity: "1",
  float: "none",
  clip: "auto",
  "clip-path": "none",
  transform: "none",
  filter: "none",
  "background-image": "none",
  "background-color": "rgba(0, 0, 0, 0)",
  "z-index": "auto",
};

const INHERITED: Readonly<Record<string, string>> = {
  visibility: "visible",
  "pointer-events": "auto",
  direction: "ltr",
  "white-space": "normal",
  "font-size": "16px",
  "font-weight": "400",
  color: "rgb(0, 0, 0)",
};

export function computedStyle(element: Element, pseudo?: string | null): CSSStyleDeclaration {
  const value = (property: string) => (pseudo ? "" : shown(element, property));
  return new Proxy({} as CSSStyleDeclaration, {
    get(_, key) {
      if (typeof key === "symbol") return undefined;
      if (key === "getPropertyValue") return value;
      return value(key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    },
  });
}

function shown(element: Element, property: string): string {
  const own = specified(element, property);
  if (own !== "") return own;
  if (property === "display") return display(element);
  const initial = INHERITED[property];
  if (initial === undefined) return INITIAL[property] ?? "";
  for (let above = element.parentElement; above !== null; above = above.parentElement) {
    const inherited = specified(above, property);
    if (inherited !== "") return inherited;
  }
  return initial;
}

function specified(element: Element, property: string): string {
  if (!element.hasAttribute("style")) return "";
  return (element as HTMLElement | SVGElement).style.getPropertyValue(property);
}

function display(element: Element): string {
  const { tagName } = element;
  if (element.hasAttribute("hidden") || NOT_SHOWN.has(tagName)) return "none";
  if (tagName === "DIALOG" && !element.hasAttribute("open")) return "none";
  if (tagName === "INPUT" && element.getAttribute("type") === "hidden") return "none";
  if (INLINE.has(tagName)) return "inline";
  return INLINE_BLOCK.has(tagName) ? "inline-block" : "block";
}
