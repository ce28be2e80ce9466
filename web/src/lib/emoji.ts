/** The emoji that the picker offers, by group. The keyboard of the system has the rest. */
export const QUICK_REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "🙏"] as const;

export const EMOJI_GROUPS = {
  smileys: split(
    "😀😃😄😁😆😅😂🤣😊😇🙂🙃😉😌😍🥰😘😋😛😜🤪🤗🤭🤔🤐😐😶😏😒🙄😬😴😷🤒🤕🤢🤯🥳😎🤓😕😟🙁😮😯😲😳🥺😢😭😱😖😞😓😩😤😡🤬😈💀💩🤡👻👽🤖",
  ),
  people: split("👍👎👌✌️🤞🤟🤘🤙👈👉👆👇✋🤚👋💪🙏👏🙌🤝✍️💅👀🧠👶👧👦👩👨👵👴🙋🤷🤦💃🕺🏃🚶"),
  nature: split("🐶🐱🐭🐹🐰🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🦆🦉🐝🦋🐢🐍🐙🐬🐳🌵🌲🌴🌱🍀🌸🌹🌻☀️🌙⭐🌈🔥❄️⛄🌊"),
  food: split("🍎🍊🍋🍌🍉🍇🍓🍒🍑🥭🍍🥝🍅🥑🌽🥕🍞🧀🍳🍔🍟🍕🌮🍜🍣🍱🥟🍚🍦🍩🍪🎂🍫🍿☕🍵🍺🍷🥂🧋"),
  things: split("🎉🎊🎁🎈🏆🥇⚽🏀🎾🎮🎲🎸🎧🎬📷💻📱💡📌📎📚✏️📝📅⏰🔑🔒🛒💰✈️🚗🚀🚲🏠🏖️🗺️🧧🏮"),
  symbols: split("❤️🧡💛💚💙💜🖤🤍💔💕💯✅❌❓❗⚠️💤💬➕➖✔️🔴🟡🟢🔵⬆️⬇️⬅️➡️🔁🎵"),
} as const;

export type EmojiGroup = keyof typeof EMOJI_GROUPS;

function split(text: string): string[] {
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}
