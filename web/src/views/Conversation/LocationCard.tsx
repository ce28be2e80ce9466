import { Copy, Map as MapIcon, MapPin } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../../base/hooks.ts";
import type { Place } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import { copy } from "./MessageMenus.tsx";

/** A place by its words and coordinates. No map is loaded: that would tell a third party where people are. */
export function LocationCard({ place, meta }: { place: Place; meta?: ReactNode }) {
  const t = useT();
  const { latitude, longitude, accuracy, label } = place;
  const coordinates = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  const metres =
    accuracy === undefined
      ? undefined
      : new Intl.NumberFormat(t.locale, { style: "unit", unit: "meter", maximumFractionDigits: 0 }).format(accuracy);
  return (
    <>
      <div className="file-card">
        <span className="file-card__icon">
          <MapPin aria-hidden />
        </span>
        <span className="file-card__text">
          <span className="file-card__name" dir="auto">
            {label || t("location.title")}
          </span>
          <a className="file-card__size" href={`geo:${latitude},${longitude}`} title={t("location.open")}>
            {coordinates}
          </a>
          {metres !== undefined && <span className="file-card__size">{t("location.accuracy", { metres })}</span>}
        </span>
        <a
          className="icon-button"
          href={`https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`}
          target="_blank"
          rel="noreferrer noopener"
          aria-label={t("location.map")}
          title={t("location.map")}
        >
          <MapIcon aria-hidden />
        </a>
        <IconButton label={t("location.copy")} onClick={() => copy(coordinates, "message.copied")}>
          <Copy />
        </IconButton>
      </div>
      {meta !== undefined && <div className="bubble__text">{meta}</div>}
    </>
  );
}
