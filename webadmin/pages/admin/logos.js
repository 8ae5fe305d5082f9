// Pictures of the administrator's: on the page to log in, in webmail.
import { html, useEffect, useState } from "../lib/html.js";
import { get, path, put, remove } from "../lib/api.js";
import { complain, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { PageHead } from "../lib/shell.js";
import { Button, Loading } from "../lib/ui.js";

const rooms = { login: "104 × 86", mail: "200 × 47" };

function Logo({ name, logo, version, act }) {
	const where = path`/logos/${name}`;
	const choose = (event) => {
		const [file] = event.target.files;
		event.target.value = "";
		if (file)
			act(() => put(where, file, { type: "application/octet-stream" }));
	};
	return html`<section class="card stack"><h2>${t(`logos.${name}`)}</h2>
		${logo ? html`<div><img class="logo of-${name}" src=${`/logo/${name}?${version}`} alt=${t(`logos.${name}`)} /></div>
			<p class="muted">${t("logos.size", { ...logo, room: rooms[name] })}</p>`
		: html`<p class="muted">${t("logos.none")}</p>`}
		<label class="field"><span class="label">${t("logos.choose")}</span><input type="file" accept="image/png,image/jpeg,image/gif" onChange=${choose} /></label>
		${logo && html`<div><${Button} kind="danger" icon="trash" label=${`${t("delete")}: ${t(`logos.${name}`)}`} onClick=${() => act(() => remove(where))}>
			${t("delete")}<//></div>`}
	</section>`;
}

export function Logos() {
	const [{ logos, version }, setState] = useState({ version: 0 });
	// The address is another one each time, so that the browser asks again.
	const load = () => get("/logos").then(({ items }) => setState((old) => ({ logos: items, version: old.version + 1 })), complain);
	useEffect(() => {
		load();
	}, []);
	const act = async (work) => {
		try {
			await work();
			say(t("saved"));
		} catch (error) {
			complain(error);
		}
		load();
	};
	return html`<${PageHead} title=${t("page.logos")} help=${t("help.logos")} />
		${logos ? html`<div class="cards">${Object.keys(rooms).map((name) => html`<${Logo} key=${name} name=${name} version=${version} act=${act}
			logo=${logos.find((one) => one.name === name)} />`)}</div>` : html`<${Loading} />`}`;
}
