// The address book: one's own contacts and everybody's, groups, files of other programs; and what is suggested to who writes.
import { get, path, post, put, remove, request } from "../lib/api.js";
import { complain, confirm, say } from "../lib/ask.js";
import { html, useEffect, useState } from "../lib/html.js";
import { t } from "../lib/i18n.js";
import { Icon } from "../lib/icons.js";
import { link } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, CheckField, Dialog, Failure, Field, Loading, Notice, TextField } from "../lib/ui.js";
import { written } from "./mail.js";

const empty = { name: "", addresses: [], phones: [], places: [], organization: "", title: "", note: "", groups: [], rest: "", uid: "" };
const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function ContactDialog({ contact, administrator, onClose, onDone }) {
	const [values, setValues] = useState({
		...contact, addresses: contact.addresses.join("\n"), phones: contact.phones.join("\n"), places: contact.places.join("\n"), groups: contact.groups.join(", ") });
	const [wrong, setWrong] = useState("");
	const field = (key) => ({ label: t(`mail.book.${key}`), value: values[key], onChange: (value) => setValues({ ...values, [key]: value }) });
	const submit = async () => {
		const body = {
			...values, addresses: lines(values.addresses), phones: lines(values.phones), places: lines(values.places),
			groups: values.groups.split(",").map((one) => one.trim()).filter(Boolean) };
		try {
			await (contact.id ? put(path`/mail/book/${contact.id}`, body) : post("/mail/book", body));
			onDone();
		} catch (error) {
			setWrong(error.message);
		}
	};
	return html`<${Dialog} title=${contact.id ? t("mail.book.change") : t("mail.book.new")} onClose=${onClose} onSubmit=${submit}
		foot=${html`<${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="main" type="submit">${t("save")}<//>`}>
		<div class="form">
			<${TextField} ...${field("name")} autofocus />
			<${TextField} ...${field("addresses")} rows="2" help=${t("mail.book.oneline")} />
			<${TextField} ...${field("phones")} rows="2" />
			<${TextField} ...${field("organization")} />
			<${TextField} ...${field("title")} />
			<${TextField} ...${field("places")} rows="2" />
			<${TextField} ...${field("groups")} help=${t("mail.book.groups.help")} />
			<${TextField} ...${field("note")} rows="3" />
			${administrator && !contact.id && html`<${CheckField} ...${field("domain")} />`}
			${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
		</div><//>`;
}

function Contact({ contact, mayChange, onChange, onDelete }) {
	const about = [contact.organization, ...contact.phones, ...contact.groups.map((one) => `#${one}`)].filter(Boolean).join(" · ");
	return html`<li><span class="later-letter"><strong>${contact.name}</strong>
			${contact.addresses.map((address) => html`<a key=${address} href=${link("compose")}?to=${encodeURIComponent(written({ name: contact.name, address }))}>${address}</a>`)}
			<span class="muted small">${contact.domain && html`<${Icon} name="globe" /> ${t("mail.book.domain")} `}${about}</span></span>
		${mayChange && html`<${Button} kind="plain" icon="edit" label=${t("mail.book.edit", { name: contact.name })} onClick=${onChange} />
			<${Button} kind="plain" icon="trash" label=${t("mail.book.delete", { name: contact.name })} onClick=${onDelete} />`}</li>`;
}

// Whom the user wrote to, as the server saw it; they can be forgotten.
function Recent() {
	const [items, setItems] = useState([]);
	const load = () => get("/mail/contacts").then((list) => setItems(list.items), complain);
	useEffect(() => { load(); }, []);
	return items.length > 0 && html`<h2>${t("mail.book.recent")}</h2><ul class="own-items">${items.map((one) => html`<li key=${one.address}>
		<span>${one.address}</span><${Button} kind="plain" icon="trash" label=${t("mail.book.delete", { name: one.address })}
			onClick=${() => remove(path`/mail/contacts/${one.address}`).then(load, complain)} /></li>`)}</ul>`;
}

export function BookPage({ administrator }) {
	const [q, setQ] = useState("");
	const [state, setState] = useState({});
	const [chosen, setChosen] = useState(null);
	const load = () => get("/mail/book", { q }).then((list) => setState({ list }), (error) => setState({ error }));
	useEffect(() => { load(); }, [q]);
	const erase = async (contact) => {
		if (await confirm({ title: t("delete"), text: contact.name, yes: t("delete"), danger: true }))
			await remove(`${path`/mail/book/${contact.id}`}${contact.domain ? "?domain=1" : ""}`).then(load, complain);
	};
	const read = async (file) => {
		const form = /\.csv$/i.test(file.name) ? "csv" : "vcf";
		try {
			const { value } = await request("POST", "/mail/book/file", { query: { form }, body: file, type: form === "csv" ? "text/csv" : "text/vcard" });
			say(t("mail.book.imported", { added: value.added, bad: value.bad }));
		} catch (error) {
			complain(error);
		}
		load();
	};
	if (state.error)
		return html`<${Failure} error=${state.error} retry=${load} />`;
	const where = "/api/v1/mail/book/file?form=";
	return html`<${PageHead} title=${t("mail.book")} />
		<div class="buttons">
			<${Button} kind="main" icon="add" onClick=${() => setChosen(empty)}>${t("mail.book.new")}<//>
			<label class="button"><input class="unseen" type="file" accept=".vcf,.csv,text/vcard,text/csv" onChange=${(e) => { read(e.target.files[0]); e.target.value = ""; }} />
				${t("mail.book.import")}</label>
			<a class="button" href="${where}vcf" download="contacts.vcf">${t("mail.book.vcf")}</a>
			<a class="button" href="${where}csv" download="contacts.csv">${t("mail.book.csv")}</a>
		</div>
		<${Field} label=${t("mail.book.search")}>${(p) => html`<input class="input" type="search" value=${q} onInput=${(e) => setQ(e.target.value)} ...${p} />`}<//>
		${!state.list && html`<${Loading} />`}
		${state.list?.items.length === 0 && html`<p class="empty">${q ? t("mail.nothingfound") : t("mail.book.none")}</p>`}
		<ul class="own-items">${(state.list?.items || []).map((one) => html`<${Contact} contact=${one} key=${one.id} mayChange=${!one.domain || administrator}
			onChange=${() => setChosen(one)} onDelete=${() => erase(one)} />`)}</ul>
		<${Recent} />
		${chosen && html`<${ContactDialog} contact=${chosen} administrator=${administrator} onClose=${() => setChosen(null)}
			onDone=${() => { setChosen(null); load(); }} />`}`;
}

/** Whom somebody means who writes that: [{text: to be shown, value: to be put into the field}]. */
export async function suggestions(q) {
	const { items } = await get("/mail/suggestions", { q });
	return items.slice(0, 8).map((one) => (one.group
		? { text: `${one.name} (${one.group.length})`, value: one.group.map(written).join(", ") } : { text: written(one), value: written(one) }));
}
