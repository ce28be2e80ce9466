/** The gallery: the views and their states at the left, the chosen one in a frame of the wanted size. */
import "../styles/tokens.css";
import "../styles/base.css";
import "../ui/ui.css";
import "./gallery.css";
import { StrictMode, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { Segments } from "../ui/controls.tsx";
import type { Gallery } from "./frame.tsx";
import { PLAIN, type Settings } from "./settings.ts";

const SIZES = { wide: [1440, 900], phone: [390, 844] } as const;

/** What a link into the gallery says: the story, and how it is shown. */
interface Shown extends Settings {
  id: string;
  size: keyof typeof SIZES;
}

function read(): Shown {
  const asked = new URLSearchParams(window.location.hash.slice(1));
  return { ...PLAIN, size: "wide", id: "", ...Object.fromEntries(asked) } as Shown;
}

function Page() {
  const frame = useRef<HTMLIFrameElement>(null);
  const [gallery, setGallery] = useState<Gallery>();
  const [shown, setShown] = useState(read);
  const { id, size } = shown;
  const change = (part: Partial<Shown>) => setShown({ ...shown, ...part });
  useEffect(() => {
    const hash = new URLSearchParams({ ...shown }).toString();
    window.history.replaceState({}, "", `#${hash}`);
    void gallery?.show(id === "" ? (gallery.ids[0] ?? "") : id, shown);
  }, [gallery, shown, id]);
  const loaded = () => {
    const inside = frame.current?.contentWindow;
    if (inside?.gallery !== undefined) setGallery(inside.gallery);
    else inside?.addEventListener("gallery", () => setGallery(inside.gallery), { once: true });
  };
  const views = new Map<string, string[]>();
  for (const name of gallery?.ids ?? []) {
    const view = name.slice(0, name.lastIndexOf("/"));
    views.set(view, [...(views.get(view) ?? []), name]);
  }
  const [width, height] = SIZES[size];
  return (
    <div className="gallery">
      <nav className="gallery__list" aria-label="Stories">
        {[...views].map(([view, ids]) => (
          <section key={view}>
            <h2>{view}</h2>
            {ids.map((name) => (
              <button
                key={name}
                type="button"
                aria-current={name === id ? "page" : undefined}
                onClick={() => change({ id: name })}
              >
                {name.slice(view.length + 1).replace(/(?<=[a-z])(?=[A-Z])/g, " ")}
              </button>
            ))}
          </section>
        ))}
      </nav>
      <header className="gallery__bar">
        <Choice label="Theme" value={shown.theme} of={["light", "dark"]} onChange={(theme) => change({ theme })} />
        <Choice
          label="Language"
          value={shown.language}
          of={["en", "zh"]}
          onChange={(language) => change({ language })}
        />
        <Choice label="Size" value={size} of={["wide", "phone"]} onChange={(next) => change({ size: next })} />
        <Choice
          label="Density"
          value={shown.density}
          of={["comfortable", "compact"]}
          onChange={(density) => change({ density })}
        />
      </header>
      <div className="gallery__stage">
        <iframe
          ref={frame}
          title="The story"
          src="frame.html"
          style={{ width: `${width}px`, height: `${height}px` }}
          onLoad={loaded}
        />
      </div>
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  of: readonly T[];
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, value, of, onChange }: ChoiceProps<T>) {
  const options = of.map((option) => ({ value: option, label: option }));
  return <Segments label={label} value={value} options={options} onChange={onChange} />;
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has lost its root element");
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
