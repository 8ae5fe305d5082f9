// Requests to /api/v1. A change carries the CSRF token of the session; what matters most is refused with the code
// "confirm" until the password was given again, and others' mail with "message-security" until that of Message Security
// was. A dialogue asks for it once, and then the request is repeated.
const root = "/api/v1";
let session = null;
const askers = new Map();

/** Why the server refused: its code and its words, and which field is meant where it is one. */
export class ApiError extends Error {
	constructor(status, { code = "error", text = "", field = null } = {}) {
		super(text || `HTTP ${status}`);
		this.status = status;
		this.code = code;
		this.field = field;
	}
}

/** path with its values encoded: path`/users/${name}` */
export function path(strings, ...values) {
	return strings.reduce((all, part, i) => all + encodeURIComponent(values[i - 1]) + part);
}

function address(where, query) {
	const parameters = new URLSearchParams();
	for (const [key, value] of Object.entries(query || {})) {
		if (value !== undefined && value !== null && value !== "")
			parameters.append(key, value);
	}
	const text = parameters.toString();
	return root + where + (text ? `?${text}` : "");
}

async function refusal(reply) {
	let described = {};
	try {
		described = (await reply.json()).error || {};
	} catch {
		described = { text: reply.statusText };
	}
	return new ApiError(reply.status, described);
}

async function send(method, where, { query, body, type, etag, signal } = {}) {
	const headers = { Accept: "application/json" };
	if (method !== "GET" && session)
		headers["X-CSRF-Token"] = session.csrf;
	if (etag)
		headers["If-Match"] = etag;
	const plain = body === undefined || typeof body === "string" || body instanceof Blob || body instanceof FormData;
	if (type || !plain)
		headers["Content-Type"] = type || "application/json";
	try {
		return await fetch(address(where, query), { method, headers, body: plain ? body : JSON.stringify(body), signal });
	} catch (error) {
		if (error.name === "AbortError")
			throw error;
		throw new ApiError(0, { code: "unreachable", text: String(error.message || error) });
	}
}

/**
 * One request. options: query (object), body (object as JSON; text, Blob, FormData as they are), type (of such a body),
 * etag (If-Match), signal. Returns {value, etag}; value is what JSON says, text otherwise, null where there is nothing.
 */
export async function request(method, where, options = {}) {
	let reply = await send(method, where, options);
	if (reply.status === 503 && (await refusal(reply.clone())).code === "again")
		reply = await send(method, where, options); // nothing was done; another connection will do
	for (let asked = 0; reply.status === 403 && asked < askers.size; asked++) {
		const error = await refusal(reply.clone());
		if (!askers.has(error.code) || !(await askers.get(error.code)()))
			throw error;
		reply = await send(method, where, options);
	}
	if (reply.status === 401 && session)
		leave();
	if (!reply.ok)
		throw await refusal(reply);
	const type = reply.headers.get("Content-Type") || "";
	const text = await reply.text();
	const value = text === "" ? null : type.startsWith("application/json") ? JSON.parse(text) : text;
	return { value, etag: reply.headers.get("ETag") };
}

export const get = async (where, query, options) => (await request("GET", where, { ...options, query })).value;
export const post = async (where, body = {}, options) => (await request("POST", where, { ...options, body })).value;
export const put = async (where, body, options) => (await request("PUT", where, { ...options, body })).value;
export const patch = async (where, body, etag) => (await request("PATCH", where, { body, etag })).value;
export const remove = async (where, etag) => (await request("DELETE", where, { etag })).value;

/** The address of a download, for a link. */
export function download(where, query) {
	return address(where, query);
}

/** Who asks for a password when the server refuses with this code: an async function that says whether it was given. */
export function onRefusal(code, ask) {
	askers.set(code, ask);
}

/** The session of this browser: {user, administrator, csrf, ...}, or null. */
export async function currentSession() {
	try {
		session = await get("/session");
	} catch (error) {
		if (error.status !== 401)
			throw error;
		session = null;
	}
	return session;
}

/** To the page to log in, and from there back here. */
export function leave() {
	session = null;
	location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
}

export async function logOut() {
	await remove("/session");
	session = null;
	location.assign(`/login?to=${encodeURIComponent(location.pathname)}`);
}
