// The pages of administration, one description each. Most are a collection of the API, and where one of its rows is a page of
// its own, the tabs of that; what deserves more has a component.
import { path, post, remove } from "../lib/api.js";
import { complain, confirm, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { Access, Autoresponders, Bindings, Domains, Members } from "./parts.js";
import { Certificates } from "./certificates.js";
import { Dashboard } from "./dashboard.js";
import { Logos } from "./logos.js";
import { Logs } from "./logs.js";
import { MessageSecurity } from "./message_security.js";
import { Reports } from "./reports.js";
import { LanQueue, Queue, Sessions, Steps } from "./running.js";
import { Schedule } from "./schedule.js";
import { Scripts } from "./scripts.js";
import { Settings, Texts } from "./settings.js";
import { Tokens, Users, UserItems } from "./users.js";
import { Tools } from "./tools.js";
import { Transfer } from "./transfer.js";
import { Wizard } from "./wizard.js";

const settingsTab = (path, catalogue, more = {}) => ({ key: "settings", values: { path: `${path}/settings`, catalogue, ...more } });
// The standard services as a new instance has them; what is set of them goes.
const restoreServices = async () => {
	if (!(await confirm({ title: t("services.defaults"), text: t("services.defaults.sure"), yes: t("continue"), danger: true })))
		return;
	await post("/services-defaults").then(() => say(t("saved")), complain);
	dispatchEvent(new Event("route"));
};

const items = (kind) => ({ path: "/items/{kind}", values: { kind }, kind });

/**
 * key: in the address and of its texts (page.KEY, help.KEY); icon; collection: of the list; id: the column that names a row;
 * tabs: of one row, [{key, values | collection | component}]; component: instead of all that;
 * plain: it is shown without what model.js loads
 */
export const groups = [
	{ key: "overview", pages: [
		{ key: "dashboard", icon: "home", component: Dashboard, plain: true },
		{ key: "wizard", icon: "wizard", component: Wizard },
	] },
	{ key: "people", pages: [
		{ key: "users", icon: "user", component: Users, id: "name", path: "/users", tabs: [
			{ key: "general", values: { path: "/users/{name}/attributes", catalogue: "attributes", only: (entry) => entry["of-users"] } },
			{ key: "autoresponders", component: UserItems, kinds: ["autoresponder", "autoresponder-rule", "autoresponder-filter"] },
			{ key: "rules", component: UserItems, kinds: ["message-rule"] },
			{ key: "prune", component: UserItems, kinds: ["prune-rule"] },
			{ key: "permissions", collection: { path: "/permissions", queryOf: ({ name }) => ({ user: name }) } },
			{ key: "aliases", collection: { path: "/mappings", queryOf: ({ name }) => ({ target: name }), firstOf: ({ name }) => ({ target: name }) } },
			{ key: "collected", collection: { path: "/users/{name}/collected" } },
			{ key: "tokens", component: Tokens },
		] },
		{ key: "groups", icon: "group", id: "name", collection: { path: "/groups" }, path: "/groups", tabs: [
			{ key: "members", collection: { path: "/groups/{name}/members" } },
			{ key: "settings", values: { path: "/groups/{name}/attributes", catalogue: "attributes", only: (entry) => entry["of-groups"] } },
		] },
		{ key: "lists", icon: "list", id: "name", collection: { path: "/lists" }, path: "/lists", tabs: [
			{ key: "members", component: Members },
			settingsTab("/lists/{name}", "list-settings"),
			{ key: "archive", collection: { path: "/lists/{name}/archive" } },
			{ key: "bounces", collection: { path: "/lists/{name}/bounces" } },
		] },
		{ key: "held-posts", icon: "clock", collection: { path: "/held-posts", actions: () => [
			{ text: t("approve"), icon: "check", run: (number) => post(`/held-posts/${number}/approve`) },
			{ text: t("reject"), icon: "close", danger: true, run: (number) => post(`/held-posts/${number}/reject`) },
		] } },
		{ key: "domains", icon: "globe", component: Domains },
		{ key: "mappings", icon: "map", collection: { path: "/mappings" } },
		{ key: "permissions", icon: "lock", collection: { path: "/permissions" } },
	] },
	{ key: "transport", pages: [
		{ key: "connections", icon: "plug", id: "name", collection: { path: "/connections" }, path: "/connections",
			tabs: [settingsTab("/connections/{name}", "connection-settings")] },
		{ key: "senders", icon: "send", id: "name", collection: { path: "/senders", actions: () => [
			{ text: t("send-now"), icon: "play", run: (name) => post(path`/senders/${name}/send`) },
		] }, path: "/senders", tabs: [settingsTab("/senders/{name}", "sender-settings", { members: "/senders/{name}" })] },
		{ key: "collectors", icon: "download", id: "name", collection: { path: "/collectors", actions: () => [
			{ text: t("collect-now"), icon: "play", run: (name) => post(path`/collectors/${name}/run`, { wait: false }) },
		] }, path: "/collectors", tabs: [
			settingsTab("/collectors/{name}", "collector-settings", { members: "/collectors/{name}" }),
			{ key: "history", collection: { path: "/collectors/{name}/history", fixed: true } },
			{ key: "messages", collection: { path: "/collectors/{name}/messages", fixed: true } },
		] },
		{ key: "download-rules", icon: "filter", collection: items("download-rule") },
		{ key: "schedule", icon: "clock", component: Schedule },
		{ key: "lan-rules", icon: "forward", collection: items("lan-rule") },
		{ key: "lan-verifiers", icon: "check", collection: items("lan-verifier") },
		{ key: "oauth", icon: "shield", collection: { path: "/oauth" } },
	] },
	{ key: "running", pages: [
		{ key: "queue", icon: "upload", component: Queue },
		{ key: "lan-queue", icon: "move", component: LanQueue },
		{ key: "trace", icon: "search", id: "id", collection: { path: "/trace", fixed: true }, path: "/trace", tabs: [
			{ key: "steps", component: Steps },
		] },
		{ key: "sessions", icon: "server", component: Sessions },
		{ key: "blocks", icon: "block", collection: { path: "/blocks" } },
		{ key: "never-blocks", icon: "shield", collection: { path: "/never-blocks" } },
		{ key: "locks", icon: "lock", collection: { path: "/locks", fixed: true, actions: () => [
			{ text: t("unlock"), icon: "check", runAll: async (names) => {
				await Promise.all([...new Set(names)].map((name) => remove(path`/users/${name}/locks`)));
				return names.length;
			} },
		] } },
		{ key: "events", icon: "alert", collection: { path: "/events", fixed: true } },
		{ key: "notices", icon: "info", collection: { path: "/notices", fixed: true } },
		{ key: "send-usage", icon: "upload", collection: { path: "/send-usage", fixed: true } },
		{ key: "reports", icon: "list", component: Reports },
		{ key: "logs", icon: "log", component: Logs },
		{ key: "tools", icon: "search", component: Tools },
	] },
	{ key: "server", pages: [
		{ key: "services", icon: "server", id: "name", collection: { path: "/services", more: () => [
			{ text: t("services.defaults"), icon: "refresh", onClick: restoreServices },
		] }, path: "/services", tabs: [
			settingsTab("/services/{name}", "settings", { only: (entry) => entry["of-services"] }),
			{ key: "bindings", component: Bindings },
			{ key: "access", component: Access },
			{ key: "smtp-rules", collection: { path: "/services/{name}/smtp-rules" } },
		] },
		{ key: "certificates", icon: "lock", component: Certificates },
		{ key: "access", icon: "shield", id: "list", path: "/access", collection: { path: "/access" }, tabs: [{ key: "rules", component: Access }] },
		{ key: "autoresponders", icon: "reply", component: Autoresponders },
		{ key: "prune", icon: "trash", collection: items("prune-rule") },
		{ key: "settings", icon: "settings", component: Settings },
		{ key: "texts", icon: "edit", component: Texts },
		{ key: "scripts", icon: "code", component: Scripts },
		{ key: "message-security", icon: "shield", component: MessageSecurity },
		{ key: "logos", icon: "star", component: Logos },
		{ key: "transfer", icon: "move", component: Transfer },
	] },
];

/** All pages in their order. */
export const pages = groups.flatMap((group) => group.pages);
