import { Check, Copy } from "lucide-react";
import { createElement, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { AccountContext, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import type { CodePart } from "../../lib/highlight.ts";
import { Emote } from "../../ui/Emote.tsx";
import { openPerson } from "../../viewmodels/person.ts";
import { Formula } from "./Formula.tsx";
import { linkify, parseRichText, permalinkTarget, plainText, type RichNode } from "../../lib/richtext.ts";

/** Text as it is, with web addresses made into links. */
export function PlainText({ text }: { text: string }) {
  return linkify(text).map(({ text: part, href }, index) => {
    // Parts have no identity of their own and never move.
    if (href === undefined) return <span key={index}>{part}</span>;
    return (
      <RichLink key={index} href={href}>
        {part}
      </RichLink>
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
  if (attributes.maths !== undefined) return <Formula key={key} source={attributes.maths} display={tag === "div"} />;
  const [code] = node.children;
  if (tag === "pre" && node.children.length === 1 && typeof code === "object" && code.tag === "code")
    return <CodeBlock key={key} text={plainText(code.children)} language={code.attributes.language} />;
  const children = node.children.map((child, index) =>
    renderNode(child, index, inLink || tag === "a" || tag === "code"),
  );
  if (tag === "a")
    return (
      <RichLink key={key} href={attributes.href ?? ""}>
        {children}
      </RichLink>
    );
  if (tag === "span" && attributes.spoiler !== undefined)
    return (
      <Spoiler key={key} reason={attributes.spoiler}>
        {children}
      </Spoiler>
    );
  if (tag === "emote") {
    const { src = "", alt = "", title } = attributes;
    return <Emote key={key} mxc={src} alt={alt} title={title} />;
  }
  if (tag === "br" || tag === "hr") return createElement(tag, { key });
  const props = tag === "ol" && attributes.start !== undefined ? { key, start: Number(attributes.start) } : { key };
  return createElement(tag, props, ...children);
}

/** Links to people and conversations stay inside of the client, however they are written. */
export function RichLink({ href, children }: { href: string; children: ReactNode }) {
  const target = permalinkTarget(href, window.location.origin);
  if (target === undefined) return <OutsideLink href={href}>{children}</OutsideLink>;
  if ("userId" in target) return <UserMention userId={target.userId}>{children}</UserMention>;
  const className = target.eventId === undefined ? "mention mention--room" : undefined;
  return (
    <Link className={className} to={{ name: "room", roomId: target.room, eventId: target.eventId }}>
      {children}
    </Link>
  );
}

/** Somebody named in a message; oneself stands out. */
function UserMention({ userId, children }: { userId: string; children: ReactNode }) {
  const me = useContext(AccountContext)?.userId === userId;
  return (
    <button
      type="button"
      className={me ? "mention mention--me" : "mention"}
      title={userId}
      onClick={() => openPerson(userId)}
    >
      {children}
    </button>
  );
}

/** Code that can be copied, and scrolled by keys; coloured once its language's grammar is there. */
function CodeBlock({ text, language }: { text: string; language: string | undefined }) {
  const t = useT();
  const [parts, setParts] = useState<readonly CodePart[]>();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (language === undefined) return;
    let current = true;
    import("../../lib/highlight.ts").then(
      ({ highlight }) => current && setParts(highlight(text, language)),
      // Without a connection the code is read without colours.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [text, language]);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <div className="code-block">
      <pre tabIndex={0} role="group" aria-label={t("rich.code", { language: language ?? "" }).trim()} dir="ltr">
        <code>
          {parts === undefined
            ? text
            : parts.map((part, index) => (
                // Parts have no identity of their own and never move.
                <span key={index} data-kind={part.kind}>
                  {part.text}
                </span>
              ))}
        </code>
      </pre>
      <button
        type="button"
        className="code-block__copy"
        aria-label={t(copied ? "message.copied" : "rich.code.copy")}
        title={t("rich.code.copy")}
        onClick={copy}
        onBlur={() => setCopied(false)}
      >
        {copied ? <Check /> : <Copy />}
      </button>
    </div>
  );
}

function OutsideLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}

/** Hidden until somebody wants to see it. */
function Spoiler({ reason, children }: { reason: string; children: ReactNode }) {
  const t = useT();
  const [shown, setShown] = useState(false);
  if (shown) return <span className="spoiler spoiler--shown">{children}</span>;
  const label = reason === "" ? t("rich.spoiler") : t("rich.spoiler.reason", { reason });
  return (
    <button type="button" className="spoiler" aria-label={label} title={label} onClick={() => setShown(true)}>
      <span aria-hidden>{children}</span>
    </button>
  );
}
