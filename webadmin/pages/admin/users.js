// Users: the list with what can be done with many at once, and the items of one.
import { html, useState } from "../lib/html.js";
import { download, path, post, put, remove, request } from "../lib/api.js";
import { ask, complain, say } from "../lib/ask.js";
import { formatSize, t, tn } from "../lib/i18n.js";
import { Icon } from "../lib/icons.js";
import { go } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Badge, Button, CheckField, Dialog, Notice, SelectField, TextField, errorText } from "../lib/ui.js";
import { Collection, askFields, countResults } from "./collection.js";
import { SettingField, titleOf } from "./fields.js";
import { entriesOf, fieldsOf } from "./model.js";
import { Described } from "./object.js";
import { AnswersButton, MediaFiles } from "./responders.js";

const columns = ["name", "group", "inbox", "size", "comment", "administrator", "enabled"];

function Name({ row }) {
	const marks = [
		row.administrator && ["shield", t("mark.administrator")],
		row.responder === "active" && ["reply", t("mark.responder")],
		row.responder === "inactive" && ["clock", t("mark.responder-inactive")],
		row.forward && ["forward", t("mark.forward")],
		row.locked && ["lock", t("mark.locked")],
	].filter(Boolean);
	return html`<span class=${row.enabled ? "" : "muted"}>${row.name}</span>
		${!row.enabled && html` <${Badge} kind="warn">${t("mark.disabled")}<//>`}
		${marks.map(([icon, text]) => html` <span class="mark" role="img" aria-label=${text} title=${text}><${Icon} name=${icon} /></span>`)}`;
}

// Attributes to change of all that are selected; only those that were added to the list are.
function BulkEdit({ names, answer }) {
	const entries = entriesOf("attributes").filter((entry) => entry["of-users"]);
	const [set, setSet] = useState({});
	const [wrong, setWrong] = useState(null);
	const add = (key) => key && setSet({ ...set, [key]: entries.find((entry) => entry.key === key).default });
	const submit = async () => {
		try {
			await post("/users/bulk", { names, set });
			say(tn("done", names.length));
			answer(true);
		} catch (error) {
			setWrong(error);
		}
	};
	const chosen = entries.filter((entry) => entry.key in set);
	return html`<${Dialog} title=${tn("users.bulk-edit.title", names.length)} wide onClose=${() => answer(false)} onSubmit=${submit}
		foot=${html`<${Button} onClick=${() => answer(false)}>${t("cancel")}<//>
			<${Button} kind="main" type="submit" disabled=${!chosen.length}>${t("save")}<//>`}>
		${wrong && !(wrong.field in set) && html`<${Notice} kind="bad">${errorText(wrong)}<//>`}
		<${SelectField} label=${t("users.bulk-edit.add")} value="" onChange=${add}
			options=${[["", ""], ...entries.filter((entry) => !(entry.key in set)).map((entry) => [entry.key, `${entry.key}: ${entry.sentence}`])]} />
		${chosen.map((entry) => html`<${SettingField} key=${entry.key} entry=${entry} value=${set[entry.key]}
			error=${wrong?.field === entry.key ? wrong.message : null} onChange=${(value) => setSet({ ...set, [entry.key]: value })} />`)}
	<//>`;
}

// Many at once by rows of names and passwords; bad ones stay in the form with the reason.
function BulkAdd({ answer }) {
	const empty = { name: "", password: "" };
	const [rows, setRows] = useState(Array.from({ length: 10 }, () => empty));
	const change = (at, values) => setRows(rows.map((row, i) => (i === at ? { ...row, ...values, wrong: null } : row)));
	const submit = async () => {
		const left = [];
		let added = 0;
		for (const row of rows) {
			try {
				if (row.name)
					await post("/users", { name: row.name, password: row.password });
				added += row.name !== "";
			} catch (error) {
				left.push({ ...row, wrong: errorText(error) });
			}
		}
		if (added)
			say(tn("users.added", added));
		if (!left.length)
			answer(true);
		else
			setRows([...left, ...Array.from({ length: 10 - left.length }, () => empty)]);
	};
	return html`<${Dialog} title=${t("users.bulk-add")} onClose=${() => answer(true)} onSubmit=${submit}
		foot=${html`<${Button} onClick=${() => answer(true)}>${t("close")}<//><${Button} kind="main" type="submit">${t("add")}<//>`}>
		${rows.map((row, i) => html`<div class="pair">
			<input class="input" aria-label=${`${t("username")} ${i + 1}`} placeholder=${t("username")} value=${row.name}
				onInput=${(e) => change(i, { name: e.target.value })} />
			<input class="input" type="password" autocomplete="new-password" aria-label=${`${t("password")} ${i + 1}`}
				placeholder=${t("password")} value=${row.password} onInput=${(e) => change(i, { password: e.target.value })} />
			${row.wrong && html`<span class="wrong">${i + 1}: ${row.wrong}</span>`}</div>`)}
	<//>`;
}

