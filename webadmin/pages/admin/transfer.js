// All settings as a text: to be kept, compared, taken back. And tables of where addresses are.
import { html, useState } from "../lib/html.js";
import { download, path, post, remove } from "../lib/api.js";
import { complain, confirm, say } from "../lib/ask.js";
import { formatNumber, t, tn } from "../lib/i18n.js";
import { PageHead } from "../lib/shell.js";
import { Button, CheckField, LinkButton, Notice, TextField, errorText } from "../lib/ui.js";

function FileField({ label, accept, onChoose }) {
	return html`<label class="field"><span class="label">${label}</span><input type="file" accept=${accept}
		onChange=${(event) => onChoose(event.target.files[0])} /></label>`;
}

function TakeBack() {
	const [text, setText] = useState(null);
	const [deleting, setDeleting] = useState(false);
	const [changes, setChanges] = useState(null);
	const [wrong, setWrong] = useState(null);
	const send = async (check) => {
		setWrong(null);
		setChanges(null);
		try {
			const answer = await post("/import", text, { type: "text/plain", query: { check, "delete-users": deleting } });
			setChanges(answer.change || []);
			if (!check)
				say(t("saved"));
		} catch (error) {
			setWrong(error);
		}
	};
	const take = async () => {
		if (await confirm({ title: t("transfer.import"), text: t("transfer.import.sure"), yes: t("import"), danger: true }))
			await send(false);
	};
	return html`<section class="card form">
		<h2>${t("transfer.import")}</h2>
		<p>${t("transfer.import.text")}</p>
		<${FileField} label=${t("file")} accept=".conf,.txt,text/plain" onChoose=${async (file) => {
			setChanges(null);
			setText((await file?.text()) ?? null);
		}} />
		<${CheckField} label=${t("transfer.delete-users")} value=${deleting} onChange=${setDeleting} />
		<div class="buttons"><${Button} disabled=${text === null} onClick=${() => send(true)}>${t("preview")}<//>
			<${Button} kind="main" disabled=${text === null} onClick=${take}>${t("import")}<//></div>
		${wrong && html`<${Notice} kind="bad">${errorText(wrong)}<//>`}
		${changes && html`<${Notice} kind="good">${tn("changes", changes.length)}<//>
			<pre class="header" tabindex="0">${changes.join("\n")}</pre>`}
	</section>`;
}

function GeoIp() {
	const [file, setFile] = useState(null);
	const [columns, setColumns] = useState("125");
	const [six, setSix] = useState(false);
	const [address, setAddress] = useState("");
	const act = async (work) => {
		try {
			const { rows } = await work();
			say(t("transfer.ranges", { count: formatNumber(rows) }));
		} catch (error) {
			complain(error);
		}
	};
	return html`<section class="card form">
		<h2>${t("transfer.geoip")}</h2>
		<p>${t("transfer.geoip.text")}</p>
		<${FileField} label=${t("file")} accept=".csv,text/csv" onChoose=${setFile} />
		<${TextField} label=${t("transfer.columns")} help=${t("transfer.columns.help")} value=${columns} onChange=${setColumns} short />
		<${CheckField} label=${t("transfer.ipv6")} value=${six} onChange=${setSix} />
		<div><${Button} kind="main" disabled=${!file} onClick=${() => act(() => post("/geoip", file, { type: "text/csv", query: { columns, ipv6: six } }))}>
			${t("import")}<//></div>
		<${TextField} label=${t("transfer.forget")} value=${address} onChange=${setAddress} />
		<div><${Button} disabled=${!address} onClick=${() => act(() => remove(path`/geoip/${address}`))}>${t("delete")}<//></div>
	</section>`;
}

export function Transfer() {
	return html`<${PageHead} title=${t("page.transfer")} help=${t("help.transfer")} /><div class="cards">
		<section class="card form"><h2>${t("transfer.export")}</h2><p>${t("transfer.export.text")}</p>
			<div><${LinkButton} icon="download" href=${download("/export")} download="postroom.conf">${t("export")}<//></div></section>
		<${TakeBack} /><${GeoIp} /></div>`;
}
