import { fill, press, pressing, searching } from "../../gallery/acts.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { refuse } from "../../gallery/fakes/fake.ts";
import { packs } from "../../gallery/fakes/account.ts";
import type { Meta, Story, World } from "../../gallery/story.ts";
import GifPicker from "./GifPicker.tsx";
import { PackEditor } from "./PackEditor.tsx";
import PacksDialog from "./PacksDialog.tsx";
import StickerPicker from "./StickerPicker.tsx";

export default { title: "Packs", place: "main" } satisfies Meta;

const close =
  ({ calls }: World) =>
  () =>
    calls.add("close", []);

const dialog = (world: World) => <PacksDialog roomId={GROUP} onClose={close(world)} />;

export const All: Story = { render: dialog };

export const None: Story = { knows: () => ({ packs: [] }), render: dialog };

export const OnlyUsing: Story = {
  knows: (say) => ({
    mayEditPacks: false,
    packs: packs(say)
      .slice(1)
      .map((pack) => ({ ...pack, editable: false })),
  }),
  render: dialog,
};

export const Removing: Story = {
  render: dialog,
  play: (_, { t, say }) => press(t("packs.remove", { name: say("Cats of the house", "楼里的猫") })),
};

const editor = (world: World) => {
  const [, cats] = packs(world.say);
  return (
    <PackEditor pack={cats} place={cats?.place} onDone={() => world.calls.add("done", [])} onClose={close(world)} />
  );
};

export const Editing: Story = { render: editor };

export const WrongCode: Story = {
  render: editor,
  play: (_, { t }) => fill(t("packs.code", { code: "cat" }), "wave"),
};

export const NotSaved: Story = {
  before: ({ account }) => {
    account.packs.save = refuse("too-large");
  },
  render: editor,
  play: pressing("action.save"),
};

export const Making: Story = {
  render: (world) => <PackEditor place={undefined} onDone={() => world.calls.add("done", [])} onClose={close(world)} />,
};

const stickers = ({ calls }: World) => (
  <div className="popover">
    <StickerPicker
      roomId={GROUP}
      onPick={({ code }) => calls.add("pick", [code])}
      onPacks={() => calls.add("packs", [])}
    />
  </div>
);

export const Stickers: Story = { render: stickers };

export const NoStickers: Story = { knows: () => ({ packs: [] }), render: stickers };

export const NoSuchSticker: Story = { render: stickers, play: searching("qqqq") };

const gifs =
  (encrypted = false): Story["render"] =>
  ({ calls }) => (
    <div className="popover">
      <GifPicker encrypted={encrypted} onPick={({ mxc }) => calls.add("pick", [mxc])} />
    </div>
  );

export const Gifs: Story = { render: gifs() };

export const GifsEncrypted: Story = { render: gifs(true) };

export const NoGifs: Story = { knows: () => ({ gifs: [] }), render: gifs(true) };

/** Without a connection. */
export const GifOffline: Story = {
  knows: (say) => ({
    gifs: [{ mxc: "mxc://gallery/broken-now", name: say("Applause", "鼓掌"), mimetype: "image/gif" }],
  }),
  render: gifs(),
};

export const NoSuchGif: Story = { render: gifs(), play: searching("qqqq") };

export const RemovingGifs: Story = { render: gifs(), play: pressing("gifs.removing") };
