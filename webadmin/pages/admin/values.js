// Settings of something (the server, a user, a list, a connection ...) as a form: each with what it means; only what was
// changed is sent, and what somebody else changed meanwhile is not overwritten.
import { html, useEffect, useMemo, useState } from "../lib/html.js";
import { get, request } from "../lib/api.js";
import { confirmLeave, complain, say } from "../lib/ask.js";
import { t, tn } from "../lib/i18n.js";
import { useGuard } from "../lib/router.js";
import { Button, Failure, Loading, Notice } from "../lib/ui.js";
import { entriesOf } from "./model.js";
import { MemberField, SettingField } from "./fields.js";

/** Load {key: {value, from}} of a path, with its ETag, and the row that has the members; save(changes) sends what differs. */
function useValues(path, memberPath) {
	const [state, setState] = useState({ loading: true });
	const load = async () => {
		try {
			const { value, etag } = await request("GET", path, { query: { limit: 10000 } });
			const row = memberPath ? await get(memberPath) : {};
			setState({ rows: new Map([...value.items.map((one) => [one.key, one]), ...memberRows(row)]), etag });
		} catch (error) {
			setState({ error });
		}
	};
	useEffect(() => {
		load();
	}, [path]);
	const save = (changes) => request("PATCH", path, { body: changes, etag: state.etag });
	return { ...state, load, save };
}

// A flag that says that there is a password is none.
const memberRows = (row) => Object.entries(row).map(([key, value]) => [key, { value: key === "password" ? "" : value }]);

const same = (a, b) => (a ?? "") === (b ?? "");

/**
 * catalogue  which one; only: (entry): whether it is shown; search: text that key or sentence holds
 * members    further members of the body that changes it (model.js), with their values at memberPath
 */
export function ValuesForm({ path, catalogue, only, search = "", members = [], memberPath }) {
	const values = useValues(path, memberPath);
	const [changes, setChanges] = useState({});
	const [wrong, setWrong] = useState({});
	const [busy, setBusy] = useState(false);
	const count = Object.keys(changes).length;
	useGuard(count > 0, confirmLeave);
	useEffect(() => {
		setChanges({});
		setWrong({});
	}, [path]);
	const entries = useMemo(() => {
		const words = search.toLowerCase();
		return entriesOf(catalogue).filter((entry) => (!only || only(entry))
			&& `${entry.key} ${entry.sentence} ${entry.paragraph || ""}`.toLowerCase().includes(words));
	}, [catalogue, only, search]);
	if (values.error)
		return html`<${Failure} error=${values.error} retry=${values.load} />`;
	if (!values.rows)
		return html`<${Loading} />`;

	const change = (key, value) => {
		setWrong((old) => ({ ...old, [key]: undefined }));
		setChanges((old) => {
			const { [key]: before, ...rest } = old;
			return value !== null && same(value, values.rows.get(key)?.value) ? rest : { ...rest, [key]: value };
		});
	};
	const save = async (event) => {
		event.preventDefault();
		setBusy(true);
		try {
			await values.save(changes);
			setChanges({});
			setWrong({});
			say(t("saved"));
			await values.load();
		} catch (error) {
			const keys = Object.keys(changes);
			const meant = error.field ?? keys.find((key) => error.message.includes(key)) ?? keys[keys.length > 1 ? keys.length : 0];
			if (error.status === 422 && meant)
				setWrong({ [meant]: error.message });
			else
				complain(error.status === 412 ? { message: t("changed-meanwhile") } : error);
		}
		setBusy(false);
	};
	const shown = (key) => (key in changes ? changes[key] : values.rows.get(key)?.value);
	const isOwn = (entry) => {
		const row = values.rows.get(entry.key);
		return !(entry.key in changes) && (row?.from ? row.from === "own" : row?.default === false);
	};
	const listed = (field) => {
		const value = shown(field.name);
		return field.type === "array" && typeof value === "string" ? value.split(",").filter(Boolean) : value;
	};
	return html`<form class="form" onSubmit=${save} novalidate>
		${members.map((field) => html`<${MemberField} key=${field.name} field=${field} value=${listed(field)}
			error=${wrong[field.name]} onChange=${(value) => change(field.name, value)} />`)}
		${!entries.length && html`<${Notice}>${t("settings.none")}<//>`}
		${entries.map((entry) => html`<${SettingField} key=${entry.key} entry=${entry} error=${wrong[entry.key]}
			value=${changes[entry.key] === null ? entry.default : shown(entry.key)} from=${values.rows.get(entry.key)?.from}
			onChange=${(value) => change(entry.key, value)} onReset=${isOwn(entry) && (() => change(entry.key, null))} />`)}
		${(entries.length > 0 || members.length > 0) && html`<div class="actions">
			<${Button} kind="main" type="submit" busy=${busy} disabled=${!count}>${t("save")}<//>
			${count > 0 && html`<${Button} onClick=${() => setChanges({})}>${t("discard")}<//><span class="muted">${tn("changes", count)}</span>`}
		</div>`}
	</form>`;
}
