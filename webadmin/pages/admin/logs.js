// The last lines of the logs, as far as they hold what is looked for.
import { html, useState } from "../lib/html.js";
import { get, path } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { usePolling } from "../lib/live.js";
import { go } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { CheckField, Failure, Loading, Notice, SelectField, TextField } from "../lib/ui.js";
import { wordsOf } from "./model.js";

const counts = [100, 200, 1000, 5000].map((count) => [String(count), String(count)]);

function Lines({ name, lines, match, follow }) {
	const [shown, setShown] = useState(null);
	const [failed, setFailed] = useState(null);
	const load = () => get(path`/logs/${name}`, { lines, match }).then((answer) => {
		setShown(answer);
		setFailed(null);
	}, setFailed);
	usePolling(() => (follow || !shown) && load(), 3, [name, lines, match, follow]);
	if (failed?.status === 404)
		return html`<${Notice}>${failed.message}<//>`;
	if (failed)
		return html`<${Failure} error=${failed} retry=${load} />`;
	if (!shown)
		return html`<${Loading} />`;
	return html`${shown.more && html`<p class="muted">${t("logs.more")}</p>`}
		${shown.line?.length ? html`<pre class="header log" tabindex="0" aria-label=${name}>${shown.line.join("\n")}</pre>`
		: html`<p class="muted">${t("table.empty")}</p>`}`;
}

/** #/logs/NAME */
export function Logs({ route }) {
	const names = wordsOf("GET", "/logs/{name}", "name");
	const name = names.includes(route.path[1]) ? route.path[1] : names[0];
	const [lines, setLines] = useState("200");
	const [wanted, setWanted] = useState("");
	const [match, setMatch] = useState("");
	const [follow, setFollow] = useState(false);
	const find = (event) => {
		event.preventDefault();
		setMatch(wanted);
	};
	return html`<${PageHead} title=${t("page.logs")} help=${t("help.logs")} />
		<form class="toolbar ends" onSubmit=${find}>
			<${SelectField} label=${t("logs.which")} value=${name} onChange=${(one) => go("logs", one)} options=${names.map((one) => [one, one])} />
			<${SelectField} label=${t("logs.lines")} value=${lines} onChange=${setLines} options=${counts} />
			<${TextField} label=${t("logs.match")} type="search" value=${wanted} onChange=${setWanted} onBlur=${find} />
			<${CheckField} label=${t("logs.follow")} value=${follow} onChange=${setFollow} />
		</form>
		<${Lines} key=${`${name} ${lines} ${match}`} name=${name} lines=${lines} match=${match} follow=${follow} />`;
}
