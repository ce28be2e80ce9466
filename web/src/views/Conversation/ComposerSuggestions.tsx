import { Megaphone } from "lucide-react";
import { useEffect, useRef } from "react";
import { useT } from "../../base/hooks.ts";
import type { Translate } from "../../i18n/index.ts";
import { COMMANDS } from "../../lib/commands.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Emote } from "../../ui/Emote.tsx";
import type { Completion, Suggestion } from "../../viewmodels/composer.ts";

interface ComposerSuggestionsProps {
  completion: Completion;
  chosen: number;
  onHover: (index: number) => void;
  onChoose: (suggestion: Suggestion) => void;
}

export function suggestionId(index: number): string {
  return `composer-suggestion-${index}`;
}

/** What the word at the caret may become. The focus stays in the text. */
export function ComposerSuggestions({ completion, chosen, onHover, onChoose }: ComposerSuggestionsProps) {
  const t = useT();
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <ul
      ref={list}
      id="composer-suggestions"
      role="listbox"
      // It may scroll, and the keyboard has to be able to do that.
      tabIndex={0}
      aria-label={t("composer.suggestions")}
      className="composer__suggestions"
      // A press must not take the focus out of the text.
      onMouseDown={(event) => event.preventDefault()}
    >
      {completion.suggestions.map((suggestion, index) => (
        <li
          key={suggestion.key}
          id={suggestionId(index)}
          role="option"
          aria-selected={index === chosen}
          className="composer__suggestion"
          onMouseMove={() => onHover(index)}
          onClick={() => onChoose(suggestion)}
        >
          <Row suggestion={suggestion} t={t} />
        </li>
      ))}
    </ul>
  );
}

function Row({ suggestion, t }: { suggestion: Suggestion; t: Translate }) {
  switch (suggestion.kind) {
    case "person":
      return (
        <>
          <Avatar id={suggestion.id} name={suggestion.name} picture={suggestion.avatar} size="s" />
          <bdi className="composer__suggestion-name ellipsis">{suggestion.name}</bdi>
          <span className="composer__suggestion-more ellipsis">{suggestion.id}</span>
        </>
      );
    case "room": {
      const { colourId, name, avatar, direct } = suggestion;
      return (
        <>
          <Avatar id={colourId} name={name} picture={avatar} size="s" square={!direct} />
          <bdi className="composer__suggestion-name ellipsis">{name}</bdi>
        </>
      );
    }
    case "everyone":
      return (
        <>
          <span className="composer__suggestion-icon">
            <Megaphone aria-hidden />
          </span>
          <span className="composer__suggestion-name">{t("composer.everyone")}</span>
          <span className="composer__suggestion-more ellipsis">
            {t.count("composer.everyone.count", suggestion.count - 1)}
          </span>
        </>
      );
    case "emoji":
      return (
        <>
          <span className="composer__suggestion-icon composer__suggestion-emoji">{suggestion.emoji}</span>
          <span className="composer__suggestion-name ellipsis">{suggestion.name}</span>
          <span className="composer__suggestion-more ellipsis">:{suggestion.code}:</span>
        </>
      );
    case "emote":
      return (
        <>
          <span className="composer__suggestion-icon composer__suggestion-emoji">
            <Emote mxc={suggestion.image.mxc} alt="" />
          </span>
          <span className="composer__suggestion-name ellipsis">:{suggestion.image.code}:</span>
          <bdi className="composer__suggestion-more ellipsis">{suggestion.pack}</bdi>
        </>
      );
    case "command": {
      const wants = COMMANDS.find(({ name }) => name === suggestion.name)?.wants ?? "";
      return (
        <>
          <span className="composer__suggestion-name">
            /{suggestion.name} <span className="composer__suggestion-more">{wantsText(wants, t)}</span>
          </span>
          <span className="composer__suggestion-more composer__suggestion-help">{t(`command.${suggestion.name}`)}</span>
        </>
      );
    }
  }
}

function wantsText(wants: (typeof COMMANDS)[number]["wants"], t: Translate): string {
  switch (wants) {
    case "text":
      return t("command.wants.text");
    case "text?":
      return `[${t("command.wants.text")}]`;
    case "user":
      return t("command.wants.user");
    case "user reason?":
      return `${t("command.wants.user")} [${t("command.wants.reason")}]`;
    case "room":
      return t("command.wants.room");
    case "":
      return "";
  }
}
