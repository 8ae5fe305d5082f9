// The setup wizard: asks for one provider's account, and makes of the answers a connection, a sender, a collector, domains
// and an item of the schedule. Nothing is changed before the last page's button.
import { html, useState } from "../lib/html.js";
import { get, patch, path, post } from "../lib/api.js";
import { ask, confirmLeave, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { go, goAnyway, link, useGuard } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, CheckField, Dialog, Notice, errorText } from "../lib/ui.js";
import { blank, listOf, serversOf, wizardPages } from "./wizard_pages.js";

const offered = "server.offer-wizard";
const weekdays = { weekdays: "M,Tu,W,Th,F", weekends: "Sa,Su", all: "" };
const hours = { working: ["8:00", "18:00"], always: ["0:00", "23:59"], never: ["0:00", "23:59"] };

function collectorOf(v) {
	const common = { connections: [v.name] };
	const port = Number(/:(\d+)$/.exec(v.server)?.[1] || 0);
	if (v.collect === "smtp")
		return { ...common, method: "etrn", "etrn.server": v.etrnServer, "etrn.parameters": v.etrnParameters, "etrn.wait-seconds": Number(v.wait) };
	if (v.collect === "odmr")
		return { ...common, method: "odmr", "odmr.server": v.server, "odmr.port": Number(v.odmrPort), "odmr.username": v.user,
			"odmr.domains": listOf(v.odmrDomains, /[,;\s]+/).join(","), password: v.password };
	const made = { ...common, method: "pop3", "pop3.server": v.server.replace(/:\d+$/, ""), "pop3.port": port,
		"pop3.encryption": v.encryption, "pop3.username": v.user, "pop3.authentication": v.authentication, password: v.password, route: v.route };
	if (v.route === "headers")
		return { ...made, "accepted-domains": listOf(v.accepted || v.domains, /;/).join(";") };
	return v.route === "user" ? { ...made, target: v.target } : { ...made, target: v.target, "forward-server": v.targetServer };
}

const senderOf = (v) => (v.send === "direct" ? { method: "direct", servers: "" }
	: { method: "relay", servers: serversOf(v.relays).join(","), encryption: "starttls-if-available",
		...(v.authenticate ? { username: v.sendUser, password: v.sendPassword } : {}) });

const dnsOf = (v) => listOf(v.dns, /[,\s]+/).join(",");
const named = (rows, name) => rows.find((row) => row.name.toLowerCase() === name.toLowerCase());
const change = (method, where, body) => ({ method, path: where, body });

/** What makes a thing of this name, or changes it where it is there. */
const put = (there, collection, name, body) => (there ? change("PATCH", `${collection}${path`/${name}/settings`}`, body)
	: change("POST", collection, { name, ...body }));

// The default connection is the one that is meant: a new server has one.
function connectionCalls(v, known) {
	const commands = v.through === "dial-up"
		? { continuous: false, "connect-command": v.connectCommand, "disconnect-command": v.disconnectCommand } : {};
	const rename = known && !named([known], v.name) ? [change("POST", path`/connections/${known.name}/rename`, { to: v.name })] : [];
	return [...rename, put(known, "/connections", v.name, { default: true, ...commands })];
}

// A relay without a server sends nothing: there is no sender then.
function senderCalls(v, there) {
	if (v.send === "direct" || v.relays)
		return [put(there, "/senders", v.name, senderOf(v))];
	return there ? [change("DELETE", path`/senders/${v.name}`)] : [];
}

function domainCalls(names, domains) {
	const all = names.filter((one) => !named(domains, one)).map((name) => change("POST", "/domains", { name }));
	return domains.some((domain) => domain.default) ? all : [...all, change("POST", path`/domains/${names[0]}/default`)];
}

function scheduleCall(v, known) {
	const [from, to] = hours[v.when];
	const item = { name: v.name, enabled: v.enable && v.when !== "never" ? "on" : "off", connections: "@default", every: v.interval, from, to,
		days: weekdays[v.days] };
	return known ? change("PATCH", path`/items/schedule/${known.number}`, item) : change("POST", "/items/schedule", item);
}

/** What Finish does, for who reads it before. */
function stepsOf(v) {
	return [
		t("wizard.step.domains", { names: listOf(v.domains, /;/).join(", ") }),
		...(v.send === "direct" ? [t("wizard.step.dns", { servers: dnsOf(v) || t("wizard.step.dns.system") })] : []),
		t("wizard.step.connection", { name: v.name }),
		t(v.send === "direct" || v.relays ? "wizard.step.sender" : "wizard.step.no-sender", { name: v.name }),
		t("wizard.step.collector", { name: v.name }),
		t("wizard.step.schedule", { name: v.name }),
	];
}

