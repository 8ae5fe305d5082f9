// What the pages of webmail ask the server for, and small things that several of them need.
import { get, patch, path, post, remove, request } from "../lib/api.js";
import { t } from "../lib/i18n.js";

export const folders = async () => (await get("/mail/folders")).items;
export const messagesOf = (folder, query) => get(path`/mail/folders/${folder}/messages`, query);
export const placePath = (place) => path`/mail/messages/${place.folder}/${place.uidvalidity}/${place.uid}`;
export const readMessage = (place) => get(placePath(place));
export const changeMessages = (folder, uidvalidity, uids, change) =>
	patch(path`/mail/folders/${folder}/messages`, { uidvalidity, uids, ...change });
export const partPath = (place, part) => `/api/v1${placePath(place)}${path`/parts/${part}`}`;
export const sourcePath = (place) => `/api/v1${placePath(place)}/source`;
export const saveDraft = (letter) => post("/mail/drafts", letter);
export const deleteDraft = (place) => remove(path`/mail/drafts/${place.folder}/${place.uidvalidity}/${place.uid}`);
export const sendLetter = (letter) => post("/mail/send", letter);

/** Attach a file to a draft; resolves with the place of the draft that has it. */
export async function attachFile(place, file) {
	const where = path`/mail/drafts/${place.folder}/${place.uidvalidity}/${place.uid}/attachments`;
	return (await request("POST", where, { query: { name: file.name }, body: file, type: file.type || "application/octet-stream" })).value;
}

/** {name, address} as people write it. */
export function written({ name, address }) {
	if (!name)
		return address;
	return `${/^[\w .'-]+$/u.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`} <${address}>`;
}

export const writtenAll = (list) => (list || []).map(written).join(", ");
export const shownName = (list) => (list && list.length ? list.map((one) => one.name || one.address).join(", ") : t("mail.nobody"));

/** What a folder is called here: its last level, special ones in the user's language. */
export function folderName(folder) {
	const known = { inbox: t("mail.inbox"), scheduled: t("mail.scheduled") };
	return known[folder.use] || folder.name.split(folder.separator || "/").pop();
}

export const hasFlag = (message, flag) => message.flags.includes(flag);

/** A subject with "Re: " or "Fwd: " before it, once. */
export function prefixed(prefix, subject) {
	return new RegExp(`^${prefix}:`, "i").test(subject) ? subject : `${prefix}: ${subject}`;
}

export const quoted = (text) => text.replace(/\s+$/, "").split(/\r?\n/).map((line) => (line.startsWith(">") ? `>${line}` : `> ${line}`)).join("\n");
