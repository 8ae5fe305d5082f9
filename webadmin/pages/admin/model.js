// What can be shown and changed, as the server describes it: the calls (openapi.json) and the catalogues of settings. The
// pages are made from both, so that what is added there appears here.
import { get } from "../lib/api.js";

let spec = null;
let catalogue = null;

/** To be waited for before anything else here. */
export async function loadModel() {
	[spec, catalogue] = await Promise.all([get("/openapi.json"), get("/catalogue")]);
}

/** A path of the API with its {names} filled in from values. */
export function fill(path, values) {
	return path.replace(/\{(\w+)\}/g, (all, name) => encodeURIComponent(values[name]));
}

function call(method, path) {
	return spec.paths[path]?.[method.toLowerCase()];
}

export function hasCall(method, path) {
	return Boolean(call(method, path));
}

function resolved(schema) {
	return schema?.$ref ? schema.$ref.slice(2).split("/").reduce((at, part) => at[part], spec) : schema || {};
}

/** What the server says about a call, for help. */
export function sentenceOf(method, path) {
	const described = call(method, path);
	return described?.description || described?.summary || "";
}

/** The columns of a collection: [{name, type, sentence}]. */
export function columnsOf(path) {
	const answer = resolved(call("GET", path)?.responses?.["200"]?.content?.["application/json"]?.schema);
	const row = resolved(answer.properties?.items?.items);
	return Object.entries(row.properties || {}).map(([name, column]) => (
		{ name, type: column.format === "unix-time" ? "time" : column.type, sentence: column.description || "" }));
}

/** The members of a call's body: [{name, type, words, required, sentence}]. */
export function fieldsOf(method, path) {
	const body = resolved(call(method, path)?.requestBody?.content?.["application/json"]?.schema);
	return Object.entries(body.properties || {}).map(([name, field]) => ({
		name, type: field.type, words: field.enum, required: (body.required || []).includes(name), sentence: field.description || "",
	}));
}

/** The words that a value in a call's path or query may be. */
export function wordsOf(method, path, name) {
	return call(method, path)?.parameters?.find((one) => one.name === name)?.schema?.enum || [];
}

/** How one row of a collection is named: {path, names}, names being values in that path, or else in the query. */
export function rowOf(path) {
	const below = Object.keys(spec.paths).find((one) => one.startsWith(`${path}/{`) && one.indexOf("/", path.length + 1) < 0);
	if (below)
		return { path: below, names: [below.slice(path.length + 2, -1)], inQuery: false };
	const query = (call("DELETE", path)?.parameters || []).filter((one) => one.in === "query").map((one) => one.name);
	return query.length ? { path, names: query, inQuery: true } : null;
}

/** The entries of a catalogue: settings, attributes, list-settings and so on. */
export function entriesOf(name) {
	return catalogue[name] || [];
}

/** The texts of a kind of items as members of a body; those of several lines are arrays. */
export function textsOf(kind) {
	return (catalogue.items[kind]?.texts || []).map((text) => (
		{ name: text.name, type: text.lines ? "array" : "string", secret: text.secret, sentence: "" }));
}
