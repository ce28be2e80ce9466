/** Hands a file to the browser's downloads. */
export function saveFile(file: File): void {
  // Of a kind that the browser does not show, so that it never opens in this origin.
  const url = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = file.name;
  link.click();
  // The download has its own reference once the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
