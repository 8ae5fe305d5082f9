// Tabs and pages that are nearly a plain collection.
import { html, useEffect, useState } from "../lib/html.js";
import { download, get, path, post, remove, request } from "../lib/api.js";
import { complain, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { PageHead } from "../lib/shell.js";
import { Button, CheckField, Loading, Menu } from "../lib/ui.js";
import { Collection, askFields } from "./collection.js";
import { titleOf } from "./fields.js";
import { Described } from "./object.js";
import { AnswersButton, MediaFiles } from "./responders.js";

export function Domains() {
	const title = t("page.domains");
	const actions = [{ text: t("make-default"), icon: "star", run: (name) => post(path`/domains/${name}/default`) }];
	return html`<${PageHead} title=${title} help=${t("help.domains")} />
		<${Collection} path="/domains" label=${title} actions=${actions} />`;
}

/** The members of a list. */
export function Members({ values }) {
	const file = path`/lists/${values.name}/members`;
	const fetchFile = async () => {
		const text = await askFields({ title: t("import"), yes: t("import"), send: (body) => body,
			fields: [{ name: "lines", type: "array", sentence: t("import.lines") }, { name: "replace", type: "boolean", sentence: "" }] });
		if (!text)
			return;
		try {
			const answer = await post(`${file}/import`, (text.lines || []).join("\n"), { query: { replace: text.replace }, type: "text/plain" });
			say(t("imported", { added: answer.added, known: answer.known, bad: answer.bad }), answer.bad ? "warn" : "good");
		} catch (error) {
			complain(error);
		}
	};
	return html`<${Collection} path="/lists/{name}/members" values=${values} label=${titleOf("members", "tab")}
		removeAll=${async (addresses) => (await post(`${file}/remove`, { addresses })).changed}
		more=${[{ text: t("import"), icon: "upload", onClick: fetchFile },
			{ text: t("export"), icon: "download", href: download(`${file}/export`), download: `${values.name}.txt` }]} />`;
}

/** Where a service listens. */
export function Bindings({ values }) {
	const where = path`/services/${values.name}`;
	const [service, setService] = useState(null);
	const load = () => get(where).then(setService, complain);
	useEffect(() => {
		load();
	}, [where]);
	if (!service)
		return html`<${Loading} />`;
	const bindings = (service.bindings || "").split(",").filter(Boolean).map((text) => {
		const at = text.lastIndexOf(":");
		return { address: text.slice(0, at).replace(/^\[|\]$/g, ""), port: text.slice(at + 1) };
	});
	const act = async (work) => {
		try {
			await work();
			say(t("saved"));
		} catch (error) {
			complain(error);
		}
		load();
	};
	const add = () => askFields({ title: t("add"), yes: t("add"), first: { address: "any" }, send: (body) => post(`${where}/bindings`, body),
		fields: [{ name: "address", type: "string", required: true, sentence: t("binding.address") },
			{ name: "port", type: "integer", required: true, sentence: "" }] }).then((done) => done && load());
	const encryptions = ["none", "optional", "required", "tls"];
	return html`<div class="card stack">
		<${CheckField} label=${t("service.enabled")} value=${service.enabled}
			onChange=${(enabled) => act(() => request("PATCH", where, { body: { enabled } }))} />
		<div class="buttons"><span>${titleOf("encryption")}</span><${Menu} text=${service.encryption} icon="lock" kind="" start label=${titleOf("encryption")}
			items=${encryptions.map((encryption) => ({ text: encryption, icon: encryption === service.encryption ? "check" : undefined,
				onClick: () => act(() => request("PATCH", where, { body: { encryption } })) }))} /></div>
		<ul class="stack plain-list">${bindings.map(({ address, port }) => html`<li class="buttons"><span class="mono">${address}:${port}</span>
			<${Button} kind="plain" icon="trash" label=${`${t("delete")} ${address}:${port}`}
				onClick=${() => act(() => remove(`${where}${path`/bindings/${address}/${port}`}`))} /></li>`)}</ul>
		<div><${Button} icon="add" onClick=${add}>${t("binding.add")}<//></div>
	</div>`;
}

/** An access list: that of a service, or one by its name. */
export function Access({ values }) {
	const list = values.list || values.name;
	const where = path`/access/${list}`;
	const [about, setAbout] = useState(null);
	const [version, setVersion] = useState(0);
	const load = () => get("/access", { limit: 1000 }).then(({ items }) => setAbout(items.find((one) => one.name === list) || {}), complain);
	useEffect(() => {
		load();
	}, [list]);
	const act = async (work) => {
		try {
			const answer = await work();
			answer?.warning?.forEach((warning) => say(warning, "warn"));
			say(t("saved"));
		} catch (error) {
			complain(error);
		}
		load();
		setVersion(version + 1);
	};
	const more = [
		{ text: t("access.defaults"), icon: "refresh", onClick: () => act(() => post(`${where}/defaults`)) },
		{ text: t("export"), icon: "download", href: download(`${where}/export`), download: `access-${list}.txt` },
	];
	return html`${about && about["use-global"] !== undefined && list !== "global" && html`<${CheckField} label=${t("access.use-global")}
			value=${about["use-global"]} onChange=${(yes) => act(() => request("PATCH", where, { body: { "use-global": yes } }))} />`}
		<${Collection} key=${`${list}-${version}`} path="/access/{list}" values=${{ list }} label=${t("tab.access")} more=${more} />`;
}

/** Autoresponders that every user may use. */
export function Autoresponders() {
	const title = t("page.autoresponders");
	return html`<${PageHead} title=${title} help=${t("help.autoresponders")} />
		<${Described} what=${{ path: "/items/{kind}", values: { kind: "autoresponder" }, kind: "autoresponder", tools: AnswersButton }} label=${title} />
		<${MediaFiles} where="/media" />`;
}
