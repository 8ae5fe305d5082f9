// The administration: navigation and the page that the address names.
import { html, useEffect, useState } from "../lib/html.js";
import { t } from "../lib/i18n.js";
import { go, link, useRoute } from "../lib/router.js";
import { PageHead, Shell } from "../lib/shell.js";
import { start } from "../lib/start.js";
import { Failure, Loading, Notice } from "../lib/ui.js";
import { loadModel } from "./model.js";
import { CollectionPage, ObjectPage } from "./object.js";
import { groups, pages } from "./pages.js";
import { offerWizard } from "./wizard.js";

function Page({ route }) {
	const [key, name] = route.path;
	const page = pages.find((one) => one.key === (key || "dashboard"));
	if (!page)
		return html`<${PageHead} title=${t("page.missing")} /><${Notice} kind="warn">${t("page.missing.text")}<//>`;
	if (page.tabs && name !== undefined)
		return html`<${ObjectPage} key=${`${key}/${name}`} page=${page} name=${name} query=${route.query} />`;
	return page.component ? html`<${page.component} key=${page.key} page=${page} route=${route} />`
		: html`<${CollectionPage} key=${page.key} page=${page} />`;
}

function Administration({ session }) {
	const route = useRoute();
	const [state, setState] = useState({});
	const current = route.path[0] || "dashboard";
	const ready = state.ready || pages.some((page) => page.key === current && page.plain);
	useEffect(() => {
		if (!ready)
			loadModel().then(() => setState({ ready: true }), (error) => setState({ error }));
	}, [ready]);
	useEffect(() => {
		if (new URLSearchParams(location.search).has("firstconfig"))
			go("wizard");
		else
			offerWizard();
	}, []);
	const shown = groups.map((group) => ({
		title: t(`group.${group.key}`),
		pages: group.pages.map((page) => ({
			href: page.key === "dashboard" ? "#/" : link(page.key), text: t(`page.${page.key}`), icon: page.icon, current: page.key === current })),
	}));
	const items = [{ text: t("webmail"), icon: "mail", href: "/mail/index.html" }];
	return html`<${Shell} title="Postroom" home="#/" session=${session} groups=${shown} items=${items}>
		${state.error && html`<${Failure} error=${state.error} />`}
		${!state.error && !ready && html`<${Loading} />`}
		${ready && html`<${Page} route=${route} />`}
	<//>`;
}

start(Administration);
