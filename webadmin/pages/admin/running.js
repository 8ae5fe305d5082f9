// What goes on: messages that wait, sessions.
import { html, useEffect, useState } from "../lib/html.js";
import { get, path, post } from "../lib/api.js";
import { ask, complain, say } from "../lib/ask.js";
import { formatSize, formatTime, t, tn } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Badge, Button, Dialog, Failure, Loading, Tabs } from "../lib/ui.js";
import { Collection, askFields, countResults } from "./collection.js";
import { titleOf } from "./fields.js";

const recipientsOf = (row) => (row.recipients || []).flat().map((one) => one.address || one.recipient || one);
const columns = ["state", "from", "recipients", "size", "attempts", "next", "time", "user", "peer", "priority", "id"];
const stateKinds = { held: "warn", active: "good", deferred: "" };
const shows = {
	recipients: (row) => recipientsOf(row).join(", ") || row.recipient_count,
	state: (row) => html`<${Badge} kind=${stateKinds[row.state]}>${t(`state.${row.state}`)}<//>`,
};

function Message({ id, answer }) {
	const [shown, setShown] = useState({});
	useEffect(() => {
		get(path`/queue/${id}`).then(setShown, (error) => setShown({ error }));
	}, [id]);
	const message = [shown.message].flat()[0];
	const act = async (word) => {
		try {
			await post(path`/queue/${id}/${word}`);
			say(t("saved"));
			answer(true);
		} catch (error) {
			complain(error);
		}
	};
	const facts = message && [["from", message.from], ["user", message.user], ["peer", message.peer], ["size", formatSize(message.size)],
		["time", formatTime(message.time)], ["attempts", message.attempts], ["next", formatTime(message.next)]];
	return html`<${Dialog} title=${id} wide onClose=${() => answer(false)} foot=${["retry", "final", "hold", "release"].map((word) => html`
			<${Button} onClick=${() => act(word)}>${t(`queue.${word}`)}<//>`)}>
		${shown.error && html`<${Failure} error=${shown.error} />`}
		${!message && !shown.error && html`<${Loading} />`}
		${message && html`<dl class="facts">${facts.map(([name, value]) => html`<dt>${titleOf(name, "column")}</dt><dd>${value || "–"}</dd>`)}</dl>
			<h3>${titleOf("recipients", "column")}</h3>
			<ul class="plain-list">${(message.recipients || []).map((one) => html`<li><b>${one.address || one.recipient || String(one)}</b>
				${" "}<span class="muted">${[one.state, one.reply || one.error || one.text].filter(Boolean).join(" · ")}</span></li>`)}</ul>
			<h3>${t("queue.header")}</h3><pre class="header">${shown.headers}</pre>`}
	<//>`;
}

function Waiting() {
	const action = (word, icon) => ({ text: t(`queue.${word}`), icon, runAll: async (ids) => countResults(await post(`/queue/${word}`, { ids })) });
	const actions = [action("hold", "pause"), action("release", "play"), action("retry", "refresh"), action("final", "clock")];
	const retryAll = () => post("/queue-retry-all").then(({ changed }) => say(tn("done", changed)), complain);
	return html`<${Collection} path="/queue" columns=${columns} shows=${shows} label=${t("page.queue")} actions=${actions}
		removeAll=${async (ids) => countResults(await post("/queue/delete", { ids }))}
		onOpen=${(row) => ask((answer) => html`<${Message} id=${row.id} answer=${answer} />`)}
		more=${[{ text: t("queue.retry-all"), icon: "refresh", onClick: retryAll }]} />`;
}

export function Queue({ route }) {
	const tab = route.query.get("tab") === "sent" ? "sent" : "waiting";
	return html`<${PageHead} title=${t("page.queue")} help=${t("help.queue")} />
		<${Tabs} tabs=${[["waiting", t("queue.waiting")], ["sent", t("queue.sent")]]} value=${tab} label=${t("page.queue")}
			onChange=${(key) => setQuery({ tab: key })}>
			${tab === "waiting" ? html`<${Waiting} />` : html`<${Collection} path="/queue/sent" fixed shows=${shows}
				columns=${["ended", "from", "recipients", "size", "time", "user", "peer", "id"]} label=${t("queue.sent")} />`}
		<//>`;
}

export function LanQueue() {
	const retarget = () => askFields({ title: t("lan.retarget"), yes: t("lan.retarget"), send: (body) => post("/lan-queue/retarget", body),
		fields: [{ name: "from", type: "string", required: true, sentence: "HOST:PORT" },
			{ name: "to", type: "string", required: true, sentence: "HOST:PORT" }] });
	return html`<${PageHead} title=${t("page.lan-queue")} help=${t("help.lan-queue")} />
		<${Collection} path="/lan-queue" label=${t("page.lan-queue")} more=${[{ text: t("lan.retarget"), icon: "forward", onClick: retarget }]} />`;
}

export function Sessions({ route }) {
	const tab = route.query.get("tab") === "past" ? "past" : "now";
	return html`<${PageHead} title=${t("page.sessions")} help=${t("help.sessions")} />
		<${Tabs} tabs=${[["now", t("sessions.now")], ["past", t("sessions.past")]]} value=${tab} label=${t("page.sessions")}
			onChange=${(key) => setQuery({ tab: key })}>
			<${Collection} key=${tab} path=${tab === "now" ? "/sessions-live" : "/sessions-past"} label=${t(`sessions.${tab}`)}
				columns=${["service", "user", "peer", "tls", "begin", ...(tab === "past" ? ["end"] : []), "messages", "program", "id"]} />
		<//>`;
}

/** What became of a message, step by step. */
export function Steps({ values }) {
	const [shown, setShown] = useState({});
	useEffect(() => {
		get(path`/trace/${values.id}`).then(setShown, (error) => setShown({ error }));
	}, [values.id]);
	if (shown.error)
		return html`<${Failure} error=${shown.error} />`;
	return shown.line ? html`<ol class="plain-list lines">${shown.line.map((line) => html`<li>${line}</li>`)}</ol>` : html`<${Loading} />`;
}
