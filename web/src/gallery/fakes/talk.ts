/** What is said in the conversations of the stories, one list for each thing that can be the matter. */
import type { PollQuestion } from "../../lib/polls.ts";
import type { Shield, TimelineEvent, Undecrypted } from "../../matrix/types.ts";
import { film, file, message, picture, reaction, sound, text, unsent, voice } from "./messages.ts";
import { cast } from "./people.ts";
import { ago, DAY, HOUR, MINUTE, type Say } from "./world.ts";

type Talk = (say: Say) => readonly TimelineEvent[];

/** An ordinary afternoon. */
export const ordinary: Talk = (say) => {
  const { me, ana, ben, clara } = cast(say);
  const first = message(ben, say("Who has the key to the shed?", "谁有棚子的钥匙？"), {
    timestamp: ago(DAY + 2 * HOUR),
  });
  return [
    first,
    message(ana, say("I do. It hangs beside my door.", "我有，就挂在我门边。"), { timestamp: ago(DAY + HOUR) }),
    message(ben, say("Shall we meet on Saturday, or does it rain?", "周六见面行吗？会不会下雨？"), {
      timestamp: ago(3 * HOUR),
    }),
    message(ben, say("I bring the ladder 🪜", "我带梯子 🪜"), { timestamp: ago(3 * HOUR - MINUTE) }),
    message(me, say("Saturday is fine for me.", "我周六可以。"), {
      timestamp: ago(2 * HOUR),
      reactions: [reaction("👍", [ana, clara]), reaction("🌱", [me, ben])],
      quote: { eventId: first.id ?? "", sender: ben, own: false, body: first.body },
    }),
    message(
      clara,
      { kind: "image", media: picture("garden-bed"), caption: say("The beds are ready", "花床准备好了") },
      { timestamp: ago(HOUR) },
    ),
    message(me, say("They look wonderful!", "真漂亮！"), {
      timestamp: ago(20 * MINUTE),
      edited: true,
      readBy: [ana, ben, clara],
    }),
  ];
};

