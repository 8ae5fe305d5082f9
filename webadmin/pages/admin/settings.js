// The settings of the server, by the first word of their keys; and the texts that it writes to people.
import { html, useMemo, useState } from "../lib/html.js";
import { hasText, t } from "../lib/i18n.js";
import { link } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { TextField } from "../lib/ui.js";
import { entriesOf } from "./model.js";
import { ValuesForm } from "./values.js";

const sectionName = (section) => (hasText(`section.${section}`) ? t(`section.${section}`) : section);

/** #/settings/SECTION, or what a search finds in all. */
export function Settings({ route }) {
	const [search, setSearch] = useState("");
	const sections = useMemo(() => [...new Set(entriesOf("settings").map((entry) => entry.section))]
		.sort((a, b) => sectionName(a).localeCompare(sectionName(b))), []);
	const section = sections.includes(route.path[1]) ? route.path[1] : "server";
	const only = useMemo(() => (entry) => search !== "" || entry.section === section, [section, search]);
	return html`<${PageHead} title=${search ? t("page.settings") : sectionName(section)}
			trail=${html`<a href=${link("settings")}>${t("page.settings")}</a>`} help=${t("help.settings")} />
		<div class="settings">
			<div class="settings-list stack">
				<${TextField} label=${t("settings.search")} type="search" value=${search} onChange=${setSearch} />
				<ul>${sections.map((one) => html`<li><a href=${link("settings", one)} onClick=${() => setSearch("")}
					aria-current=${!search && one === section ? "page" : undefined}>${sectionName(one)}</a></li>`)}</ul>
			</div>
			<div class="card"><${ValuesForm} key=${section} path="/settings" catalogue="settings" only=${only} search=${search} /></div>
		</div>`;
}

const isText = (entry) => entry.key.startsWith("text.");

export function Texts() {
	return html`<${PageHead} title=${t("page.texts")} help=${t("help.texts")} />
		<div class="card"><${ValuesForm} path="/settings" catalogue="settings" only=${isText} /></div>`;
}