function Import({ answer }) {
	const [text, setText] = useState(null);
	const [options, setOptions] = useState({ update: false, replace: false, strict: false, hashes: false, "random-passwords": false });
	const [report, setReport] = useState(null);
	const [wrong, setWrong] = useState(null);
	const send = async (check) => {
		setWrong(null);
		try {
			const answered = await post("/users/import", text, { type: "text/csv", query: { ...options, check } });
			setReport({ ...answered, check });
			if (!check && !answered.refused)
				say(t("imported", answered));
		} catch (error) {
			setWrong(error);
		}
	};
	const choose = async (event) => {
		setReport(null);
		setText(await event.target.files[0]?.text());
	};
	return html`<${Dialog} title=${t("users.import")} wide onClose=${() => answer(true)}
		foot=${html`<${Button} onClick=${() => answer(true)}>${t("close")}<//>
			<${Button} disabled=${!text} onClick=${() => send(true)}>${t("preview")}<//>
			<${Button} kind="main" disabled=${!text} onClick=${() => send(false)}>${t("import")}<//>`}>
		<label class="field"><span class="label">${t("file")}</span><input type="file" accept=".csv,text/csv" onChange=${choose} /></label>
		${Object.entries(options).map(([key, value]) => html`<${CheckField} label=${t(`users.import.${key}`)} value=${value}
			onChange=${(yes) => setOptions({ ...options, [key]: yes })} />`)}
		${text && html`<pre class="header">${text.split(/\r?\n/).slice(0, 5).join("\n")}</pre>`}
		${wrong && html`<${Notice} kind="bad">${errorText(wrong)}<//>`}
		${report && html`<${Notice} kind=${report.bad ? "warn" : "good"}>
			${report.check && html`<p>${t("users.import.nothing")}</p>`}<p>${t("imported", report)}</p>
			${[...(report.error || []), ...(report.kept || [])].map((line) => html`<p>${line}</p>`)}
			${report.generated?.length > 0 && html`<pre class="header">${report.generated.join("\n")}</pre>`}
		<//>`}
	<//>`;
}

// A password is given twice, or made, and is not shown unless it is wanted.
function PasswordDialog({ name, answer }) {
	const [password, setPassword] = useState("");
	const [again, setAgain] = useState("");
	const [shown, setShown] = useState(false);
	const [wrong, setWrong] = useState("");
	const generate = () => {
		const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
		const bytes = crypto.getRandomValues(new Uint32Array(16));
		const made = [...bytes].map((number) => letters[number % letters.length]).join("");
		setPassword(made);
		setAgain(made);
		setShown(true);
	};
	const submit = async () => {
		if (password !== again) {
			setWrong(t("passwordsdiffer"));
			return;
		}
		try {
			await put(path`/users/${name}/password`, { password });
			say(t("password-changed"));
			answer(true);
		} catch (error) {
			setWrong(errorText(error));
		}
	};
	const type = shown ? "text" : "password";
	return html`<${Dialog} title=${t("users.password", { name })} onClose=${() => answer(false)} onSubmit=${submit}
		foot=${html`<${Button} onClick=${generate}>${t("generate")}<//><${Button} onClick=${() => answer(false)}>${t("cancel")}<//>
			<${Button} kind="main" type="submit" disabled=${!password}>${t("save")}<//>`}>
		<${TextField} label=${t("newpassword")} type=${type} value=${password} onChange=${setPassword} autocomplete="new-password" />
		<${TextField} label=${t("newpasswordagain")} type=${type} value=${again} onChange=${setAgain} autocomplete="new-password" error=${wrong} />
		<${CheckField} label=${t("display")} value=${shown} onChange=${setShown} />
		<p class="help">${t("users.password.hint")}</p>
	<//>`;
}

