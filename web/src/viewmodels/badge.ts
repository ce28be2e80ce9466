/** The number of conversations with something new: in the tab's title, on its icon, and on that of the installed app. */

const ICON = "/favicon.svg";
const SIZE = 64;
let drawn: string | undefined;

export async function showBadge(count: number): Promise<void> {
  // Only installed apps have such a badge, and browsers that know none reject.
  const badge = count > 0 ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
  void badge?.catch(() => undefined);
  const label = count === 0 ? "" : count > 99 ? "99+" : String(count);
  if (label === drawn) return;
  drawn = label;
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) return;
  const icon = label === "" ? ICON : await withBadge(label).catch(() => ICON);
  if (drawn !== label) return;
  link.type = icon === ICON ? "image/svg+xml" : "image/png";
  link.href = icon;
}

async function withBadge(label: string): Promise<string> {
  const image = new Image(SIZE, SIZE);
  image.src = ICON;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SIZE;
  canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (context === null) return ICON;
  context.drawImage(image, 0, 0, SIZE, SIZE);
  const width = label.length === 1 ? 34 : 44;
  context.fillStyle = "#d0303c";
  context.beginPath();
  context.roundRect(SIZE - width, SIZE - 36, width, 36, 18);
  context.fill();
  context.fillStyle = "#fff";
  context.font = `bold ${label.length === 1 ? 28 : label.length === 2 ? 26 : 20}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(label, SIZE - width / 2, SIZE - 17);
  return canvas.toDataURL("image/png");
}
