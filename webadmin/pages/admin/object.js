// A page of one description (pages.js): a collection, or one row of it with its tabs.
import { html } from "../lib/html.js";
import { t } from "../lib/i18n.js";
import { go, link, setQuery } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Tabs } from "../lib/ui.js";
import { Collection } from "./collection.js";
import { titleOf } from "./fields.js";
import { fieldsOf, fill, sentenceOf, textsOf } from "./model.js";
import { ValuesForm } from "./values.js";

/** A collection as pages.js describes it; values: of the row whose tab it is. */
export function Described({ what, values = {}, page, label }) {
	const all = { ...what.values, ...values };
	const texts = what.kind && textsOf(what.kind);
	const first = what.firstOf?.(all);
	return html`<${Collection} key=${fill(what.path, all)} ...${what} values=${all} label=${label} query=${what.queryOf?.(all)}
		columns=${texts ? ["number", ...texts.map((text) => text.name)] : what.columns} addFields=${texts} editFields=${texts}
		addFirst=${first} actions=${what.actions?.()} more=${what.more?.()}
		onOpen=${page && ((row) => go(page.key, String(row[page.id === "list" ? "name" : page.id])))} />`;
}

function Values({ what, values }) {
	const path = fill(what.path, values);
	return html`<${ValuesForm} key=${path} path=${path} catalogue=${what.catalogue} only=${what.only}
		members=${what.members ? fieldsOf("PATCH", what.path) : []} memberPath=${what.members && fill(what.members, values)} />`;
}

function Tab({ tab, values }) {
	if (tab.component)
		return html`<${tab.component} ...${tab} values=${values} />`;
	return tab.values ? html`<${Values} what=${tab.values} values=${values} />`
		: html`<${Described} what=${tab.collection} values=${values} label=${titleOf(tab.key, "tab")} />`;
}

/** One row's page. */
export function ObjectPage({ page, name, query }) {
	const values = { [page.id]: name };
	const tab = page.tabs.find((one) => one.key === query.get("tab")) || page.tabs[0];
	const trail = html`<a href=${link(page.key)}>${t(`page.${page.key}`)}</a>`;
	return html`<${PageHead} title=${name} trail=${trail} help=${t(`help.${page.key}`)} />
		<${Tabs} tabs=${page.tabs.map((one) => [one.key, titleOf(one.key, "tab")])} value=${tab.key} label=${name}
			onChange=${(key) => setQuery({ tab: key })}>
			<${Tab} key=${tab.key} tab=${tab} values=${values} />
		<//>`;
}

/** The page of a collection. */
export function CollectionPage({ page }) {
	const title = t(`page.${page.key}`);
	const help = `${t(`help.${page.key}`)}\n\n${["GET", "POST", "DELETE"].map((method) => sentenceOf(method, page.collection.path)).filter(Boolean).join(" ")}`;
	return html`<${PageHead} title=${title} help=${help} />
		<${Described} what=${page.collection} page=${page.tabs && page} label=${title} />`;
}