async function copyInbox(name) {
	const { copied, assistant } = await post(path`/users/${name}/copy-inbox`);
	say(t("users.copied", { name, copied, to: assistant.join(", ") }));
}

export function Users() {
	const [version, setVersion] = useState(0);
	const show = (Part, props) => ask((answer) => html`<${Part} ...${props} answer=${answer} />`).then((done) => done && setVersion((old) => old + 1));
	const addFields = [...fieldsOf("POST", "/users").map((field) => (field.name === "password" ? { ...field, required: true } : field))];
	const tools = ({ selected }) => html`
		<${Button} icon="edit" disabled=${!selected.size} onClick=${() => show(BulkEdit, { names: [...selected] })}>${t("users.bulk-edit")}<//>
		<${Button} icon="lock" disabled=${selected.size !== 1} onClick=${() => show(PasswordDialog, { name: [...selected][0] })}>${t("password")}<//>`;
	const more = [
		{ text: t("users.bulk-add"), icon: "add", onClick: () => show(BulkAdd, {}) },
		{ text: t("users.import"), icon: "upload", onClick: () => show(Import, {}) },
		{ text: t("users.export"), icon: "download", href: download("/users/export", { verbose: true }), download: "userlist.csv" },
	];
	return html`<${PageHead} title=${t("page.users")} help=${t("help.users")} />
		<${Collection} key=${version} path="/users" label=${t("page.users")} columns=${columns} more=${more} tools=${tools}
			shows=${{ name: (row) => html`<${Name} row=${row} />`, size: (row) => (row.size === undefined ? "" : formatSize(row.size)) }}
			addText=${t("users.add")} addFields=${addFields} addFirst=${{ welcome: true }} editable=${["comment"]}
			onEdit=${(row, key, value) => request("PATCH", path`/users/${row.name}/attributes`, { body: { [key]: value } })}
			removeAll=${async (names) => countResults(await post("/users/bulk-delete", { names }))} removeText=${t("users.delete.text")}
			actions=${[{ text: t("users.copy-inbox"), icon: "forward", ask: t("users.copy-inbox.text"), run: copyInbox },
				{ text: t("users.empty-inbox"), icon: "inbox", ask: t("users.empty-inbox.text"), danger: true,
				run: (name) => remove(path`/users/${name}/inbox`) }]}
			onOpen=${(row) => go("users", row.name)} />`;
}

/** Items of a user, kind by kind. */
export function UserItems({ kinds, values }) {
	return kinds.map((kind) => html`<section class="stack" key=${kind}><h2>${titleOf(kind, "kind")}</h2>
		<${Described} what=${{ path: "/users/{name}/items/{kind}", values: { kind }, kind, tools: kind === "autoresponder" ? AnswersButton : undefined }}
			values=${values} label=${titleOf(kind, "kind")} />
		${kind === "autoresponder" && html`<${MediaFiles} where=${path`/users/${values.name}/media`} />`}</section>`);
}

function NewToken({ token, answer }) {
	return html`<${Dialog} title=${t("tokens.new")} onClose=${() => answer()} foot=${html`<${Button} kind="main" onClick=${() => answer()}>${t("close")}<//>`}>
		<p>${t("tokens.once")}</p><pre class="header" tabindex="0">${token}</pre><//>`;
}

/** What a user's scripts show instead of his password. */
export function Tokens({ values }) {
	return html`<p class="muted">${t("tokens.text")}</p>
		<${Collection} path="/users/{name}/tokens" values=${values} label=${titleOf("tokens", "tab")}
			columns=${["name", "scope", "made", "used", "expires", "id"]} addFirst=${{ scope: "own" }}
			onAnswer=${({ token }) => ask((answer) => html`<${NewToken} token=${token} answer=${answer} />`)} />`;
}
