// A collection of the API as a table: its columns, adding, changing, deleting and moving rows, as far as there are calls.
import { html, useMemo, useState } from "../lib/html.js";
import { post, request } from "../lib/api.js";
import { ask, complain, confirm, say } from "../lib/ask.js";
import { formatDuration, formatNumber, formatSize, formatTime, t, tn } from "../lib/i18n.js";
import { useRemoteRows } from "../lib/source.js";
import { Table } from "../lib/table.js";
import { Badge, Button, Dialog, Menu, Notice, errorText } from "../lib/ui.js";
import { MemberField, bodyOf, titleOf } from "./fields.js";
import { columnsOf, fieldsOf, fill, hasCall, rowOf } from "./model.js";

const sizes = /^(size|octets|bytes|free|used)$/;
/** Widths of columns by their names and types: a time is to be seen whole. */
export const widths = {
	name: "minmax(12rem, 2fr)", from: "minmax(12rem, 2fr)", recipients: "minmax(14rem, 2fr)", address: "minmax(12rem, 2fr)",
	comment: "minmax(10rem, 2fr)", subject: "minmax(12rem, 2fr)", result: "minmax(12rem, 2fr)", number: "5rem", boolean: "minmax(7.5rem, 0.6fr)",
	time: "minmax(13.5rem, 1fr)", integer: "minmax(8.25rem, 0.7fr)",
	size: "minmax(6rem, 0.6fr)", attempts: "minmax(6.5rem, 0.6fr)",
};
const durations = /^(age|seconds|duration|idle)$/;

function show(column, value) {
	if (value === undefined || value === null || value === "")
		return "";
	if (column.type === "boolean")
		return value ? html`<${Badge} kind="good">${t("yes")}<//>` : "";
	if (column.type === "time")
		return formatTime(value);
	if (column.type === "integer")
		return sizes.test(column.name) ? formatSize(value) : durations.test(column.name) ? formatDuration(value) : formatNumber(value);
	return typeof value === "object" ? [value].flat().map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", ") : value;
}

/** Columns of a table for those of a collection; only: names in their order; shows: {name: function(row)}. */
export function tableColumns(path, only, shows = {}, editable = []) {
	const all = columnsOf(path);
	const chosen = only ? only.map((name) => all.find((column) => column.name === name) || { name, type: "string" }) : all;
	return chosen.map((column) => ({
		key: column.name, title: titleOf(column.name, "column"), number: column.type === "integer", width: widths[column.name] || widths[column.type],
		edit: editable.includes(column.name),
		choices: column.type === "boolean" ? [["true", t("yes")], ["false", t("no")]] : undefined,
		show: shows[column.name] || ((row) => show(column, row[column.name])),
	}));
}

function FieldsDialog({ title, fields, first, send, answer, yes }) {
	const [values, setValues] = useState(first);
	const [wrong, setWrong] = useState(null);
	const [busy, setBusy] = useState(false);
	const submit = async () => {
		setBusy(true);
		try {
			answer((await send(bodyOf(values))) ?? true);
		} catch (error) {
			setWrong(error);
			setBusy(false);
		}
	};
	const placed = wrong?.field && fields.some((field) => field.name === wrong.field);
	return html`<${Dialog} title=${title} onClose=${() => answer(null)} onSubmit=${submit}
		foot=${html`<${Button} onClick=${() => answer(null)}>${t("cancel")}<//>
			<${Button} kind="main" type="submit" busy=${busy}>${yes}<//>`}>
		${wrong && !placed && html`<${Notice} kind="bad">${errorText(wrong)}<//>`}
		${fields.map((field) => html`<${MemberField} key=${field.name} field=${field} value=${values[field.name]}
			error=${placed && field.name === wrong.field ? wrong.message : null}
			onChange=${(value) => setValues({ ...values, [field.name]: value })} />`)}
	<//>`;
}

/** Ask for the members of a body and send it; what the server says against it is shown at its member. */
export function askFields({ title, fields, first = {}, send, yes = t("save") }) {
	return ask((answer) => html`<${FieldsDialog} title=${title} fields=${fields} first=${first} send=${send} answer=${answer} yes=${yes} />`);
}

/** Delete, hold and the like for each of ids, one after the other; what fails is told, the others are done. */
export async function forEach(ids, act) {
	const failed = [];
	for (const id of ids) {
		try {
			await act(id);
		} catch (error) {
			failed.push(`${id}: ${errorText(error)}`);
		}
	}
	if (failed.length)
		complain(new Error(failed.slice(0, 5).join("\n")));
	return ids.length - failed.length;
}

// What a member is that was left empty.
const blanks = { array: [], string: "" };

// Places shift with each that goes: the last first.
const lastFirst = (ids) => [...ids].sort((a, b) => (typeof a === "number" ? b - a : 0));

/**
 * path       of the collection, with {names} that values fill in; query: what is always asked
 * columns    names in their order (all); shows: {name: function(row)}
 * onOpen     (row): another page; else a dialogue changes the row, where there is a call for it
 * actions    [{text, icon, danger, ask, run(id, row)}]: for rows that are selected; actAll(ids): the same at once
 * editable   names of columns whose cells are edited in place, with onEdit(row, name, value)
 * removeAll  (ids): delete them at once, instead of one after the other; resolves with how many went
 * removeText a sentence that is said when rows are to be deleted
 * addFields, editFields, addText, fixed (nothing is added or deleted), more: [{text, icon, onClick}] of the menu
 */
