// What other domains are to be told, day by day: mail that came in their name (DMARC), TLS on the way to them.
import { html, useState } from "../lib/html.js";
import { get, path, post } from "../lib/api.js";
import { ask, complain, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, Dialog, Tabs, TextField } from "../lib/ui.js";
import { Collection } from "./collection.js";

const second = 1000;
const day = 86400;
const yesterday = () => new Date(Date.now() - day * second).toISOString().slice(0, 10);
const numberOf = (date) => Math.floor(Date.parse(`${date}T00:00:00Z`) / second / day);
const kinds = ["dmarc", "tls-reports"];

function Report({ title, text, answer }) {
	return html`<${Dialog} title=${title} wide onClose=${() => answer()}><pre class="header" tabindex="0">${text}</pre><//>`;
}

export function Reports({ route }) {
	const kind = kinds.includes(route.query.get("tab")) ? route.query.get("tab") : kinds[0];
	const [date, setDate] = useState(yesterday);
	const [sent, setSent] = useState(0);
	const number = numberOf(date);
	const open = async ({ domain }) => {
		try {
			const text = await get(path`/${kind}/${number}/${domain}`);
			await ask((answer) => html`<${Report} title=${domain} text=${text} answer=${answer} />`);
		} catch (error) {
			complain(error);
		}
	};
	const send = async () => {
		try {
			await post(path`/${kind}/${number}`, { send: true });
			say(t("reports.sent"));
		} catch (error) {
			complain(error);
		}
		setSent(sent + 1);
	};
	return html`<${PageHead} title=${t("page.reports")} help=${t("help.reports")} />
		<div class="toolbar ends"><${TextField} label=${t("reports.day")} type="date" max=${yesterday()} value=${date} onChange=${(one) => one && setDate(one)} short />
			<${Button} icon="send" onClick=${send}>${t("reports.send")}<//></div>
		<${Tabs} tabs=${kinds.map((key) => [key, t(`reports.${key}`)])} value=${kind} label=${t("page.reports")} onChange=${(key) => setQuery({ tab: key })}>
			<${Collection} key=${`${kind} ${number} ${sent}`} path=${`/${kind}/{day}`} values=${{ day: number }} fixed label=${t(`reports.${kind}`)}
				onOpen=${open} />
		<//>`;
}
