// The first page: how the server is, at one look, and what should be looked at.
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { get, leave } from "../lib/api.js";
import { formatDuration, formatNumber, formatSize, formatTime, t } from "../lib/i18n.js";
import { Icon } from "../lib/icons.js";
import { useLive, usePolling } from "../lib/live.js";
import { link } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Badge, Loading, Notice } from "../lib/ui.js";

const kept = 900; // points of the charts: half an hour at one each two seconds
const least = 60; // seconds that they show, however little is known yet
const history = { time: [], sessions: [], queue: [] };

const sum = (object) => Object.values(object || {}).reduce((all, number) => all + (Number(number) || 0), 0);

function remember(status) {
	history.time.push(status.time || Date.now() / 1000);
	history.sessions.push(sum(status.sessions));
	history.queue.push(sum(status.queue));
	Object.values(history).forEach((list) => list.length > kept && list.shift());
}

function Chart({ name, version }) {
	const ref = useRef();
	const chart = useRef(null);
	useEffect(() => {
		let ended = false;
		const draw = async () => {
			const { default: UPlot } = await import("../vendor/uplot.js");
			if (ended || !ref.current)
				return;
			chart.current?.destroy();
			const colours = getComputedStyle(ref.current);
			const axis = { stroke: colours.getPropertyValue("color"), grid: { stroke: colours.borderTopColor, width: 1 }, ticks: { show: false } };
			chart.current = new UPlot({
				width: ref.current.clientWidth, height: 160, legend: { show: false }, cursor: { show: false },
				scales: { x: { range: (plot, low, high) => [Math.min(low, high - least), high] }, y: { range: (plot, low, high) => [0, Math.max(5, high)] } },
				axes: [{ ...axis, size: 30, space: 100, values: (plot, marks) => marks.map((mark) => formatTime(mark)) }, { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] }],
				series: [{}, { stroke: colours.outlineColor, width: 2, fill: colours.backgroundColor, points: { show: false } }],
			}, [history.time, history[name]], ref.current);
		};
		draw();
		addEventListener("theme", draw);
		addEventListener("resize", draw);
		return () => {
			ended = true;
			removeEventListener("theme", draw);
			removeEventListener("resize", draw);
			chart.current?.destroy();
			chart.current = null;
		};
	}, [name]);
	useEffect(() => {
		chart.current?.setData([history.time, history[name]]);
	}, [version]);
	const now = history[name].at(-1) ?? 0;
	return html`<figure class="card stack"><figcaption><h2>${t(`dashboard.${name}`)}: ${formatNumber(now)}</h2></figcaption>
		<div class="chart" ref=${ref} role="img" aria-label=${t("dashboard.chart", { name: t(`dashboard.${name}`), now })}></div></figure>`;
}

function Numbers({ title, href, values }) {
	return html`<section class="card stack"><h2>${href ? html`<a href=${href}>${title}</a>` : title}</h2>
		<dl class="facts">${values.map(([name, value]) => html`<dt>${name}</dt><dd class="number">${value}</dd>`)}</dl></section>`;
}

// Where what is missing is mended, by the keys of /checklist.
const mended = { domains: "domains", "default-domain": "domains", connection: "connections", sender: "senders", schedule: "schedule", users: "users" };

function Checklist() {
	const [list, setList] = useState([]);
	useEffect(() => {
		get("/checklist").then(({ items }) => setList(items), () => setList([]));
	}, []);
	if (!list.some((item) => !item.done))
		return null;
	return html`<section class="card stack"><h2>${t("checklist")}</h2><ul class="plain-list">
		${list.map((item) => html`<li class="check ${item.done ? "done" : ""}"><${Icon} name=${item.done ? "check" : "alert"} />
			<a href=${link(mended[item.key])}>${t(`checklist.${item.key}`)}</a> <${Badge} kind=${item.done ? "good" : "warn"}>
			${t(item.done ? "checklist.done" : "checklist.missing")}<//></li>`)}</ul>
		<p><a href=${link("wizard")}>${t("checklist.wizard")}</a></p></section>`;
}

function Recent({ title, path, line, href }) {
	const [rows, setRows] = useState(null);
	usePolling(() => get(path, { limit: 8 }).then(({ items }) => setRows(items), () => setRows([])), 15);
	return html`<section class="card stack"><h2><a href=${href}>${title}</a></h2>
		${rows && (rows.length ? html`<ul class="plain-list lines">${rows.map((row) => html`<li>${line(row)}</li>`)}</ul>`
			: html`<p class="muted">${t("table.empty")}</p>`)}</section>`;
}

const recipients = (row) => (row.recipients || []).flat().map((one) => one.address || one.recipient || one).join(", ");

export function Dashboard() {
	const [status, setStatus] = useState(null);
	const [lost, setLost] = useState(false);
	const [version, setVersion] = useState(0);
	useLive("/live", "message", (changes) => {
		const now = { ...status, ...changes };
		remember(now);
		setStatus(now);
		setLost(false);
		setVersion((old) => old + 1);
	}, () => setLost(true));
	useLive("/live", "ended", leave);
	if (!status)
		return lost ? html`<${Notice} kind="bad">${t("unreachable")}<//>` : html`<${Loading} />`;
	const { queue = {}, sessions = {}, disk = {} } = status;
	const shown = (object) => Object.entries(object).map(([name, number]) => [name, formatNumber(number)]);
	return html`<${PageHead} title=${t("page.dashboard")} help=${t("help.dashboard")} trail=${`${status.host || ""} · Postroom ${status.version || ""}`} />
		${lost && html`<${Notice} kind="bad">${t("unreachable")}<//>`}
		${(status.warnings || []).map((warning) => html`<${Notice} kind="warn">${warning}<//>`)}
		<div class="cards">
			<${Checklist} />
			<${Numbers} title=${t("page.queue")} href=${link("queue")} values=${[
				...Object.entries(queue).map(([name, value]) => [t(`state.${name}`), formatNumber(value)]),
				...(status.lan === undefined ? [] : [[t("page.lan-queue"), formatNumber(status.lan)]])]} />
			<${Numbers} title=${t("page.sessions")} href=${link("sessions")} values=${shown(sessions).length ? shown(sessions) : [[t("none"), "0"]]} />
			<${Numbers} title=${t("dashboard.state")} values=${[
				[t("dashboard.disk"), disk.total ? `${formatSize(disk.free)} / ${formatSize(disk.total)}` : "–"],
				[t("page.blocks"), formatNumber(status.blocked || 0)], [t("page.locks"), formatNumber(status.locked || 0)],
				[t("page.held-posts"), formatNumber(status["held-posts"] || 0)]]} />
		</div>
		<div class="cards"><${Chart} name="sessions" version=${version} /><${Chart} name="queue" version=${version} /></div>
		<div class="cards">
			<${Recent} title=${t("dashboard.sent")} path="/queue/sent" href=${`${link("queue")}?tab=sent`}
				line=${(row) => html`<span class="muted">${formatTime(row.ended)}</span> ${row.from || "<>"} → ${recipients(row)}`} />
			<${Recent} title=${t("dashboard.ended")} path="/sessions-past" href=${`${link("sessions")}?tab=past`}
				line=${(row) => html`<span class="muted">${formatTime(row.begin)}</span> ${row.service} ${row.user || row.peer}${" "}
					<span class="muted">${formatDuration(Math.max(0, row.end - row.begin))}</span>`} />
		</div>`;
}