export function Collection(props) {
	const { path, values = {}, columns, shows, onOpen, actions = [], more = [], fixed, label, addText, query, tools } = props;
	const here = fill(path, values);
	const one = rowOf(path);
	const source = useRemoteRows(here, query);
	const [selected, setSelected] = useState(new Set());
	const [withFilters, setWithFilters] = useState(false);
	const shownColumns = useMemo(() => tableColumns(path, columns, shows, props.editable), [path, columns]);
	const names = one?.names || [shownColumns[0].key];
	// What the call for one row names otherwise than the columns is the first of them.
	const keys = names.map((name) => (columnsOf(path).some((column) => column.name === name) ? name : shownColumns[0].key));
	const identify = (row) => (keys.length === 1 ? row[keys[0]] : JSON.stringify(keys.map((key) => row[key])));
	const can = (method) => !fixed && one && hasCall(method, one.path);
	const movable = one && !one.inQuery && hasCall("POST", `${one.path}/move`);
	// The request that means one row.
	const ask = (method, id, body, suffix = "") => {
		const parts = names.length === 1 ? [id] : JSON.parse(id);
		const named = Object.fromEntries(names.map((name, i) => [name, parts[i]]));
		return one.inQuery ? request(method, here, { query: named, body })
			: request(method, fill(one.path + suffix, { ...values, ...named }), { body });
	};

	const done = () => {
		setSelected(new Set());
		source.reload();
	};
	const add = async () => {
		const made = await askFields({
			title: addText || t("add"), fields: props.addFields || fieldsOf("POST", path), yes: t("add"), first: props.addFirst,
			send: async (body) => {
				const answer = await post(here, body);
				answer?.warning?.forEach((warning) => say(warning, "warn"));
				props.onAnswer?.(answer);
				return body;
			},
		});
		if (made) {
			say(t("added"));
			done();
			props.onAdded?.(made);
		}
	};
	const change = async (row) => {
		const fields = props.editFields || fieldsOf("PATCH", one.path);
		const first = Object.fromEntries(fields.map(({ name }) => [name, row[name] ?? row[name.replace(/^new-/, "")]]));
		const changed = await askFields({
			title: t("edit"), fields, first,
			send: (body) => {
				const of = (values, { name, type }) => values[name] ?? blanks[type];
				const other = fields.filter((field) => JSON.stringify(of(body, field)) !== JSON.stringify(of(first, field)));
				return other.length ? ask("PATCH", identify(row), Object.fromEntries(other.map((field) => [field.name, of(body, field)]))) : true;
			},
		});
		if (changed)
			done();
	};
	const removeSelected = async () => {
		const ids = lastFirst(selected);
		const shown = ids.slice(0, 10).map((id) => (names.length === 1 ? id : JSON.parse(id).filter(Boolean).join(" → ")));
		if (!ids.length || !(await confirm({ title: tn("delete.title", ids.length), yes: t("delete"), danger: true,
			text: shown.join(", ") + (ids.length > shown.length ? " ..." : "") + (props.removeText ? `. ${props.removeText}` : "") })))
			return;
		const count = props.removeAll ? await props.removeAll(ids).catch(complain) : await forEach(ids, (id) => ask("DELETE", id));
		if (count)
			say(tn("deleted", count));
		done();
	};
	const run = async (action) => {
		if (action.ask && !(await confirm({ title: action.text, text: action.ask, yes: action.text, danger: action.danger })))
			return;
		const ids = [...selected];
		const count = action.runAll ? await action.runAll(ids).catch(complain) : await forEach(ids, action.run);
		if (count)
			say(tn("done", count));
		done();
	};
	const move = async (from, to) => {
		try {
			await ask("POST", identify(source.rows[from]), { to: identify(source.rows[to]) }, "/move");
		} catch (error) {
			complain(error);
		}
		source.reload();
	};
	const open = onOpen || (can("PATCH") && (one.inQuery || !hasCall("PATCH", path)) ? change : undefined);
	const removable = can("DELETE") || props.removeAll;
	return html`<div class="toolbar">
			${!fixed && hasCall("POST", path) && html`<${Button} kind="main" icon="add" onClick=${add}>${addText || t("add")}<//>`}
			${tools?.({ source, selected, done })}
			${removable && html`<${Button} kind="danger" icon="trash" disabled=${!selected.size} onClick=${removeSelected}>${t("delete")}<//>`}
			${actions.map((action) => html`<${Button} icon=${action.icon} disabled=${!selected.size}
				onClick=${() => run(action)}>${action.text}<//>`)}
			<span class="rest">
				<${Button} kind="plain" icon="filter" label=${t("filters")} aria-pressed=${withFilters}
					onClick=${() => setWithFilters(!withFilters)} />
				<${Button} kind="plain" icon="refresh" label=${t("refresh")} onClick=${() => source.reload()} />
				${more.length > 0 && html`<${Menu} label=${t("more-actions")} items=${more} />`}
			</span>
		</div>
		<div><${Table} source=${source} columns=${shownColumns} identify=${identify} label=${label} filters=${withFilters}
			selected=${removable || actions.length ? selected : undefined} onSelect=${setSelected} onOpen=${open}
			onEdit=${props.onEdit && (async (row, key, value) => {
				await props.onEdit(row, key, value).catch(complain);
				source.reload();
			})} onDelete=${removable ? removeSelected : undefined} onMove=${movable ? move : undefined} /></div>`;
}

/** What a call for many at once ({results: [{name, ok, error}]}) says: complaints are told; how many were done. */
export function countResults({ results }) {
	const bad = results.filter((one) => !one.ok);
	if (bad.length)
		complain(new Error(bad.slice(0, 5).map((one) => `${one.name}: ${one.error?.text || ""}`).join("\n")));
	return results.length - bad.length;
}
