// The frame around pages: head with the product, the user's menu and the choice of light and dark; navigation; content.
import { html, useEffect, useState } from "./html.js";
import { logOut } from "./api.js";
import { availableLanguages, chooseLanguage, chosenLanguage, t } from "./i18n.js";
import { Icon } from "./icons.js";
import { Button, Menu } from "./ui.js";

const languageNames = { en: "English", de: "Deutsch", fr: "Français", es: "Español" };

export function ThemeMenu() {
	const choices = [["system", t("theme.system")], ["light", t("theme.light")], ["dark", t("theme.dark")]];
	const [theme, setTheme] = useState(window.theme.get());
	const choose = (key) => {
		window.theme.set(key);
		setTheme(key);
	};
	return html`<${Menu} icon="theme" label=${t("theme")} items=${choices.map(([key, text]) => (
		{ text, icon: key === theme ? "check" : undefined, onClick: () => choose(key) }))} />`;
}

export function LanguageMenu() {
	return html`<${Menu} icon="globe" label=${t("language")} items=${availableLanguages().map((key) => ({
		text: languageNames[key], icon: key === chosenLanguage() ? "check" : undefined, onClick: () => chooseLanguage(key) }))} />`;
}

/** logo: the address of a picture in the head, in place of ours; groups: [{title, pages: [{href, text, icon, current, badge}]}]; items: more for the user's menu; head: more for the head. */
export function Shell({ title, logo, home, session, groups, items = [], head, children }) {
	const [open, setOpen] = useState(false);
	useEffect(() => {
		const close = () => setOpen(false);
		addEventListener("route", close);
		return () => removeEventListener("route", close);
	}, []);
	return html`<div class="shell ${open ? "nav-open" : ""}">
		<a class="button skip" href="#content" onClick=${(e) => { e.preventDefault(); document.getElementById("content").focus(); }}>
			${t("skip")}</a>
		<header class="head">
			<span class="nav-toggle"><${Button} kind="plain" icon="menu" label=${t("navigation")} aria-expanded=${open}
				onClick=${() => setOpen(!open)} /></span>
			<a class="brand" href=${home}>${logo ? html`<img class="logo of-mail" src=${logo} alt="" />` : html`<${Icon} name="mail" />`}${title}</a>
			<span class="rest">${head}</span>
			<${LanguageMenu} /><${ThemeMenu} />
			<${Menu} icon="user" text=${html`<span class="user-name">${session.user}</span>`} label=${session.user}
				items=${[...items, { text: t("logout"), icon: "leave", onClick: logOut }]} />
		</header>
		<nav class="nav" aria-label=${t("navigation")}>${groups.map((group) => html`
			${group.title && html`<h2>${group.title}</h2>`}
			<ul>${group.pages.map((page) => html`<li><a href=${page.href} aria-current=${page.current ? "page" : undefined}>
				<${Icon} name=${page.icon} />${page.text}${page.badge && html`<span class="badge">${page.badge}</span>`}</a></li>`)}
			</ul>`)}
		</nav>
		<main class="content" id="content" tabindex="-1">${children}</main>
	</div>`;
}

/** The top of a page: where it is, its name, its buttons, its help. */
export function PageHead({ title, trail, help, children }) {
	useEffect(() => {
		document.title = `${title} - Postroom`;
	}, [title]);
	return html`<div class="page-head">
		<div>${trail && html`<div class="trail">${trail}</div>`}<h1>${title}</h1></div>
		<div class="buttons">${children}</div>
	</div>
	${help && html`<details class="page-help"><summary>${t("help")}</summary>
		${help.split("\n\n").map((paragraph) => html`<p>${paragraph}</p>`)}</details>`}`;
}
