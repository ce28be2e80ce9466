import { renderToStaticMarkup } from "react-dom/server";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { Words } from "../../base/Words.tsx";
import { pictureBox } from "./MessageContent.tsx";
import { PlainText, RichText } from "./RichText.tsx";

const html = (source: string) =>
  renderToStaticMarkup(
    <Words>
      <RichText html={source} />
    </Words>,
  );

test("a link leaves the client without telling where it came from", () => {
  expect(html('<a href="https://example.org" onclick="alert(1)">x</a>')).toContain(
    '<a href="https://example.org" target="_blank" rel="noreferrer noopener">x</a>',
  );
});

test("a mention is a name, a link to a room stays inside", () => {
  expect(html('<a href="https://matrix.to/#/@ana:example.org">Ana</a>')).toContain(
    '<button type="button" class="mention" title="@ana:example.org">',
  );
  expect(html('<a href="https://matrix.to/#/!r:example.org/$e">there</a>')).toContain('href="/room/!r:example.org/$e"');
});

test("nothing that runs reaches the page", () => {
  const hostile = `<img src=x onerror=alert(1)><svg/onload=alert(1)><a href="javascript:alert(1)">a</a>
    <iframe srcdoc="<script>alert(1)</script>"></iframe><b style="background:url(javascript:alert(1))">b</b>`;
  const out = html(hostile);
  expect(out).not.toMatch(/script|onerror|onload|style=|iframe|<img|<svg/i);
  expect(out).toContain("<b>");
});

test("a spoiler hides its text until it is asked for", () => {
  expect(html("<span data-mx-spoiler>secret</span>")).toContain('aria-label="Show the spoiler"');
  expect(html("<span data-mx-spoiler='the end'>secret</span>")).toContain("the end");
});

test("plain text is escaped, addresses become links", () => {
  const out = renderToStaticMarkup(<PlainText text={"<b> https://example.org/?a=1&b=2"} />);
  expect(out).toContain("&lt;b&gt;");
  expect(out).toContain('href="https://example.org/?a=1&amp;b=2"');
});

test("a picture has its place before it has arrived", () => {
  expect(pictureBox(1600, 800)).toEqual({ width: "21.00rem", aspectRatio: "2.0000" });
  expect(pictureBox(100, 4000)).toEqual({ width: "7.00rem", aspectRatio: "0.4500" });
  expect(pictureBox(undefined, 10).aspectRatio).toBe("4 / 3");
});

test("a formula is its source until it can be drawn, then MathML of elements alone", async () => {
  const source = '<span data-mx-maths="x^2 &lt; y"><code>fallback</code></span>';
  expect(html(source)).toContain("<code>x^2 &lt; y</code>");
  const page = document.body.appendChild(document.createElement("div"));
  const root = createRoot(page);
  root.render(
    <>
      <RichText html={source} />
      <RichText html='<div data-mx-maths="\foo{<img src=x onerror=alert(1)>}">x</div>' />
    </>,
  );
  await vi.waitFor(() => expect(page.querySelector("math msup")?.textContent).toBe("x2"), 20_000);
  expect(page.querySelector("math")?.namespaceURI).toBe("http://www.w3.org/1998/Math/MathML");
  expect(page.querySelector("img")).toBeNull();
  expect(page.querySelector(".maths__source")?.textContent).toContain("\\foo{<img");
  root.unmount();
  page.remove();
}, 30_000);
