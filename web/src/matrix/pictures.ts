/** What an event says about a picture that this client sends. */
import { isAnimated } from "../lib/animated.ts";

export interface Looks {
  w: number;
  h: number;
  is_animated?: boolean;
}

/** Rejects for what is not a picture. */
export async function looksOf(picture: Blob): Promise<Looks> {
  const bitmap = await createImageBitmap(picture);
  const { width: w, height: h } = bitmap;
  bitmap.close();
  const animated = await isAnimated(picture);
  return { w, h, ...(animated === undefined ? {} : { is_animated: animated }) };
}
