import { expect, test } from "vitest";
import { type ContactFormat, type FileContact, readContacts, writeContacts } from "./contactfile.ts";
import { matrixUri, personLink, personOfLink } from "./personlink.ts";

const contacts: FileContact[] = [
  { id: "@ana:example.org", name: "Ana Lima", note: {} },
  {
    id: "@bo:example.org:8448",
    name: 'Bo "the" Chen, Jr.; \\ =1+1',
    note: { remark: "=SUM(A1)", tags: ["work", "朋友"], star: true },
  },
  { id: "@wei/zhang:example.org", name: "张伟".repeat(20), note: { remark: "老张" } },
];

test.each<ContactFormat>(["vcard", "csv", "json"])("%s keeps everything there and back", (format) => {
  expect(readContacts(writeContacts(contacts, format))).toEqual(contacts);
  expect(readContacts(`\ufeff${writeContacts(contacts, format)}`)).toEqual(contacts);
});

test("a spreadsheet finds no formula in what others have written", () => {
  for (const row of writeContacts(contacts, "csv").split("\r\n").slice(1))
    for (const cell of row.split(",")) expect(cell).not.toMatch(/^"?[=+\-@]/);
});

test("lines of cards are folded within 75 octets", () => {
  for (const line of writeContacts(contacts, "vcard").split("\r\n"))
    expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
});

test("cards of elsewhere: groups, parameters, other networks, no Matrix id", () => {
  const text =
    "BEGIN:VCARD\nVERSION:3.0\nitem1.FN;CHARSET=utf-8:Ana\nIMPP;TYPE=home:xmpp:ana@example.org\nIMPP:matrix:u/ana:example.org\nIMPP:sip:ana\nEND:VCARD\n" +
    "BEGIN:VCARD\nFN:Nobody\nTEL:1\nEND:VCARD\n";
  expect(readContacts(text)).toEqual([{ id: "@ana:example.org", name: "Ana", note: {} }]);
});

test("what is no list of contacts is said to be none", () => {
  for (const text of ["", "hello", "{", "{}", "7", "a,b\n1,2"])
    expect([text, readContacts(text)]).toEqual([text, undefined]);
  expect(readContacts("id,name\nnonsense,x\n@a:b,Ana")).toEqual([{ id: "@a:b", name: "Ana", note: {} }]);
});

test("hostile files end in time", () => {
  const start = performance.now();
  readContacts(`id\n${'"'.repeat(500_000)}`);
  readContacts(`BEGIN:VCARD\n${"\\,".repeat(500_000)}`);
  readContacts(`BEGIN:VCARD\nIMPP:matrix:u/a:b\nCATEGORIES:${",".repeat(500_000)}\nEND:VCARD`);
  readContacts("[".repeat(500_000));
  expect(performance.now() - start).toBeLessThan(2000);
});

test("links to people of every kind", () => {
  const id = "@ana:example.org";
  for (const text of [id, ` ${id} `, "matrix:u/ana:example.org", "matrix:u/ana:example.org?action=chat"])
    expect(personOfLink(text)).toBe(id);
  for (const text of ["https://matrix.to/#/@ana:example.org", "https://matrix.to/#/%40ana%3Aexample.org?via=x"])
    expect(personOfLink(text)).toBe(id);
  expect(personOfLink(personLink("https://chat.example.org", id))).toBe(id);
  expect(personOfLink(personLink("http://localhost:80", "@a/b:x.y:80"))).toBe("@a/b:x.y:80");
  expect(personOfLink(matrixUri("@a/b:x.y:80"))).toBe("@a/b:x.y:80");
  for (const text of [
    "ana",
    "https://example.org/ana",
    "https://matrix.to/#/#room:x",
    "https://x/u/%E0%A4%A",
    "matrix:r/a:b",
  ])
    expect([text, personOfLink(text)]).toEqual([text, undefined]);
});
