/** The list of conversations, and what stands in it. */
import type { Conversation, Preview, PublicGroup, Space } from "../../matrix/types.ts";
import { message } from "./messages.ts";
import { cast } from "./people.ts";
import { ago, DAY, HOUR, MINUTE, type Say } from "./world.ts";

export const GROUP = "!garden:example.org";
export const DIRECT = "!ana:example.org";
export const SPACE = "!house:example.org";

export function conversation(id: string, name: string, part: Partial<Conversation> = {}): Conversation {
  return {
    id,
    name,
    colourId: part.peer ?? id,
    membership: "join",
    direct: part.peer !== undefined,
    activity: ago(3 * HOUR),
    unread: 0,
    highlights: 0,
    muted: false,
    pinned: false,
    typing: [],
    ...part,
  };
}

/** The group that most stories take place in. */
export function group(say: Say, part: Partial<Conversation> = {}): Conversation {
  const avatar = "mxc://gallery/garden";
  return conversation(GROUP, say("Garden committee", "花园小组"), { avatar, encrypted: true, ...part });
}

export function direct(say: Say, part: Partial<Conversation> = {}): Conversation {
  const { ana } = cast(say);
  return conversation(DIRECT, ana.name, {
    peer: ana.id,
    peerMembership: "join",
    avatar: ana.avatar,
    encrypted: true,
    ...part,
  });
}

/** Rows in every state. */
export function conversations(say: Say): readonly Conversation[] {
  const { me, ana, ben, clara, emre, fatima, long, wide, dmitri } = cast(say);
  const said = (sender: typeof ana, words: string, part: Partial<Preview> = {}): Preview => {
    const { own, timestamp, body } = message(sender, words);
    return { sender, own, timestamp, body, status: "sent", ...part };
  };
  const labels = [say("Neighbours", "邻居")];
  return [
    conversation("!invited:example.org", say("Book club", "读书会"), {
      membership: "invite",
      inviter: clara,
      activity: ago(MINUTE),
    }),
    group(say, {
      pinned: true,
      unread: 12,
      highlights: 1,
      activity: ago(2 * MINUTE),
      labels,
      preview: said(ben, say("@Robin can you bring the ladder on Saturday?", "@若彬 周六能把梯子带来吗？")),
    }),
    direct(say, { pinned: true, activity: ago(9 * MINUTE), preview: said(ana, say("See you at eight!", "八点见！")) }),
    conversation("!typing:example.org", say("Weekend hike", "周末徒步"), {
      typing: [ben.name, clara.name],
      unread: 3,
      activity: ago(12 * MINUTE),
      preview: said(ben, "…"),
    }),
    conversation("!draft:example.org", ben.name, {
      peer: ben.id,
      activity: ago(HOUR),
      preview: said(me, say("Thanks", "谢谢")),
    }),
    conversation("!failed:example.org", clara.name, {
      peer: clara.id,
      avatar: clara.avatar,
      activity: ago(2 * HOUR),
      preview: said(me, say("The address is on the door", "地址写在门上"), { status: "failed" }),
    }),
    conversation("!waiting:example.org", emre.name, {
      peer: emre.id,
      activity: ago(2 * HOUR),
      preview: said(me, say("On my way", "在路上了"), { status: "waiting" }),
    }),
    conversation("!muted:example.org", say("Announcements", "公告"), {
      muted: true,
      unread: 1420,
      preview: { ...said(clara, ""), body: { kind: "image", media: { mxc: "mxc://gallery/lake", name: "lake.jpg" } } },
    }),
    conversation("!marked:example.org", say("Landlord", "房东"), {
      markedUnread: true,
      labels,
      preview: said(dmitri, say("Rent is due", "该交房租了")),
    }),
    conversation("!long:example.org", long.name, {
      peer: long.id,
      unread: 2,
      activity: ago(DAY),
      preview: said(
        long,
        `${say("Averylongwordthatnobodywouldeverwriteinachat", "一段非常非常长的话")} `.repeat(6).trim(),
      ),
    }),
    conversation("!wide:example.org", wide.name, {
      muted: true,
      pinned: false,
      activity: ago(2 * DAY),
      preview: said(wide, wide.name),
    }),
    conversation("!rtl:example.org", fatima.name, {
      peer: fatima.id,
      activity: ago(3 * DAY),
      preview: said(fatima, "مرحبا! كيف حالك اليوم؟ 🌷"),
    }),
    conversation("!empty:example.org", say("Nothing said yet", "还没人说话"), { activity: 0 }),
    conversation("!removed:example.org", say("Chess", "象棋"), { membership: "leave", activity: ago(6 * DAY) }),
    conversation("!banned:example.org", say("Debates", "辩论"), { membership: "ban", activity: ago(20 * DAY) }),
    conversation("!knocked:example.org", say("Sailing", "帆船"), { membership: "knock", activity: ago(30 * DAY) }),
    conversation("!away:example.org", say("Old flat", "旧公寓"), {
      archived: true,
      unread: 2,
      activity: ago(300 * DAY),
    }),
  ];
}

/** Requests for a direct chat: one that waits for an answer, and one that was sent. */
export function requests(say: Say): readonly Conversation[] {
  const { emre, dmitri } = cast(say);
  return [
    conversation("!request:example.org", emre.name, {
      peer: emre.id,
      membership: "invite",
      inviter: emre,
      note: say("We met at the market; you wanted the recipe.", "我们在市场见过，你说想要那个菜谱。"),
    }),
    conversation("!asked:example.org", dmitri.name, { peer: dmitri.id, peerMembership: "invite" }),
  ];
}

export function space(id: string, name: string, part: Partial<Space> = {}): Space {
  return { id, name, topic: "", membership: "join", top: true, children: [], rooms: [], manages: true, ...part };
}

export function spaces(say: Say): readonly Space[] {
  const { clara } = cast(say);
  return [
    space("!invitedspace:example.org", say("Theatre", "剧社"), {
      membership: "invite",
      inviter: clara,
      manages: false,
    }),
    space(SPACE, say("Our house", "我们的楼"), {
      avatar: "mxc://gallery/house",
      topic: say(
        "Everybody who lives in number 14. Be kind, and close the door.",
        "住在十四号的所有人。待人友善，随手关门。",
      ),
      children: [GROUP, "!marked:example.org"],
      rooms: [GROUP, "!marked:example.org"],
    }),
    space("!work:example.org", say("Work", "工作"), { manages: false }),
  ];
}

export function publicGroup(id: string, name: string, part: Partial<PublicGroup> = {}): PublicGroup {
  return { id, name, memberCount: 12, joined: false, space: false, ...part };
}
