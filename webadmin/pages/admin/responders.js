// What belongs to autoresponders besides their texts: whom they answered, and files that they send along.
import { html, useEffect, useState } from "../lib/html.js";
import { get, path, put, remove } from "../lib/api.js";
import { ask, complain, confirm, say } from "../lib/ask.js";
import { formatSize, formatTime, t } from "../lib/i18n.js";
import { Button, Dialog, Failure, Loading } from "../lib/ui.js";

function Answers({ row, answer }) {
	const [state, setState] = useState({});
	const where = path`/responders/${row.id}/answers`;
	const load = () => get(where, { limit: 1000 }).then(({ items }) => setState({ items }), (error) => setState({ error }));
	useEffect(() => {
		load();
	}, []);
	const forget = async () => {
		try {
			await remove(where);
			say(t("answers.forgotten"));
		} catch (error) {
			complain(error);
		}
		load();
	};
	return html`<${Dialog} title=${t("answers.title", { name: row.name })} onClose=${() => answer()}
		foot=${html`<${Button} disabled=${!state.items?.length} onClick=${forget}>${t("answers.forget")}<//>
			<${Button} kind="main" onClick=${() => answer()}>${t("close")}<//>`}>
		${state.error ? html`<${Failure} error=${state.error} />` : !state.items ? html`<${Loading} />`
			: html`<ul class="plain-list lines">${state.items.map((one) => html`<li><span class="muted">${formatTime(one.time)}</span> ${one.address}</li>`)}</ul>
			${!state.items.length && html`<p class="muted">${t("answers.none")}</p>`}`}
	<//>`;
}

/** The button of a list of autoresponders that shows whom the selected one answered. */
export function AnswersButton({ source, selected }) {
	const row = selected.size === 1 && source.rows.find((one) => one && selected.has(one.number));
	return html`<${Button} icon="reply" disabled=${!row}
		onClick=${() => ask((answer) => html`<${Answers} row=${row} answer=${answer} />`)}>${t("answers")}<//>`;
}

/** The files that autoresponders may send along; where: of the API. */
export function MediaFiles({ where }) {
	const [files, setFiles] = useState(null);
	const load = () => get(where, { limit: 1000 }).then(({ items }) => setFiles(items), complain);
	useEffect(() => {
		load();
	}, [where]);
	const act = async (work) => {
		try {
			await work();
			say(t("saved"));
		} catch (error) {
			complain(error);
		}
		load();
	};
	const add = (event) => {
		const [file] = event.target.files;
		event.target.value = "";
		if (file)
			act(() => put(where + path`/${file.name}`, file, { type: "application/octet-stream" }));
	};
	const drop = async (name) => {
		if (await confirm({ title: t("media.delete"), text: name, yes: t("delete"), danger: true }))
			await act(() => remove(where + path`/${name}`));
	};
	return html`<section class="card stack"><h2>${t("media")}</h2><p class="muted">${t("media.text")}</p>
		${!files ? html`<${Loading} />` : html`<ul class="plain-list stack">${files.map((file) => html`<li class="buttons">
			<span class="mono">${file.name}</span><span class="muted">${formatSize(file.size)}</span>
			<${Button} kind="plain" icon="trash" label=${`${t("delete")} ${file.name}`} onClick=${() => drop(file.name)} /></li>`)}</ul>`}
		<label class="field"><span class="label">${t("media.add")}</span><input type="file" onChange=${add} /></label>
	</section>`;
}
