// When connections are started, how they ended last, and starting them by hand.
import { html, useState } from "../lib/html.js";
import { get, post } from "../lib/api.js";
import { complain, say } from "../lib/ask.js";
import { formatTime, t } from "../lib/i18n.js";
import { usePolling } from "../lib/live.js";
import { PageHead } from "../lib/shell.js";
import { Badge, Button, Notice } from "../lib/ui.js";
import { Described } from "./object.js";

const schedule = { path: "/items/{kind}", values: { kind: "schedule" }, kind: "schedule" };

export function Schedule() {
	const [status, setStatus] = useState({ connection: [], warning: [] });
	const load = () => get("/schedule/status").then(setStatus, complain);
	usePolling(load, 10);
	const act = async (where, body, text) => {
		try {
			await post(where, body);
			say(text);
		} catch (error) {
			complain(error);
		}
		load();
	};
	return html`<${PageHead} title=${t("page.schedule")} help=${t("help.schedule")}>
			<${Button} icon="play" onClick=${() => act("/schedule/connect", { connections: [] }, t("schedule.started"))}>${t("schedule.connect")}<//>
			<${Button} icon="pause" onClick=${() => act("/schedule/pause", {}, t("schedule.paused"))}>${t("schedule.pause")}<//>
			<${Button} icon="clock" onClick=${() => act("/schedule/resume", {}, t("schedule.resumed"))}>${t("schedule.resume")}<//>
		<//>
		${(status.warning || []).map((warning) => html`<${Notice} kind="warn">${warning}<//>`)}
		<div class="cards">${(status.connection || []).map((one) => html`<div class="card stack">
			<h2>${one.name} <${Badge} kind=${one.state === "running" ? "good" : ""}>${t(`state.${one.state}`)}<//></h2>
			<p class=${{ partly: "notice warn", failed: "notice bad" }[one.outcome] || "muted"}>${one.last ? `${formatTime(one.last)}: ${one.result}` : t("schedule.never")}</p>
			<div><${Button} icon="play" onClick=${() => act("/schedule/connect", { connections: [one.name] }, t("schedule.started"))}>
				${t("schedule.connect-this")}<//></div>
		</div>`)}</div>
		<${Described} what=${schedule} label=${t("page.schedule")} />`;
}