/** Words of all sorts: long, formatted, of other scripts. */
export const words: Talk = (say) => {
  const { me, ana, ben, fatima, noa, long, wide } = cast(say);
  const html = [
    `<p>${say("A list of <strong>what</strong> to <em>bring</em>:", "要<strong>带</strong>的<em>东西</em>：")}</p>`,
    "<ul><li>🧤</li><li><del>⛏️</del></li><li><code>4 × M8</code></li></ul>",
    `<blockquote><p>${say("Whoever plants trees…", "前人栽树……")}</p></blockquote>`,
    '<pre><code class="language-ts">const beds = plants.filter(({ dry }) =&gt; dry).map(water); // as long as this line\n</code></pre>',
    "<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
    `<p><a href="https://example.org/a/very/long/address/that/does/not/end/before/the/edge/of/the/bubble?with=more">${say("the plan", "计划")}</a> <span data-mx-spoiler="">${say("a secret", "秘密")}</span></p>`,
  ].join("");
  const formula = `${say("The slope is", "坡度是")} <span data-mx-maths="\\frac{\\Delta h}{\\Delta x}"><code>h/x</code></span>`;
  return [
    message(ana, text(say("A list of what to bring", "要带的东西"), html)),
    message(ben, text(say("The slope is h/x", "坡度是 h/x"), formula)),
    message(ben, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverkaufsstellenöffnungszeiten".repeat(2)),
    message(wide, "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"),
    message(fatima, "مرحبا بالجميع، هل نلتقي يوم السبت في الحديقة؟ 🌷"),
    message(noa, "כן, אני באה ב-10:30!"),
    message(long, say("I am called like this.", "我就叫这个名字。")),
    message(
      me,
      Array.from({ length: 30 }, (_, at) => say(`Line ${at + 1} of a long message.`, `长消息的第${at + 1}行。`)).join(
        "\n",
      ),
    ),
    message(ana, { kind: "text", style: "emote", text: say("waves", "挥手") }),
    message(ben, { kind: "text", style: "notice", text: say("This is a notice of a bot.", "这是机器人的通知。") }),
    message(me, "🎉🎉🎉"),
    message(ana, say("See https://example.org/spring", "看 https://example.org/spring")),
  ];
};

/** Everything that is not words. */
export const media: Talk = (say) => {
  const { me, ana, ben, clara } = cast(say);
  return [
    message(ana, { kind: "image", media: picture("lake") }),
    message(ben, { kind: "image", media: picture("tall", 300, 1600), caption: say("Very tall", "很高") }),
    message(ben, { kind: "image", media: picture("slow-river") }),
    message(me, { kind: "image", media: picture("broken-bridge") }),
    message(clara, { kind: "video", media: film("birds"), caption: say("This morning", "今天早上") }),
    message(me, {
      kind: "audio",
      media: sound(say("The concert in the courtyard, second half.ogg", "院子音乐会下半场.ogg")),
    }),
    message(ana, { kind: "audio", media: voice() }),
    message(me, {
      kind: "file",
      media: file(
        say("Plan of the garden, final version (3), really final.pdf", "花园平面图最终版（3）真的是最终版.pdf"),
        1_240_000,
      ),
    }),
    message(ben, { kind: "file", media: file("seeds.csv") }),
    message(clara, { kind: "sticker", media: { ...picture("cat", 256, 256), name: say("Cat", "猫") } }),
    message(ana, {
      kind: "location",
      place: { latitude: 52.37403, longitude: 4.88969, accuracy: 18, label: say("The north gate", "北门") },
    }),
  ];
};

/** Pictures that belong together. */
export const albums: Talk = (say) => {
  const { me, ana } = cast(say);
  const image = (name: string, album: string, caption?: string) => ({
    kind: "image" as const,
    media: picture(name),
    album,
    caption,
  });
  return [
    message(ana, image("one", "a", say("Before and after", "前后对比"))),
    message(ana, image("two", "a")),
    ...["three", "four", "five", "six", "seven"].map((name) => message(me, image(name, "b"))),
  ];
};

const UNDECRYPTED: readonly Undecrypted[] = [
  "decrypting",
  "no-engine",
  "no-key",
  "not-member",
  "withheld",
  "withheld-unverified",
  "history-unverified",
  "history-lost",
  "history-missing",
  "identity-changed",
  "unknown-device",
  "damaged",
];

/** What cannot be read, and why. */
export const undecrypted: Talk = (say) => {
  const { ben } = cast(say);
  return UNDECRYPTED.map((why) => message(ben, { kind: "encrypted", why }));
};

const SHIELDS: readonly Shield[] = [
  "unverified-session",
  "unknown-session",
  "identity-changed",
  "not-guaranteed",
  "wrong-sender",
  "in-clear",
];

/** What can be read, and whose origin is doubtful. */
export const doubtful: Talk = (say) => {
  const { ben } = cast(say);
  return SHIELDS.map((shield) => message(ben, say("Transfer the money here, please.", "请把钱转到这里。"), { shield }));
};

/** What has not gone out, or not in all. */
export const outgoing: Talk = (say) => {
  const { me } = cast(say);
  const offline = { kind: "offline" } as const;
  return [
    unsent(me, say("This is on its way.", "正在发送。"), { status: "sending" }),
    unsent(me, say("This waits for a connection.", "等待网络。"), { status: "waiting", problem: offline }),
    unsent(me, say("This was refused.", "被拒绝了。"), { status: "failed", problem: { kind: "forbidden" } }),
    unsent(me, { kind: "image", media: picture("late") }, { status: "failed", problem: { kind: "too-large" } }),
    message(me, say("An edit of this waits.", "它的修改在等待。"), {
      changes: [{ key: "edit", what: "edit", status: "waiting", problem: offline }],
    }),
    message(me, say("A reaction to this was refused.", "对它的回应被拒绝了。"), {
      changes: [
        { key: "like", what: "reaction", emoji: "👍", status: "failed", problem: { kind: "limited", seconds: 8 } },
      ],
    }),
    message(me, say("This could not be deleted.", "没能删除。"), {
      changes: [{ key: "gone", what: "deletion", status: "failed", problem: { kind: "server" } }],
    }),
  ];
};

/** What is not there, or cannot be shown. */
export const missing: Talk = (say) => {
  const { me, ana, ben } = cast(say);
  return [
    message(ben, { kind: "deleted" }),
    message(me, { kind: "deleted", reason: say("Wrong group", "发错群了") }),
    message(ana, { kind: "unsupported", text: "", type: "org.example.game" }),
    message(ana, { kind: "unsupported", text: say("Ana rolled a six", "安娜掷出了六"), type: "org.example.dice" }),
    message(me, say("An answer to something far above.", "回复很久以前的一条。"), {
      quote: { eventId: "$far", own: false },
    }),
  ];
};

/** What changes of a group look like. */
export const changes: Talk = (say) => {
  const { me, ana, ben, clara, dmitri, emre, long } = cast(say);
  const change = (sender: typeof ana, body: Extract<TimelineEvent["body"], { kind: "change" }>["change"]) =>
    message(sender, { kind: "change", change: body }, { can: { edit: false, delete: false, react: false } });
  return [
    change(ana, { what: "created" }),
    change(ana, { what: "encryption" }),
    change(ana, { what: "named", name: say("Garden committee", "花园小组") }),
    change(ana, { what: "topic", topic: say("Beds, trees and the shed", "花床、树和棚子") }),
    change(ana, { what: "invited", target: me }),
    change(me, { what: "joined" }),
    change(long, { what: "joined" }),
    change(ben, { what: "called", from: "ben", to: ben.name }),
    change(ana, { what: "banned", target: emre, reason: say("Advertisements", "发广告") }),
    change(dmitri, { what: "knocked", reason: say("I live on the third floor", "我住三楼") }),
    change(clara, { what: "left" }),
    change(ana, { what: "pinned" }),
    change(ana, { what: "slowed" }),
    change(ana, { what: "servers" }),
    change(ana, { what: "admission", who: "knock" }),
    change(ana, { what: "history", who: "shared" }),
    change(ana, { what: "guestsIn" }),
    change(ana, { what: "guestsOut" }),
    change(ana, { what: "upgraded" }),
  ];
};

export const POLL = "$poll";

export function question(say: Say, part: Partial<PollQuestion> = {}): PollQuestion {
  return {
    question: say("When shall we plant the trees?", "什么时候种树？"),
    answers: [
      { id: "sat", text: say("On Saturday", "周六") },
      {
        id: "sun",
        text: say(
          "On Sunday, even if it should rain all day long and nobody has a coat",
          "周日，哪怕下一整天的雨而且谁都没有雨衣",
        ),
      },
      { id: "never", text: say("Never", "永远不") },
    ],
    max: 1,
    disclosed: true,
    stable: true,
    ...part,
  };
}

export const asking =
  (part: Partial<PollQuestion> = {}): Talk =>
  (say) => [message(cast(say).clara, { kind: "poll", poll: question(say, part) }, { id: POLL })];

/** A message that a thread began with. */
export const threaded: Talk = (say) => {
  const { ana, ben, me } = cast(say);
  const last = message(ben, say("Then I order twelve of them.", "那我订十二棵。"));
  return [
    message(ana, say("Which apple trees?", "种哪种苹果树？"), {
      id: "$root",
      thread: {
        count: 14,
        unread: 3,
        highlights: 0,
        last: { sender: ben, body: last.body, timestamp: last.timestamp },
      },
    }),
    message(me, say("I have answered there.", "我在那边回复了。")),
  ];
};
