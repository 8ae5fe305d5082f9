// The setup wizard: asks for one provider's account, and makes of the answers a connection, a sender, a collector, domains
// and an item of the schedule. Nothing is changed before the last page's button.
import { html, useState } from "../lib/html.js";
import { get, patch, path, post } from "../lib/api.js";
import { ask, confirmLeave, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { go, link, useGuard } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, CheckField, Dialog, Notice, errorText } from "../lib/ui.js";
import { blank, listOf, serversOf, wizardPages } from "./wizard_pages.js";

const offered = "server.offer-wizard";
const weekdays = { weekdays: "M,Tu,W,Th,F", weekends: "Sa,Su", all: "" };
const hours = { working: ["8:00", "18:00"], always: ["0:00", "23:59"], never: ["0:00", "23:59"] };

function collectorOf(v) {
	const common = { name: v.name, connections: [v.name] };
	const port = (text) => Number(/:(\d+)$/.exec(text)?.[1] || 0);
	if (v.collect === "smtp")
		return { ...common, method: "etrn", "etrn.server": v.etrnServer, "etrn.parameters": v.etrnParameters, "etrn.wait-seconds": Number(v.wait) };
	if (v.collect === "odmr")
		return { ...common, method: "odmr", "odmr.server": v.server, "odmr.port": Number(v.odmrPort), "odmr.username": v.user,
			"odmr.domains": listOf(v.odmrDomains, /[,;\s]+/).join(","), password: v.password };
	const made = { ...common, method: "pop3", "pop3.server": v.server.replace(/:\d+$/, ""), "pop3.port": port(v.server),
		"pop3.encryption": v.encryption, "pop3.username": v.user, "pop3.authentication": v.authentication, password: v.password, route: v.route };
	if (v.route === "headers")
		return { ...made, "accepted-domains": listOf(v.accepted || v.domains, /;/).join(", ") };
	return v.route === "user" ? { ...made, target: v.target } : { ...made, target: v.target, "forward-server": v.targetServer };
}

function senderOf(v) {
	if (v.send === "direct")
		return { name: v.name, method: "direct" };
	const login = v.authenticate ? { username: v.sendUser, password: v.sendPassword } : {};
	return { name: v.name, method: "relay", servers: serversOf(v.relays).join(","), encryption: "starttls-if-available", ...login };
}

/** What Finish does, in order: [text, function]. */
function stepsOf(v) {
	const domains = listOf(v.domains, /;/);
	const commands = v.through === "dial-up" ? { "connect-command": v.connectCommand, "disconnect-command": v.disconnectCommand } : {};
	const [from, to] = hours[v.when];
	const addDomains = async () => {
		const { items } = await get("/domains", { limit: 10000 });
		for (const name of domains.filter((one) => !items.some((known) => known.name === one.toLowerCase())))
			await post("/domains", { name });
		if (!items.some((known) => known.default))
			await post(path`/domains/${domains[0]}/default`);
	};
	return [
		[t("wizard.step.domains", { names: domains.join(", ") }), addDomains],
		...(v.send === "direct" && v.dns ? [[t("wizard.step.dns", { servers: v.dns }),
			() => patch("/settings", { "dns.servers": listOf(v.dns, /[,\s]+/).join(",") })]] : []),
		[t("wizard.step.connection", { name: v.name }), () => post("/connections", { name: v.name, default: true, ...commands })],
		[t("wizard.step.sender", { name: v.name }), () => post("/senders", senderOf(v))],
		[t("wizard.step.collector", { name: v.name }), () => post("/collectors", collectorOf(v))],
		[t("wizard.step.schedule", { name: v.name }), () => post("/items/schedule", { name: v.name, enabled: v.enable && v.when !== "never" ? "on" : "off",
			connections: "@default", every: v.interval, from, to, days: weekdays[v.days] })],
	];
}

function Finish({ v, set, steps, done, wrong }) {
	return html`<h2>${t("wizard.will")}</h2>
		<ol>${steps.map(([text], i) => html`<li>${text}${i < done && ` – ${t("wizard.made")}`}</li>`)}</ol>
		${wrong && html`<${Notice} kind="bad">${errorText(wrong)}<//>`}
		${v.when !== "never" && html`<${CheckField} label=${t("wizard.enable")} value=${v.enable} onChange=${(enable) => set({ enable })} />`}
		<${Notice}>${t("wizard.next-steps")}${" "}<a href=${link("users")}>${t("page.users")}</a>, <a href=${link("mappings")}>${t("page.mappings")}</a>,
			${" "}<a href=${link("collectors")}>${t("page.collectors")}</a>, <a href=${link("schedule")}>${t("page.schedule")}</a><//>`;
}

export function Wizard() {
	const [at, setAt] = useState(0);
	const [values, setValues] = useState(blank);
	const [wrong, setWrong] = useState({});
	const [done, setDone] = useState(0);
	const [failed, setFailed] = useState(null);
	const [busy, setBusy] = useState(false);
	const [left, setLeft] = useState(false);
	useGuard(values !== blank && !left, confirmLeave);
	const page = wizardPages[at];
	const set = (some) => setValues((old) => ({ ...old, ...some }));
	const last = at === wizardPages.length - 1;
	const next = () => {
		const found = page.check(values);
		setWrong(found);
		if (!Object.values(found).some(Boolean))
			setAt(at + 1);
	};
	const leave = () => {
		setLeft(true);
		setValues(blank);
		setTimeout(() => go());
	};
	// What was made before a step failed is not made again when the button is pressed once more.
	const finish = async () => {
		setBusy(true);
		setFailed(null);
		let made = done;
		try {
			for (const [, make] of stepsOf(values).slice(done)) {
				await make();
				setDone(++made);
			}
			say(t("wizard.finished"));
			leave();
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
			${last ? html`<${Finish} v=${values} set=${set} steps=${stepsOf(values)} done=${done} wrong=${failed} />`
				: html`<${page.component} v=${values} set=${set} wrong=${wrong} />`}
			<div class="actions">
				<${Button} onClick=${() => setAt(at - 1)} disabled=${at === 0 || done > 0}>${t("wizard.back")}<//>
				<${Button} kind="main" type="submit" busy=${busy}>${t(last ? "wizard.finish" : "wizard.next")}<//>
				<${Button} kind="plain" onClick=${leave}>${t("cancel")}<//>
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
	const [connections, { items }] = await Promise.all([get("/connections", { limit: 1 }), get("/settings", { key: offered })]);
	if (connections.total > 0 || items[0]?.value === false)
		return;
	const { run, never } = await ask((answer) => html`<${Offer} answer=${answer} />`);
	if (never)
		await patch("/settings", { [offered]: false });
	if (run)
		go("wizard");
}
