/** Zooming and panning: a picture of `box` in the middle of a window of the same size, scaled and then moved. */
export interface Zoom {
  scale: number;
  /** Pixels by which the middle of the picture is moved. */
  x: number;
  y: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
export const MAX_SCALE = 8;

/** Scales around a point of the window, measured from its middle: what is there stays there. */
export function zoomAt(zoom: Zoom, factor: number, point: Point, picture: Size, view: Size): Zoom {
  const scale = Math.min(MAX_SCALE, Math.max(1, zoom.scale * factor));
  const ratio = scale / zoom.scale;
  const moved = { scale, x: point.x - (point.x - zoom.x) * ratio, y: point.y - (point.y - zoom.y) * ratio };
  return within(moved, picture, view);
}

export function panBy(zoom: Zoom, by: Point, picture: Size, view: Size): Zoom {
  return within({ ...zoom, x: zoom.x + by.x, y: zoom.y + by.y }, picture, view);
}

/** No edge of the picture comes further in than the edge of the window. */
function within({ scale, x, y }: Zoom, picture: Size, view: Size): Zoom {
  const spareX = Math.max(0, (picture.width * scale - view.width) / 2);
  const spareY = Math.max(0, (picture.height * scale - view.height) / 2);
  return { scale, x: clamp(x, spareX), y: clamp(y, spareY) };
}

function clamp(value: number, limit: number): number {
  // Adding zero keeps -0 out.
  return Math.min(limit, Math.max(-limit, value)) + 0;
}
