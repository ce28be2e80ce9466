import "./People.css";
import { useT } from "../../base/hooks.ts";
import { BackButton } from "../Conversation/Header.tsx";
import { PersonProfile } from "./PersonProfile.tsx";

/** The card as a page of its own, at the address of "my link". */
export function PersonPage({ userId }: { userId: string }) {
  const t = useT();
  return (
    <div className="person-page">
      <header className="person-page__head">
        <BackButton />
        <h1>{t("person.title")}</h1>
      </header>
      <div className="person-page__body">
        <PersonProfile userId={userId} />
      </div>
    </div>
  );
}
