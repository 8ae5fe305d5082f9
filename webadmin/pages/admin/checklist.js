// What a server needs before mail flows (chapter 1 of the specification, 4.5), and whether it is there.
import { get } from "../lib/api.js";

const count = async (path) => (await get(path, { limit: 1 })).total;

/** [{key, done, page}]; page: where it is mended. */
export async function checklist() {
	const [domains, connections, senders, schedule, users] = await Promise.all([
		get("/domains", { limit: 1000 }), count("/connections"), count("/senders"), count("/items/schedule"), count("/users"),
	]);
	return [
		{ key: "domains", done: domains.total > 0, page: "domains" },
		{ key: "default-domain", done: domains.items.some((domain) => domain.default), page: "domains" },
		{ key: "connection", done: connections > 0, page: "connections" },
		{ key: "sender", done: senders > 0, page: "senders" },
		{ key: "schedule", done: schedule > 0, page: "schedule" },
		{ key: "users", done: users > 1, page: "users" },
	];
}
