/**
 * Leaves out what this client does not use and its packages would pull in all the same: of the SDK calls without a unit
 * between (and of those with one what watches all rooms, which `matrix/calls/` does for less), widgets, the
 * encryption before the present engine and what it kept, files in trees, polls (the client counts them itself), places of
 * people who move, and other servers' ways to sign in; of the Markdown parser HTML's named characters, and how it would
 * write addresses. Of what is used, but is there for old browsers or many programs, less stands in.
 */
import { createRequire } from "node:module";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);

/** Inert classes of these names. */
const inert = (...names: string[]) =>
  names.map((name) => `export class ${name} { on() { return this; } start() {} stop() {} }`).join("\n");

/** Functions of these names that nothing calls. */
const unreached = (...names: string[]) =>
  names.map((name) => `export const ${name} = () => { throw new Error("${name} was left out"); };`).join("\n");

/** By the end of the module's path: what stands in for it. A name that the SDK misses fails the build. */
export const LEFT_OUT: Record<string, string> = {
  "/webrtc/call.js": `export const supportsMatrixCall = () => false;
    export const createNewMatrixCall = () => null;
    ${inert("CallEvent")}`,
  "/webrtc/callEventHandler.js": inert("CallEventHandler"),
  "/webrtc/groupCallEventHandler.js": inert("GroupCallEventHandler"),
  "/webrtc/groupCall.js": inert(
    "GroupCall",
    "GroupCallEvent",
    "GroupCallIntent",
    "GroupCallState",
    "GroupCallType",
    "GroupCallStatsReportEvent",
  ),
  "/webrtc/mediaHandler.js": inert("MediaHandler", "MediaHandlerEvent"),
  "/webrtc/callFeed.js": inert("CallFeedEvent"),
  "/webrtc/stats/statsReport.js": inert("StatsReport"),
  "/matrixrtc/MatrixRTCSessionManager.js": inert("MatrixRTCSessionManager", "MatrixRTCSessionManagerEvents"),
  "/rtcTransportsCachedValue.js": `${inert("Transports")}
    export const createRtcTransportsCachedValue = () => new Transports();`,
  // For clients that run inside another one.
  "/embedded.js": inert("RoomWidgetClient"),
  "/sliding-sync-sdk.js": inert("SlidingSyncSdk"),
  // The engine keeps its keys itself; those of its predecessor were never kept here.
  "/crypto/store/memory-crypto-store.js": `export class MemoryCryptoStore {
    async containsData() { return false; }
    async deleteAllData() {}
  }`,
  "/crypto/store/localStorage-crypto-store.js": inert("LocalStorageCryptoStore"),
  "/crypto/store/indexeddb-crypto-store.js": inert("IndexedDBCryptoStore"),
  "/libolm_migration.js": `export const migrateFromLegacyCrypto = async () => {};
    export const migrateRoomSettingsFromLegacyCrypto = async () => {};
    export const migrateLegacyLocalTrustIfNeeded = async () => {};`,
  "/MSC3089TreeSpace.js": `export const DEFAULT_TREE_POWER_LEVELS_TEMPLATE = {};
    ${inert("MSC3089TreeSpace")}`,
  "/MSC3089Branch.js": inert("MSC3089Branch"),
  "/poll.js": `export const isPollEvent = () => false;
    ${inert("Poll", "PollEvent")}`,
  "/invites-ignorer.js": inert("IgnoredInvites"),
  "/retentionPolicy.js": inert("RetentionPolicyService"),
  "/room-retention.js": inert("RoomRetentionPolicy"),
  // Asked for only by clients that let the SDK look for servers.
  "/wellKnownCachedValue.js": `${inert("WellKnown")}
    export const createWellKnownCachedValue = () => new WellKnown();`,
  "/autodiscovery.js": inert("AutoDiscovery", "AutoDiscoveryAction", "AutoDiscoveryError"),
  // `matrix/tokens.ts` exchanges tokens.
  "/oauth/index.js": `export const isValidAuthMetadata = () => false;
    export const validateBearerTokenResponse = () => undefined;
    ${inert("OAuth2", "OAuth2Error")}`,
  "/oauth/tokenRefresher.js": inert("TokenRefresher"),
  // Places are shown where they were sent. Nothing makes one of these, for no event is one.
  "/@types/beacon.js": `export const M_BEACON_INFO = { matches: () => false };
    export const M_BEACON = M_BEACON_INFO;`,
  "/models/beacon.js": `export const BeaconEvent = { New: "Beacon.new", Update: "Beacon.update", Destroy: "Beacon.Destroy",
      LivenessChange: "Beacon.LivenessChange" };
    export const getBeaconInfoIdentifier = (event) => event.getId();
    ${inert("Beacon")}`,
  "/room-sticky-events.js": `export class RoomStickyEventsStore { on() {} addStickyEvents() {} handleRedaction() {} }
    export const RoomStickyEventsEvent = { Update: "RoomStickyEvents.Update" };`,
  "/indexeddb-remote-backend.js": inert("RemoteIndexedDBStoreBackend"),
  "matrix-events-sdk": `export { NamespacedValue, UnstableValue } from "matrix-js-sdk/lib/NamespacedValue.js";
    export const M_POLL_START = { matches: () => false };
    export const ExtensibleEvents = { parse: () => undefined };`,
  // Of the Markdown parser: two thirds of its code, for rules that `lib/markdown.ts` turns off.
  entities: "export const decodeHTMLStrict = (text) => text;",
  "linkify-it": inert("LinkifyIt"),
  // Addresses stay as they were written (`normalizeLink`).
  mdurl: unreached("parse", "format", "encode", "decode"),
  "punycode.js": `${unreached("toASCII", "toUnicode")}
    export default { toASCII, toUnicode };`,
  // Browsers know the classes of characters.
  "uc.micro": ["P", "S", "Z", "Cc", "Cf"].map((name) => `export const ${name} = /\\p{${name}}/u;`).join("\n"),
  // Of the SDK: what kind of answer a failure is, and the log, whose levels nobody sets.
  "content-type": `export const parse = (header) => ({ type: header.split(";", 1)[0].trim().toLowerCase(), parameters: {} });`,
  loglevel: `const loggers = {};
    const log = {
      levels: {},
      getLogger(name) {
        const logger = (loggers[name] ??= { setLevel() {}, rebuild() {} });
        for (const method of ["trace", "debug", "log", "info", "warn", "error"]) logger[method] ??= log.methodFactory(method);
        return logger;
      },
    };
    export default log;`,
  unhomoglyph: lookAlikes(),
};

