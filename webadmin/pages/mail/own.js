// What users set for themselves: name and addresses, forwarding, autoresponders, rules, password, addresses they wrote to.
import { get, patch, path, post, remove } from "../lib/api.js";
import { complain, confirm, say } from "../lib/ask.js";
import { html, useEffect, useState } from "../lib/html.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, CheckField, Dialog, Failure, Loading, Notice, SelectField, Tabs, TextField } from "../lib/ui.js";

function useChanges(own, keys, reload) {
	const [values, setValues] = useState({});
	const value = (key) => values[key] ?? own.attributes[key] ?? "";
	const field = (key) => ({ value: value(key), onChange: (text) => setValues({ ...values, [key]: text }) });
	const flag = (key) => ({ value: value(key) === "on", onChange: (on) => setValues({ ...values, [key]: on ? "on" : "off" }) });
	const save = async (event) => {
		event.preventDefault();
		try {
			const changed = Object.fromEntries(keys.filter((key) => key in values).map((key) => [key, values[key]]));
			await patch("/me", changed);
			setValues({});
			await reload();
			say(t("mail.stored"));
		} catch (error) {
			complain(error);
		}
	};
	return { field, flag, save };
}

function General({ own, reload }) {
	const { field, save } = useChanges(own, ["web.name", "web.addresses", "web.signature", "web.page-size"], reload);
	const mayName = own.attributes["change.web-name"] !== "off";
	return html`<form class="form" onSubmit=${save}>
		<${TextField} label=${t("mail.own.name")} disabled=${!mayName} ...${field("web.name")} />
		<${TextField} label=${t("mail.own.addresses")} help=${t("mail.own.addresses.help")} rows="3"
			disabled=${own.attributes["change.web-addresses"] === "off"} ...${field("web.addresses")} />
		<${TextField} label=${t("mail.own.signature")} rows="4" disabled=${!mayName} ...${field("web.signature")} />
		<${TextField} label=${t("mail.own.pagesize")} help=${t("mail.own.pagesize.help", { n: own.page_size })} type="number" min="10" short ...${field("web.page-size")} />
		<div class="actions"><${Button} kind="main" type="submit">${t("save")}<//></div></form>`;
}

function Forwarding({ own, reload }) {
	const { field, flag, save } = useChanges(own, ["forward", "forward.enabled", "assistant"], reload);
	if (own.attributes["change.forwards"] === "off")
		return html`<${Notice}>${t("mail.own.notallowed")}<//>`;
	return html`<form class="form" onSubmit=${save}>
		<${CheckField} label=${t("mail.own.forward.on")} ...${flag("forward.enabled")} />
		<${TextField} label=${t("mail.own.forward")} help=${t("mail.own.forward.help")} ...${field("forward")} />
		<${TextField} label=${t("mail.own.assistant")} help=${t("mail.own.assistant.help")} ...${field("assistant")} />
		<div class="actions"><${Button} kind="main" type="submit">${t("save")}<//></div></form>`;
}

function useItems(kind) {
	const [state, setState] = useState({});
	const load = () => get(path`/me/items/${kind}`).then((list) => setState({ items: list.items }), (error) => setState({ error }));
	useEffect(() => { load(); }, [kind]);
	return { ...state, load };
}

async function deleteItem(kind, item, load) {
	if (!(await confirm({ title: t("delete"), text: item.name, yes: t("delete"), danger: true })))
		return;
	await remove(path`/me/items/${kind}/${item.number}`).catch(complain);
	load();
}

const moveItem = (kind, item, to, load) => patch(path`/me/items/${kind}/${item.number}`, { to }).then(load, complain);

// One autoresponder and one rule that is always true are what most want: a text, from day to day.
function Away({ own }) {
	const responders = useItems("autoresponder");
	const rules = useItems("autoresponder-rule");
	const [values, setValues] = useState(null);
	useEffect(() => {
		if (!responders.items || !rules.items)
			return;
		const responder = responders.items[0];
		const rule = rules.items.find((one) => responder && one.responder === responder.name);
		const lines = (value) => (Array.isArray(value) ? value.join("\n") : value || "");
		setValues({
			on: Boolean(rule) && rule.enabled !== "off", responder, rule, subject: responder?.subject || "",
			text: lines(responder?.text), from: rule?.["date-from"] || "", to: rule?.["date-to"] || "",
		});
	}, [responders.items, rules.items]);
	if (own.attributes["change.autoresponder"] === "off")
		return html`<${Notice}>${t("mail.own.notallowed")}<//>`;
	if (responders.error || rules.error)
		return html`<${Failure} error=${responders.error || rules.error} />`;
	if (!values)
		return html`<${Loading} />`;
	const save = async (event) => {
		event.preventDefault();
		const name = values.responder?.name || "Away";
		const responder = { name, text: values.text.split("\n"), subject: values.subject };
		const rule = { name, responder: name, enabled: values.on, "date-from": values.from, "date-to": values.to };
		try {
			await (values.responder ? patch(path`/me/items/autoresponder/${values.responder.number}`, responder) : post("/me/items/autoresponder", responder));
			await (values.rule ? patch(path`/me/items/autoresponder-rule/${values.rule.number}`, rule) : post("/me/items/autoresponder-rule", rule));
			await Promise.all([responders.load(), rules.load()]);
			say(t("mail.stored"));
		} catch (error) {
			complain(error);
		}
	};
	const field = (key) => ({ value: values[key], onChange: (value) => setValues({ ...values, [key]: value }) });
	return html`<form class="form" onSubmit=${save}>
		<${CheckField} label=${t("mail.own.away.on")} ...${field("on")} />
		<${TextField} label=${t("mail.own.away.from")} type="date" short ...${field("from")} />
		<${TextField} label=${t("mail.own.away.to")} type="date" short ...${field("to")} />
		<${TextField} label=${t("mail.subject")} ...${field("subject")} />
		<${TextField} label=${t("mail.own.away.text")} rows="8" ...${field("text")} />
		<div class="actions"><${Button} kind="main" type="submit">${t("save")}<//></div></form>`;
}

