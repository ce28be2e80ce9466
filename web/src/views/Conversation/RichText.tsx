import { createElement, type ReactNode, useMemo, useState } from "react";
import { Link } from "../../app/Link.tsx";
import { linkify, parseRichText, permalinkTarget, type RichNode } from "../../lib/richtext.ts";

/** Text as it is, with web addresses made into links. */
export function PlainText({ text }: { text: string }) {
  return linkify(text).map(({ text: part, href }, index) => {
    // Parts have no identity of their own and never move.
    if (href === undefined) return <span key={index}>{part}</span>;
    return (
      <OutsideLink key={index} href={href}>
        {part}
      </OutsideLink>
    );
  });
}

/** Formatted text of other people: only the elements that the sanitiser lets through are made. */
export function RichText({ html }: { html: string }) {
  const nodes = useMemo(() => parseRichText(html), [html]);
  return <div className="rich">{nodes.map((node, index) => renderNode(node, index, false))}</div>;
}

function renderNode(node: RichNode, key: number, inLink: boolean): ReactNode {
  if (typeof node === "string") return inLink ? node : <PlainText key={key} text={node} />;
  const { tag, attributes } = node;
  const children = node.children.map((child, index) =>
    renderNode(child, index, inLink || tag === "a" || tag === "code"),
  );
  if (tag === "a")
    return (
      <RichLink key={key} href={attributes.href ?? ""}>
        {children}
      </RichLink>
    );
  if (tag === "span" && attributes.spoiler !== undefined) return <Spoiler key={key}>{children}</Spoiler>;
  if (tag === "br" || tag === "hr") return createElement(tag, { key });
  const props = tag === "ol" && attributes.start !== undefined ? { key, start: Number(attributes.start) } : { key };
  return createElement(tag, props, ...children);
}

/** Permalinks stay inside of the client; people are shown as such. */
function RichLink({ href, children }: { href: string; children: ReactNode }) {
  const target = permalinkTarget(href);
  if (target === undefined) return <OutsideLink href={href}>{children}</OutsideLink>;
  if ("userId" in target)
    return (
      <span className="mention" title={target.userId}>
        {children}
      </span>
    );
  return <Link to={{ name: "room", roomId: target.room, eventId: target.eventId }}>{children}</Link>;
}

function OutsideLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}

function Spoiler({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState(false);
  return (
    <button type="button" className="spoiler" aria-expanded={shown} onClick={() => setShown(true)}>
      <span aria-hidden={!shown}>{children}</span>
    </button>
  );
}
