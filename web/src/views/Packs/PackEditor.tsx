import { ImagePlus, Trash2 } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { type ImagePack, isShortcode, type PackImage, type PackUse, shortcodeFor } from "../../lib/imagepacks.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import { Button, Field, IconButton, Segments } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { Small } from "./StickerPicker.tsx";

interface PackEditorProps {
  pack?: ImagePack;
  place: ImagePack["place"];
  onDone: () => void;
  onClose: () => void;
}

type Draft = { key: string; code: string; name: string } & ({ mxc: string; info: PackImage["info"] } | { file: File });

/** A state event has 64 KiB; a picture takes some 300 bytes of it. */
const MOST = 150;
const KINDS = "image/png,image/jpeg,image/gif,image/webp,image/avif";

/** A pack of pictures: its name, what it is for, its pictures and what they are called. */
export function PackEditor({ pack, place, onDone, onClose }: PackEditorProps) {
  const t = useT();
  const account = useAccount();
  const [name, setName] = useState(pack?.name ?? "");
  const [attribution, setAttribution] = useState(pack?.attribution ?? "");
  const [use, setUse] = useState<PackUse | "both">(
    pack === undefined || pack.uses.length === 2 ? "both" : (pack.uses[0] ?? "both"),
  );
  const [images, setImages] = useState<readonly Draft[]>(
    () => pack?.images.map((image) => ({ key: `${image.code} ${image.mxc}`, ...image })) ?? [],
  );
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const picker = useRef<HTMLInputElement>(null);
  const wrong = (draft: Draft) =>
    !isShortcode(draft.code) || images.some((other) => other !== draft && other.code === draft.code);
  const ready = name.trim() !== "" && !images.some(wrong);
  const add = (files: readonly File[]) => {
    const taken = new Set(images.map(({ code }) => code));
    const added = files.slice(0, MOST - images.length).map((file): Draft => {
      const code = shortcodeFor(file.name, taken);
      taken.add(code);
      return { key: crypto.randomUUID(), code, name: code, file };
    });
    setImages([...images, ...added]);
  };
  const change = (key: string, code: string) =>
    setImages(
      // Where nobody has said what it shows, its code says it.
      images.map((draft) =>
        draft.key === key ? { ...draft, code, name: draft.name === draft.code ? code : draft.name } : draft,
      ),
    );
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const uses = use === "both" ? (["emoticon", "sticker"] as const) : [use];
      await account.packs.save(place, { name, attribution, uses, images });
      onDone();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t(pack === undefined ? "packs.new" : "packs.edit.title")} onClose={onClose}>
      <form className="dialog__body" onSubmit={save}>
        <Field label={t("packs.name")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoComplete="off"
              maxLength={60}
              required
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Segments
          label={t("packs.use")}
          value={use}
          options={[
            { value: "both", label: t("packs.use.both") },
            { value: "sticker", label: t("packs.stickers") },
            { value: "emoticon", label: t("packs.emoji") },
          ]}
          onChange={setUse}
        />
        <ul className="pack-editor" aria-label={t("packs.pictures")}>
          {images.map((draft) => (
            <li key={draft.key} className="pack-editor__image">
              <span className="pack-editor__picture">
                {"mxc" in draft ? <Small mxc={draft.mxc} /> : <Chosen file={draft.file} />}
              </span>
              <input
                className="field__input"
                aria-label={t("packs.code", { code: draft.code })}
                aria-invalid={wrong(draft)}
                autoComplete="off"
                spellCheck={false}
                value={draft.code}
                onChange={(event) => change(draft.key, event.target.value)}
              />
              <IconButton
                label={t("packs.picture.remove", { code: draft.code })}
                onClick={() => setImages(images.filter(({ key }) => key !== draft.key))}
              >
                <Trash2 />
              </IconButton>
            </li>
          ))}
        </ul>
        {images.some(wrong) && <p className="notice notice--problem">{t("packs.code.wrong")}</p>}
        <Button disabled={images.length >= MOST} onClick={() => picker.current?.click()}>
          <ImagePlus aria-hidden />
          {t("packs.add")}
        </Button>
        <input
          ref={picker}
          type="file"
          accept={KINDS}
          multiple
          hidden
          onChange={(event) => {
            add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <Field label={t("packs.attribution")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoComplete="off"
              maxLength={200}
              value={attribution}
              onChange={(event) => setAttribution(event.target.value)}
            />
          )}
        </Field>
        <p className="field__hint">{t("packs.visible")}</p>
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={!ready}>
            {t("action.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Chosen({ file }: { file: File }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const created = URL.createObjectURL(file);
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [file]);
  return url === undefined ? null : <img src={url} alt="" />;
}
