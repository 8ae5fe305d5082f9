// The pages of the setup wizard: what each asks, and what is wrong with an answer. Nothing here is sent.
import { html } from "../lib/html.js";
import { t } from "../lib/i18n.js";
import { CheckField, Field, Notice, SelectField, TextField } from "../lib/ui.js";

const host = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$|^\[?[0-9a-f:.]+\]?$/i;
const domain = /^(?=.{1,253}$)([a-z0-9\u00a1-\uffff]([a-z0-9\u00a1-\uffff-]{0,61}[a-z0-9\u00a1-\uffff])?\.)*[a-z0-9\u00a1-\uffff]([a-z0-9\u00a1-\uffff-]{0,61}[a-z0-9\u00a1-\uffff])?$/i;

/** Entries separated by any of these characters, without a leading "@". */
export const listOf = (text, separators = /[;\s]+/) => text.split(separators).map((one) => one.trim().replace(/^@/, "")).filter(Boolean);

/** Servers as "host[:port]", separated by lines, "," or ";". */
export const serversOf = (text) => listOf(text, /[\n,;]+/);

export const blank = {
	through: "lan", name: "", connectCommand: "", disconnectCommand: "",
	send: "relay", relays: "", authenticate: false, sendUser: "", sendPassword: "", dns: "",
	collect: "pop3", server: "", encryption: "tls", user: "", password: "", authentication: "user-pass", route: "headers",
	accepted: "", target: "", targetServer: "", wait: "1", etrnServer: "", etrnParameters: "", odmrPort: "366", odmrDomains: "",
	domains: "", when: "working", days: "all", interval: "10", enable: false,
};

function Choice({ label, value, onChange, options }) {
	return html`<fieldset class="choice"><legend>${label}</legend>${options.map(([key, text]) => html`<label>
		<input type="radio" name=${label} value=${key} checked=${key === value} onChange=${() => onChange(key)} />${text}</label>`)}</fieldset>`;
}

const options = (prefix, keys) => keys.map((key) => [key, t(`wizard.${prefix}.${key}`)]);

// What autoconfig files of providers say, as the fields of later pages.
function readAutoconfig(text) {
	const file = new DOMParser().parseFromString(text, "text/xml");
	const of = (kind) => (name) => file.querySelector(`${kind} > ${name}`)?.textContent.trim() || "";
	const incoming = of("incomingServer[type=pop3]");
	const outgoing = of("outgoingServer");
	const port = outgoing("port");
	return {
		name: file.querySelector("displayShortName")?.textContent.trim().replace(/[^\w.-]+/g, "-").slice(0, 32) || "",
		server: incoming("hostname"), encryption: { SSL: "tls", STARTTLS: "stls" }[incoming("socketType")] || "none",
		relays: outgoing("hostname") + (port && port !== "25" ? `:${port}` : ""), authenticate: outgoing("authentication") !== "none",
	};
}

function Begin({ v, set }) {
	const take = async (event) => {
		const text = await event.target.files[0]?.text();
		if (text)
			set(readAutoconfig(text));
	};
	return html`<${Choice} label=${t("wizard.through")} value=${v.through} onChange=${(through) => set({ through })} options=${options("through", ["lan", "dial-up"])} />
		<${Field} label=${t("wizard.import")} help=${t("wizard.import.help")}>${(p) => html`<input type="file" accept=".xml" onChange=${take} ...${p} />`}<//>`;
}

function Provider({ v, set, wrong }) {
	return html`<${TextField} label=${t("wizard.isp")} help=${t("wizard.isp.help")} value=${v.name} error=${wrong.name} onChange=${(name) => set({ name })} />
		${v.through === "dial-up" && html`
			<${TextField} label=${t("wizard.connect-command")} value=${v.connectCommand} onChange=${(connectCommand) => set({ connectCommand })} />
			<${TextField} label=${t("wizard.disconnect-command")} value=${v.disconnectCommand} onChange=${(disconnectCommand) => set({ disconnectCommand })} />`}
		<${Notice}>${t("wizard.gateway")}<//>`;
}