/** Do it: all of it, or nothing. */
async function carryOut(v) {
	const [connections, senders, collectors, domains, schedule] = await Promise.all(
		["/connections", "/senders", "/collectors", "/domains", "/items/schedule"].map(async (where) => (await get(where, { limit: 10000 })).items));
	const connection = named(connections, v.name) || connections.find((one) => one.default);
	const sender = named(senders, connection ? connection.name : v.name); // it bears its connection's name, also the new one
	await post("/together", { calls: [
		...domainCalls(listOf(v.domains, /;/), domains),
		...(v.send === "direct" ? [change("PATCH", "/settings", { "dns.servers": dnsOf(v) })] : []),
		...connectionCalls(v, connection),
		...senderCalls(v, sender),
		put(named(collectors, v.name), "/collectors", v.name, collectorOf(v)),
		scheduleCall(v, named(schedule, v.name)),
	] });
}

function Finish({ v, set, steps, wrong }) {
	return html`<h2>${t("wizard.will")}</h2>
		<ol>${steps.map((text) => html`<li>${text}</li>`)}</ol>
		${wrong && html`<${Notice} kind="bad">${errorText(wrong)}<//>`}
		${v.when !== "never" && html`<${CheckField} label=${t("wizard.enable")} value=${v.enable} onChange=${(enable) => set({ enable })} />`}
		<${Notice}>${t("wizard.next-steps")}${" "}<a href=${link("users")}>${t("page.users")}</a>, <a href=${link("mappings")}>${t("page.mappings")}</a>,
			${" "}<a href=${link("collectors")}>${t("page.collectors")}</a>, <a href=${link("schedule")}>${t("page.schedule")}</a><//>`;
}

export function Wizard() {
	const [at, setAt] = useState(0);
	const [values, setValues] = useState(blank);
	const [wrong, setWrong] = useState({});
	const [failed, setFailed] = useState(null);
	const [busy, setBusy] = useState(false);
	useGuard(values !== blank, confirmLeave);
	const page = wizardPages[at];
	const set = (some) => setValues((old) => ({ ...old, ...some }));
	const last = at === wizardPages.length - 1;
	const next = () => {
		const found = page.check(values);
		setWrong(found);
		if (!Object.values(found).some(Boolean))
			setAt(at + 1);
	};
	const finish = async () => {
		setBusy(true);
		setFailed(null);
		try {
			await carryOut(values);
			say(t("wizard.finished"));
			goAnyway();
		} catch (error) {
			setFailed(error);
		}
		setBusy(false);
	};
	const submit = (event) => {
		event.preventDefault();
		if (last)
			finish();
		else
			next();
	};
	return html`<${PageHead} title=${t("page.wizard")} help=${`${t("help.wizard")}\n\n${t(`wizard.help.${page.key}`)}`} />
		<ol class="steps">${wizardPages.map((one, i) => html`<li aria-current=${i === at ? "step" : undefined}>${i + 1}. ${t(`wizard.page.${one.key}`)}</li>`)}</ol>
		<form class="card form" onSubmit=${submit} novalidate>
			<h2>${t(`wizard.page.${page.key}`)}</h2>
			${last ? html`<${Finish} v=${values} set=${set} steps=${stepsOf(values)} wrong=${failed} />`
				: html`<${page.component} v=${values} set=${set} wrong=${wrong} />`}
			<div class="actions">
				<${Button} onClick=${() => setAt(at - 1)} disabled=${at === 0}>${t("wizard.back")}<//>
				<${Button} kind="main" type="submit" busy=${busy}>${t(last ? "wizard.finish" : "wizard.next")}<//>
				<${Button} kind="plain" onClick=${() => goAnyway()}>${t("cancel")}<//>
			</div>
		</form>`;
}

function Offer({ answer }) {
	const [never, setNever] = useState(false);
	return html`<${Dialog} title=${t("page.wizard")} onClose=${() => answer({ run: false, never })} onSubmit=${() => answer({ run: true, never: false })}
		foot=${html`<${Button} onClick=${() => answer({ run: false, never })}>${t("wizard.skip")}<//><${Button} kind="main" type="submit">${t("wizard.run")}<//>`}>
		<p>${t("wizard.offer")}</p>
		<${CheckField} label=${t("wizard.never")} value=${never} onChange=${setNever} />
	<//>`;
}

/** Once after each login, as long as nothing is configured and nobody said not to. */
export async function offerWizard() {
	if (sessionStorage.getItem("postroom-wizard"))
		return;
	sessionStorage.setItem("postroom-wizard", "offered");
	const [collectors, schedule, { items }] = await Promise.all([
		get("/collectors", { limit: 1 }), get("/items/schedule", { limit: 1 }), get("/settings", { key: offered }),
	]);
	if (collectors.total > 0 || schedule.total > 0 || items[0]?.value === false)
		return;
	const { run, never } = await ask((answer) => html`<${Offer} answer=${answer} />`);
	if (never)
		await patch("/settings", { [offered]: false });
	if (run)
		go("wizard");
}
