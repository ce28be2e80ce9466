/** The sections of the settings, in the order of the list. Another one is a line here. */
import {
  Bell,
  CircleHelp,
  Database,
  Globe,
  Keyboard,
  KeyRound,
  Lock,
  MonitorSmartphone,
  Palette,
  UserRound,
  UserRoundCog,
} from "lucide-react";
import type { ComponentType, ReactNode } from "react";
import type { MessageKey } from "../../i18n/index.ts";
import { EncryptionSection, SessionsSection } from "../Encryption/sections.tsx";
import { AboutSection } from "./AboutSection.tsx";
import { AccountSection } from "./AccountSection.tsx";
import { AppearanceSection } from "./AppearanceSection.tsx";
import { KeyboardSection } from "./KeyboardSection.tsx";
import { LanguageSection } from "./LanguageSection.tsx";
import { NotificationsSection } from "./NotificationsSection.tsx";
import { PrivacySection } from "./PrivacySection.tsx";
import { ProfileSection } from "./ProfileSection.tsx";
import { StorageSection } from "./StorageSection.tsx";

export interface SettingsSection {
  /** The last part of its address, `/settings/profile`. */
  id: string;
  title: MessageKey;
  icon: ReactNode;
  component: ComponentType;
}

export const SECTIONS: readonly SettingsSection[] = [
  { id: "profile", title: "settings.profile", icon: <UserRound />, component: ProfileSection },
  { id: "account", title: "settings.account", icon: <UserRoundCog />, component: AccountSection },
  { id: "encryption", title: "settings.encryption", icon: <KeyRound />, component: EncryptionSection },
  { id: "sessions", title: "settings.sessions", icon: <MonitorSmartphone />, component: SessionsSection },
  { id: "privacy", title: "settings.privacy", icon: <Lock />, component: PrivacySection },
  { id: "notifications", title: "settings.notifications", icon: <Bell />, component: NotificationsSection },
  { id: "appearance", title: "settings.appearance", icon: <Palette />, component: AppearanceSection },
  { id: "language", title: "settings.language", icon: <Globe />, component: LanguageSection },
  { id: "storage", title: "settings.storage", icon: <Database />, component: StorageSection },
  { id: "keyboard", title: "settings.keyboard", icon: <Keyboard />, component: KeyboardSection },
  { id: "about", title: "settings.about", icon: <CircleHelp />, component: AboutSection },
];
