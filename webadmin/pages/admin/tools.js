// Where mail to an address goes; whether DNS servers answer.
import { html, useState } from "../lib/html.js";
import { get, post } from "../lib/api.js";
import { complain } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { PageHead } from "../lib/shell.js";
import { Button, TextField } from "../lib/ui.js";

function Resolve() {
	const [address, setAddress] = useState("");
	const [answer, setAnswer] = useState(null);
	const submit = (event) => {
		event.preventDefault();
		get("/resolve", { address }).then(setAnswer, complain);
	};
	return html`<form class="card form" onSubmit=${submit}>
		<h2>${t("tools.resolve")}</h2>
		<${TextField} label=${t("tools.address")} value=${address} onChange=${setAddress} />
		<div><${Button} kind="main" type="submit" disabled=${!address}>${t("tools.explain")}<//></div>
		${answer && html`<div role="status" class="stack"><b>${answer.kind}</b>
			${(answer.target || []).map((target, i) => html`<p><span class="mono">${target}</span> ${answer.cause?.[i]}</p>`)}
			<ol>${(answer.step || []).map((step) => html`<li>${step}</li>`)}</ol></div>`}
	</form>`;
}

function Dns() {
	const [name, setName] = useState("");
	const [answers, setAnswers] = useState([]);
	const submit = async (event) => {
		event.preventDefault();
		try {
			const { server } = await get("/dns");
			setAnswers(await Promise.all(server.map(async (one) => ({ server: one, ...(await post("/dns/test", { server: one, name })) }))));
		} catch (error) {
			complain(error);
		}
	};
	return html`<form class="card form" onSubmit=${submit}>
		<h2>${t("tools.dns")}</h2>
		<${TextField} label=${t("tools.name")} value=${name} onChange=${setName} />
		<div><${Button} kind="main" type="submit" disabled=${!name}>${t("tools.look-up")}<//></div>
		<div role="status">${answers.map((one) => html`<p><span class="mono">${one.server}</span> ${one.state}, ${one.ms} ms
			${(one.address || []).join(", ")} ${one.reason}</p>`)}</div>
	</form>`;
}

export function Tools() {
	return html`<${PageHead} title=${t("page.tools")} help=${t("help.tools")} /><div class="cards"><${Resolve} /><${Dns} /></div>`;
}
