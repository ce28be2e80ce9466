// Sets the chosen theme and accent before the first paint, so that a dark room does not flash white, and has the client of
// somebody who is signed in loaded along with the page. A file of its own because the content security policy allows no
// inline scripts.
try {
  const { theme } = JSON.parse(localStorage.getItem("im2.preferences") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const user = JSON.parse(localStorage.getItem("im2.session") ?? "{}").userId;
  const accent = JSON.parse(localStorage.getItem(`im2.preferences.account:${user}`) ?? "{}").accent?.value;
  const files = user === undefined ? null : document.querySelector("meta[name=im2-client]");
  for (const href of files?.content.split(" ") ?? []) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href, crossOrigin: "" }));
  }
  if (typeof accent === "string" && accent !== "violet") document.documentElement.dataset.accent = accent;
} catch {
  // Without storage the system's theme applies.
}