const fields = ["Subject", "From", "To", "Cc"];
const withText = ["move", "copy", "forward"];
const actions = [...withText, "flag", "mark-read", "delete"];
const matches = ["contains", "equals", "begins-with", "ends-with", "matches"];

function RuleDialog({ onClose, onDone }) {
	const [rule, setRule] = useState({ name: "", field: "Subject", match: "contains", data: "", action: "move", text: "" });
	const [wrong, setWrong] = useState("");
	const field = (key) => ({ value: rule[key], onChange: (value) => setRule({ ...rule, [key]: value }) });
	const submit = async () => {
		try {
			await post("/me/items/message-rule", {
				name: rule.name, condition: [`${rule.field} ${rule.match} ${rule.data}`],
				action: [`${rule.action} ${withText.includes(rule.action) ? rule.text : "1"}`],
			});
			onDone();
		} catch (error) {
			setWrong(error.message);
		}
	};
	return html`<${Dialog} title=${t("mail.own.rule")} onClose=${onClose} onSubmit=${submit}
		foot=${html`<${Button} onClick=${onClose}>${t("cancel")}<//><${Button} kind="main" type="submit">${t("add")}<//>`}>
		<div class="form">
			<${TextField} label=${t("mail.own.rule.name")} ...${field("name")} />
			<${SelectField} label=${t("mail.own.rule.field")} options=${fields.map((one) => [one, one])} ...${field("field")} />
			<${SelectField} label=${t("mail.own.rule.match")} options=${matches.map((one) => [one, t(`mail.match.${one}`)])} ...${field("match")} />
			<${TextField} label=${t("mail.own.rule.data")} ...${field("data")} />
			<${SelectField} label=${t("mail.own.rule.action")} options=${actions.map((one) => [one, t(`mail.action.${one}`)])} ...${field("action")} />
			${withText.includes(rule.action) && html`<${TextField} ...${field("text")}
				label=${rule.action === "forward" ? t("mail.own.rule.address") : t("mail.own.rule.folder")} />`}
			${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
		</div><//>`;
}

function Rules() {
	const { items, error, load } = useItems("message-rule");
	const [adding, setAdding] = useState(false);
	if (error)
		return html`<${Failure} error=${error} />`;
	if (!items)
		return html`<${Loading} />`;
	return html`<div class="buttons"><${Button} icon="add" onClick=${() => setAdding(true)}>${t("mail.own.rule")}<//></div>
		${items.length === 0 && html`<p class="empty">${t("none")}</p>`}
		<ol class="own-items">${items.map((item, i) => html`<li key=${item.id}>
			<span><strong>${item.name}</strong> <span class="muted small">${[].concat(item.condition || [], item.action || []).join(" · ")}</span></span>
			<${Button} kind="plain" icon="up" label=${t("mail.up")} disabled=${i === 0} onClick=${() => moveItem("message-rule", item, i, load)} />
			<${Button} kind="plain" icon="down" label=${t("mail.down")} disabled=${i === items.length - 1} onClick=${() => moveItem("message-rule", item, i + 2, load)} />
			<${Button} kind="plain" icon="trash" label=${t("delete")} onClick=${() => deleteItem("message-rule", item, load)} /></li>`)}</ol>
		${adding && html`<${RuleDialog} onClose=${() => setAdding(false)} onDone=${() => { setAdding(false); load(); }} />`}`;
}

function Password() {
	const [values, setValues] = useState({ password: "", again: "" });
	const [wrong, setWrong] = useState("");
	const field = (key) => ({ value: values[key], onChange: (value) => setValues({ ...values, [key]: value }), type: "password", autocomplete: "new-password" });
	const save = async (event) => {
		event.preventDefault();
		setWrong(values.password === values.again ? "" : t("passwordsdiffer"));
		if (values.password !== values.again)
			return;
		try {
			await post("/me/password", { password: values.password });
			setValues({ password: "", again: "" });
			say(t("password-changed"));
		} catch (error) {
			setWrong(error.message);
		}
	};
	return html`<form class="form" onSubmit=${save}>
		<${TextField} label=${t("newpassword")} error=${wrong} ...${field("password")} />
		<${TextField} label=${t("newpasswordagain")} ...${field("again")} />
		<div class="actions"><${Button} kind="main" type="submit">${t("save")}<//></div></form>`;
}

const tabs = { general: General, forwarding: Forwarding, away: Away, rules: Rules, password: Password };

export function OwnPage({ own, reload, route }) {
	const tab = tabs[route.query.get("tab")] ? route.query.get("tab") : "general";
	const Page = tabs[tab];
	return html`<${PageHead} title=${t("mail.settings")} />
		<${Tabs} label=${t("mail.settings")} value=${tab} onChange=${(key) => setQuery({ tab: key })} tabs=${Object.keys(tabs).map((key) => [key, t(`mail.tab.${key}`)])}>
			<${Page} own=${own} reload=${reload} key=${tab} /><//>`;
}
