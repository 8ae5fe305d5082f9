// The two pages of a forgotten password: asking for a link, and choosing another password by it.
import { html, render, useState } from "./html.js";
import { post } from "./api.js";
import { loadTexts, t } from "./i18n.js";
import { Button, Notice, TextField, errorText } from "./ui.js";
import { Icon } from "./icons.js";
import { LanguageMenu, ThemeMenu } from "./shell.js";

const token = new URLSearchParams(location.search).get("token");

function useForm(send) {
	const [busy, setBusy] = useState(false);
	const [wrong, setWrong] = useState("");
	const submit = async (event) => {
		event.preventDefault();
		setBusy(true);
		setWrong("");
		try {
			await send();
		} catch (error) {
			setWrong(errorText(error));
		}
		setBusy(false);
	};
	return { busy, wrong, submit };
}

function Form({ form, button, ready, children }) {
	return html`<form class="form" onSubmit=${form.submit} novalidate>
		${form.wrong && html`<${Notice} kind="bad">${form.wrong}<//>`}
		${children}
		<${Button} kind="main" type="submit" busy=${form.busy} disabled=${!ready}>${button}<//>
	</form>`;
}

function Forgotten() {
	const [user, setUser] = useState("");
	const [sent, setSent] = useState(false);
	const form = useForm(async () => {
		await post("/password/forgotten", { user });
		setSent(true);
	});
	return html`<h1>${t("forgotten")}</h1>
		${sent ? html`<${Notice}>${t("forgotten.sent")}<//>` : html`<p class="muted">${t("forgotten.text")}</p>
		<${Form} form=${form} button=${t("forgotten.send")} ready=${user}>
			<${TextField} label=${t("username")} value=${user} onChange=${setUser} autocomplete="username" autofocus />
		<//>`}`;
}

function Reset() {
	const [password, setPassword] = useState("");
	const [again, setAgain] = useState("");
	const [done, setDone] = useState(false);
	const form = useForm(async () => {
		if (password !== again)
			throw new Error(t("passwordsdiffer"));
		await post("/password/reset", { token, password });
		setDone(true);
	});
	return html`<h1>${t("reset")}</h1>
		${done ? html`<${Notice} kind="good">${t("reset.done")}<//>` : html`<${Form} form=${form} button=${t("save")} ready=${password}>
			<${TextField} label=${t("newpassword")} type="password" value=${password} onChange=${setPassword}
				autocomplete="new-password" autofocus />
			<${TextField} label=${t("newpasswordagain")} type="password" value=${again} onChange=${setAgain}
				autocomplete="new-password" />
		<//>`}`;
}

await loadTexts();
document.title = `${t("forgotten")} - Postroom`;
render(html`<main class="login">
	<span class="brand"><${Icon} name="mail" />Postroom</span>
	<div class="card stack"><${token ? Reset : Forgotten} /><p><a href="/login">${t("backtologin")}</a></p></div>
	<footer class="buttons"><${LanguageMenu} /><${ThemeMenu} /></footer>
</main>`, document.getElementById("app"));