function Send({ v, set, wrong }) {
	return html`<${Choice} label=${t("wizard.send")} value=${v.send} onChange=${(send) => set({ send })} options=${options("send", ["relay", "direct"])} />
		${v.send === "relay" ? html`
			<${TextField} label=${t("wizard.relays")} help=${t("wizard.relays.help")} rows="2" value=${v.relays} error=${wrong.relays} onChange=${(relays) => set({ relays })} />
			${!v.relays && html`<${Notice} kind="warn">${t("wizard.relays.none")}<//>`}
			<${CheckField} label=${t("wizard.authenticate")} value=${v.authenticate} onChange=${(authenticate) => set({ authenticate })} />
			${v.authenticate && html`<${TextField} label=${t("username")} value=${v.sendUser} error=${wrong.sendUser} onChange=${(sendUser) => set({ sendUser })} />
				<${TextField} label=${t("password")} type="password" autocomplete="new-password" value=${v.sendPassword}
					onChange=${(sendPassword) => set({ sendPassword })} />`}`
			: html`<${Notice} kind="warn">${t("wizard.direct.warning")}<//>
			<${TextField} label=${t("wizard.dns")} help=${t("wizard.dns.help")} value=${v.dns} error=${wrong.dns} onChange=${(dns) => set({ dns })} />`}`;
}

function Pop3({ v, set, wrong }) {
	return html`<${TextField} label=${t("wizard.server")} value=${v.server} error=${wrong.server} onChange=${(server) => set({ server })} />
		<${SelectField} label=${t("field.encryption")} value=${v.encryption} onChange=${(encryption) => set({ encryption })}
			options=${["tls", "stls", "stls-if-available", "none"].map((word) => [word, word])} />
		<${TextField} label=${t("username")} value=${v.user} error=${wrong.user} onChange=${(user) => set({ user })} />
		<${TextField} label=${t("password")} type="password" autocomplete="new-password" value=${v.password} onChange=${(password) => set({ password })} />
		<${SelectField} label=${t("wizard.authentication")} value=${v.authentication} onChange=${(authentication) => set({ authentication })}
			options=${options("authentication", ["user-pass", "apop", "cram-md5"])} />
		<${Choice} label=${t("wizard.route")} value=${v.route} onChange=${(route) => set({ route })} options=${options("route", ["headers", "user", "forward"])} />
		${v.route === "headers" ? html`<${TextField} label=${t("wizard.accepted")} help=${t("wizard.accepted.help")} value=${v.accepted}
				onChange=${(accepted) => set({ accepted })} />`
			: html`<${TextField} label=${t(`wizard.target.${v.route}`)} value=${v.target} error=${wrong.target} onChange=${(target) => set({ target })} />`}
		${v.route === "forward" && html`<${TextField} label=${t("wizard.target-server")} value=${v.targetServer} error=${wrong.targetServer}
			onChange=${(targetServer) => set({ targetServer })} />`}`;
}

