/** The English words of calls, which come with the views that need them; other languages have theirs in one piece. */
import { calls } from "../i18n/en/calls.ts";
import { en } from "../i18n/en.ts";

Object.assign(en, calls);
