// Sets the chosen theme before the first paint, so that a dark room does not flash white. A file of its own because the
// content security policy allows no inline scripts.
try {
  const { theme } = JSON.parse(localStorage.getItem("im2.preferences") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme applies.
}
