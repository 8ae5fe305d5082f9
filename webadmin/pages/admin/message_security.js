// Message Security: whether administrators need a password of its own to see others' mail, and which.
import { html, useEffect, useState } from "../lib/html.js";
import { get, put, remove } from "../lib/api.js";
import { complain, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { PageHead } from "../lib/shell.js";
import { Badge, Button, Loading, Notice, TextField, errorText } from "../lib/ui.js";

const where = "/message-security";

export function MessageSecurity() {
	const [enabled, setEnabled] = useState(null);
	const [password, setPassword] = useState("");
	const [again, setAgain] = useState("");
	const [wrong, setWrong] = useState("");
	const load = () => get(where).then((state) => setEnabled(state.enabled), complain);
	useEffect(() => {
		load();
	}, []);
	const act = async (work) => {
		try {
			await work();
			say(t("saved"));
			setPassword("");
			setAgain("");
			setWrong("");
		} catch (error) {
			setWrong(errorText(error));
		}
		load();
	};
	const submit = (event) => {
		event.preventDefault();
		if (password === again)
			act(() => put(where, { password }));
		else
			setWrong(t("passwordsdiffer"));
	};
	const title = t("page.message-security");
	return html`<${PageHead} title=${title} help=${t("help.message-security")} />
		${enabled === null ? html`<${Loading} />` : html`<form class="card form" onSubmit=${submit} novalidate>
			<h2><${Badge} kind=${enabled ? "good" : ""}>${t(enabled ? "message-security.is-on" : "message-security.is-off")}<//></h2>
			<p>${t("message-security.about")}</p>
			<${Notice} kind="warn">${t("message-security.lost")}<//>
			<${TextField} label=${t("newpassword")} type="password" autocomplete="new-password" value=${password} onChange=${setPassword} error=${wrong} />
			<${TextField} label=${t("newpasswordagain")} type="password" autocomplete="new-password" value=${again} onChange=${setAgain} />
			<div class="actions"><${Button} kind="main" type="submit" disabled=${!password}>
					${t(enabled ? "message-security.change" : "message-security.on")}<//>
				${enabled && html`<${Button} kind="danger" onClick=${() => act(() => remove(where))}>${t("message-security.off")}<//>`}</div>
		</form>`}`;
}
