/** Places as people and other clients write them: `geo:` addresses, coordinates, links of maps. */
export interface Coordinates {
  latitude: number;
  longitude: number;
  /** How exact it is, in metres. */
  accuracy?: number;
}

const NUMBER = String.raw`(-?\d{1,3}(?:\.\d{1,20})?)`;
const GEO = new RegExp(`^geo:${NUMBER},${NUMBER}(?:,[^;]*)?(?:;.*?\\bu=(\\d{1,9}(?:\\.\\d{1,20})?))?`, "i");
const PAIR = new RegExp(`^${NUMBER}\\s*°?\\s*([NS]?)\\s*[,;，\\s]\\s*${NUMBER}\\s*°?\\s*([EW]?)$`, "i");
/** Where links of maps have the coordinates of what they show; markers before the middle of the map. */
const IN_LINKS: readonly RegExp[] = [
  new RegExp(`[?&#]mlat=${NUMBER}&mlon=${NUMBER}`),
  new RegExp(`[?&](?:q|ll|query|center|destination)=(?:loc:)?${NUMBER}(?:,|%2C)${NUMBER}`, "i"),
  new RegExp(`!3d${NUMBER}!4d${NUMBER}`),
  new RegExp(`/@${NUMBER},${NUMBER}`),
  new RegExp(`#map=[\\d.]{1,5}/${NUMBER}/${NUMBER}`),
];
/** A longer text is no place. */
const LONGEST = 2_000;

/** `geo:48.2082,16.3738;u=20` (RFC 5870). */
export function readGeoUri(uri: string): Coordinates | undefined {
  const [, latitude, longitude, accuracy] = GEO.exec(uri.slice(0, LONGEST)) ?? [];
  return onEarth(latitude, longitude, accuracy);
}

export function geoUri({ latitude, longitude, accuracy }: Coordinates): string {
  const exact = accuracy === undefined ? "" : `;u=${Math.round(accuracy)}`;
  return `geo:${rounded(latitude)},${rounded(longitude)}${exact}`;
}

/** What somebody has typed or pasted. */
export function readPlace(text: string): Coordinates | undefined {
  const source = text.trim().slice(0, LONGEST);
  if (/^geo:/i.test(source)) return readGeoUri(source);
  const [, latitude, ns = "", longitude, ew = ""] = PAIR.exec(source) ?? [];
  if (latitude !== undefined && longitude !== undefined) {
    const signed = (number: string, side: string) => (/[SW]/i.test(side) ? `-${number.replace("-", "")}` : number);
    return onEarth(signed(latitude, ns), signed(longitude, ew));
  }
  if (!/^https?:\/\//i.test(source)) return undefined;
  for (const pattern of IN_LINKS) {
    const found = pattern.exec(source);
    const place = found === null ? undefined : onEarth(found[1], found[2]);
    if (place !== undefined) return place;
  }
  return undefined;
}

function onEarth(latitude: string | undefined, longitude: string | undefined, accuracy?: string) {
  const place = { latitude: Number(latitude), longitude: Number(longitude) };
  if (!(Math.abs(place.latitude) <= 90 && Math.abs(place.longitude) <= 180)) return undefined;
  return accuracy === undefined ? place : { ...place, accuracy: Number(accuracy) };
}

/** Six places are a tenth of a metre. */
function rounded(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