function Collect({ v, set, wrong }) {
	return html`<${Choice} label=${t("wizard.collect")} value=${v.collect} onChange=${(collect) => set({ collect })} options=${options("collect", ["pop3", "smtp", "odmr"])} />
		${v.collect === "pop3" && html`<${Pop3} v=${v} set=${set} wrong=${wrong} />`}
		${v.collect === "smtp" && html`<${TextField} label=${t("wizard.etrn-server")} help=${t("wizard.etrn-server.help")} value=${v.etrnServer}
				onChange=${(etrnServer) => set({ etrnServer })} />
			<${TextField} label=${t("wizard.etrn-parameters")} value=${v.etrnParameters} onChange=${(etrnParameters) => set({ etrnParameters })} />
			<${TextField} label=${t("wizard.wait")} short value=${v.wait} error=${wrong.wait} onChange=${(wait) => set({ wait })} />`}
		${v.collect === "odmr" && html`<${TextField} label=${t("wizard.server")} value=${v.server} error=${wrong.server} onChange=${(server) => set({ server })} />
			<${TextField} label=${t("wizard.port")} short value=${v.odmrPort} error=${wrong.odmrPort} onChange=${(odmrPort) => set({ odmrPort })} />
			<${TextField} label=${t("username")} value=${v.user} error=${wrong.user} onChange=${(user) => set({ user })} />
			<${TextField} label=${t("password")} type="password" autocomplete="new-password" value=${v.password} onChange=${(password) => set({ password })} />
			<${TextField} label=${t("wizard.odmr-domains")} value=${v.odmrDomains} onChange=${(odmrDomains) => set({ odmrDomains })} />`}`;
}

function Domains({ v, set, wrong }) {
	return html`<${TextField} label=${t("wizard.domains")} help=${t("wizard.domains.help")} value=${v.domains} error=${wrong.domains}
		onChange=${(domains) => set({ domains })} />`;
}

function When({ v, set }) {
	return html`<${Choice} label=${t("wizard.when")} value=${v.when} onChange=${(when) => set({ when })} options=${options("when", ["never", "working", "always"])} />
		<${Choice} label=${t("wizard.days")} value=${v.days} onChange=${(days) => set({ days })} options=${options("days", ["weekdays", "weekends", "all"])} />
		<${Choice} label=${t("wizard.interval")} value=${v.interval} onChange=${(interval) => set({ interval })} options=${options("interval", ["10", "60", "120"])} />`;
}

const isPort = (text) => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;

function isServer(text) {
	const [, name, port] = /^(\[[^\]]+\]|[^:]+)(?::(.*))?$/.exec(text) || [];
	return name !== undefined && host.test(name) && (port === undefined || isPort(port));
}

const bad = (list, test, key) => list.filter((one) => !test(one)).map((one) => t(key, { entry: one }))[0];

/** Each page: its name, its component, and check(values): what is wrong, by field. */
export const wizardPages = [
	{ key: "begin", component: Begin, check: () => ({}) },
	{ key: "provider", component: Provider, check: (v) => ({ name: /^[\w.-]{1,32}$/.test(v.name) ? undefined : t("wizard.bad.name") }) },
	{ key: "send", component: Send, check: (v) => (v.send === "direct"
		? { dns: bad(listOf(v.dns, /[,\s]+/), (one) => /^[0-9a-f:.]+$/i.test(one), "wizard.bad.address") }
		: { relays: bad(serversOf(v.relays), isServer, "wizard.bad.server"), sendUser: v.authenticate && v.relays && !v.sendUser ? t("wizard.needed") : undefined }) },
	{ key: "collect", component: Collect, check: (v) => (v.collect === "smtp" ? { wait: /^\d{1,4}$/.test(v.wait) ? undefined : t("wizard.bad.number") } : {
		server: isServer(v.server) ? undefined : t("wizard.bad.server", { entry: v.server }), user: v.user ? undefined : t("wizard.needed"),
		odmrPort: v.collect === "odmr" && !isPort(v.odmrPort) ? t("wizard.bad.number") : undefined,
		target: v.collect === "pop3" && v.route !== "headers" && !v.target ? t("wizard.needed") : undefined,
		targetServer: v.collect === "pop3" && v.route === "forward" && !isServer(v.targetServer) ? t("wizard.bad.server", { entry: v.targetServer }) : undefined }) },
	{ key: "domains", component: Domains, check: (v) => ({ domains: listOf(v.domains, /;/).length ? bad(listOf(v.domains, /;/), (one) => domain.test(one), "wizard.bad.domain")
		: t("wizard.needed") }) },
	{ key: "when", component: When, check: () => ({}) },
	{ key: "finish", component: null, check: () => ({}) },
];