const SDK_OR_MARKDOWN = /\/(?:matrix-js-sdk|markdown-it)\//;
const EMITTER = new URL("emitter.ts", import.meta.url).pathname;

export function leaveOut(): Plugin {
  const modules = Object.keys(LEFT_OUT);
  const stub = "\0left-out:";
  return {
    name: "leave-out",
    enforce: "pre",
    resolveId(source, importer = "") {
      if (source === "events" && SDK_OR_MARKDOWN.test(importer)) return EMITTER;
      const found = modules.find((module) => source === module || (module.startsWith("/") && source.endsWith(module)));
      return found !== undefined && SDK_OR_MARKDOWN.test(importer) ? stub + found : undefined;
    },
    // Who takes one of its constants takes no more: the rest is loaded with a call (`build/chunks.ts`).
    transform: {
      filter: { id: /\/lib\/matrixrtc\// },
      handler: (code) => ({ code, map: null, moduleSideEffects: false }),
    },
    load(id) {
      return id.startsWith(stub) ? LEFT_OUT[id.slice(stub.length)] : undefined;
    },
  };
}

/**
 * How the SDK tells that two people in a room have names that look the same, with an eighth of the package's table: no
 * characters that Unicode itself calls forms of others, such as bold ones, and only those that look like characters of
 * the scripts that names here are mostly written in.
 */
function lookAlikes(): string {
  const table = require("unhomoglyph/data.json") as Record<string, string>;
  const from = new Map<string, string>();
  for (const [character, other] of Object.entries(table)) {
    const usual = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Common}]+$/u.test(
      other,
    );
    const plain = character.normalize("NFKD");
    if (usual && (plain === character || plain.length > 2)) from.set(other, (from.get(other) ?? "") + character);
  }
  const lines = [...from].map(([to, characters]) => `${to}\t${characters}`).join("\n");
  return `const table = new Map();
    for (const line of ${JSON.stringify(lines)}.split("\\n")) {
      const [to, from] = line.split("\\t");
      for (const character of from) table.set(character, to);
    }
    export default (text) => {
      let plain = "";
      for (const character of text.normalize("NFKD")) plain += table.get(character) ?? character;
      return plain;
    };`;
}
