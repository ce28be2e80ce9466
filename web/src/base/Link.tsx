import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { pathOf, type Route, router } from "./router.ts";

interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  to: Route;
  replace?: boolean;
}

/** A link inside the client: a real address, followed without loading the page. */
export function Link({ to, replace, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain) return;
    event.preventDefault();
    router.go(to, { replace });
  };
  return <a href={pathOf(to)} onClick={follow} draggable={false} {...rest} />;
}
