// Lua scripts: choose one, change it, compile it, let it run.
import { html, useEffect, useMemo, useRef, useState } from "../lib/html.js";
import { ApiError, get, path, post, put, remove } from "../lib/api.js";
import { complain, confirm, confirmLeave, say } from "../lib/ask.js";
import { t } from "../lib/i18n.js";
import { go, goAnyway, useGuard } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, Failure, Loading, Notice, SelectField } from "../lib/ui.js";
import { askFields } from "./collection.js";

const words = "and break do else elseif end false for function goto if in local nil not or repeat return then true until while";
const keywords = new Set(words.split(" "));
const token = /(--\[(=*)\[[^]*?(?:\]\2\]|$)|--.*)|(\[(=*)\[[^]*?(?:\]\4\]|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?)|(\b\d[\w.]*)|([A-Za-z_]\w*)/g;

/** The pieces of a Lua text: [[text, class or undefined], ...] */
export function piecesOf(text) {
	const pieces = [];
	let at = 0;
	for (const found of text.matchAll(token)) {
		const [all, comment, , string, , number, word] = found;
		const kind = (comment && "comment") || (string && "string") || (number && "number") || (keywords.has(word) && "keyword");
		if (!kind)
			continue;
		if (found.index > at)
			pieces.push([text.slice(at, found.index)]);
		pieces.push([all, kind]);
		at = found.index + all.length;
	}
	pieces.push([text.slice(at)]);
	return pieces;
}

// A field for a text with its colours behind it; Tab leaves it after Escape, and is a tab otherwise.
function CodeField({ label, value, onChange, onSave }) {
	const pieces = useMemo(() => piecesOf(`${value}\n`), [value]);
	const leaving = useRef(false);
	const keys = (event) => {
		if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			onSave();
		}
		if (event.key === "Tab" && !event.shiftKey && !leaving.current) {
			event.preventDefault();
			event.target.setRangeText("\t", event.target.selectionStart, event.target.selectionEnd, "end");
			onChange(event.target.value);
		}
		leaving.current = event.key === "Escape";
	};
	return html`<div class="code">
		<pre aria-hidden="true">${pieces.map(([text, kind]) => (kind ? html`<span class="code-${kind}">${text}</span>` : text))}</pre>
		<textarea aria-label=${label} spellcheck="false" autocapitalize="off" autocomplete="off" value=${value} onKeyDown=${keys}
			onInput=${(event) => onChange(event.target.value)}></textarea>
	</div>`;
}

const typed = { type: "text/plain" };

function Editor({ row, saved }) {
	const where = path`/scripts/${row.name}`;
	const [kept, setKept] = useState(null);
	const [text, setText] = useState("");
	const [said, setSaid] = useState(null);
	const [busy, setBusy] = useState("");
	const changed = kept !== null && text !== kept;
	useGuard(changed, confirmLeave);
	useEffect(() => {
		get(where).then((loaded) => {
			setKept(loaded || "");
			setText(loaded || "");
		}, (error) => setSaid({ kind: "bad", text: error.message }));
	}, [where]);
	const act = (name, work) => async () => {
		setBusy(name);
		setSaid(null);
		try {
			setSaid(await work());
		} catch (error) {
			if (error instanceof ApiError && error.status === 422)
				setSaid({ kind: "bad", text: error.message });
			else
				complain(error);
		}
		setBusy("");
	};
	const save = act("save", async () => {
		const answer = await put(where, text, typed);
		setKept(text);
		saved();
		if (!answer?.error)
			say(t("saved"));
		return answer?.error ? { kind: "warn", text: `${t("scripts.broken")} ${answer.error}` } : null;
	});
	const check = act("check", async () => {
		await post("/script-check", text, { ...typed, query: { name: row.name } });
		return { kind: "good", text: t("scripts.compiles") };
	});
	const run = act("run", async () => {
		const { printed, error } = await post("/script-run", text, typed);
		return { kind: error ? "bad" : "good", printed: printed || "", text: error || t("scripts.ran") };
	});
	const drop = async () => {
		if (!(await confirm({ title: t("delete"), text: row.name, yes: t("delete"), danger: true })))
			return;
		try {
			await remove(where);
			saved();
			goAnyway("scripts");
		} catch (error) {
			complain(error);
		}
	};
	if (kept === null)
		return said ? html`<${Notice} kind="bad">${said.text}<//>` : html`<${Loading} />`;
	return html`<div class="stack">
		<div class="toolbar">
			<${Button} kind="main" busy=${busy === "save"} disabled=${!changed && row.kept} onClick=${save}>${t("save")}<//>
			<${Button} icon="check" busy=${busy === "check"} onClick=${check}>${t("scripts.check")}<//>
			<${Button} icon="play" busy=${busy === "run"} onClick=${run}>${t("scripts.run")}<//>
			<span class="rest">
				${changed && html`<span class="muted">${t("scripts.unsaved")}</span>`}
				${row.kept && html`<${Button} kind="danger" icon="trash" onClick=${drop}>${t("delete")}<//>`}
			</span>
		</div>
		${row.sentence && html`<p class="muted">${row.sentence}</p>`}
		${!said && row.error && !changed && html`<${Notice} kind="warn">${t("scripts.broken")} ${row.error}<//>`}
		${said?.printed && html`<pre class="header" aria-label=${t("scripts.printed")}>${said.printed}</pre>`}
		${said && html`<${Notice} kind=${said.kind}><span class="pre-line">${said.text}</span><//>`}
		<${CodeField} label=${row.name} value=${text} onChange=${setText} onSave=${save} />
		<p class="muted">${t("scripts.keys")}</p>
	</div>`;
}

/** #/scripts/NAME */
export function Scripts({ route }) {
	const [rows, setRows] = useState(null);
	const [failed, setFailed] = useState(null);
	const name = route.path[1];
	const load = () => get("/scripts", { limit: 5000 }).then(({ items }) => setRows(items), setFailed);
	useEffect(() => {
		load();
	}, []);
	const add = async () => {
		const made = await askFields({ title: t("scripts.new"), yes: t("continue"), send: (body) => body,
			fields: [{ name: "name", type: "string", required: true, sentence: t("scripts.name") }] });
		if (made)
			go("scripts", `${made.name.toLowerCase().replace(/\.lua$/, "")}.lua`);
	};
	if (!rows)
		return failed ? html`<${Failure} error=${failed} retry=${load} />` : html`<${Loading} />`;
	const row = rows.find((one) => one.name === name) || (name && { name, kept: false, sentence: "" });
	const mark = (one) => (one.error ? "⚠ " : one.kept ? "● " : "");
	const all = [...rows, ...(row && !rows.includes(row) ? [row] : [])].sort((a, b) => b.kept - a.kept || a.name.localeCompare(b.name));
	return html`<${PageHead} title=${t("page.scripts")} help=${t("help.scripts")} />
		<div class="toolbar ends">
			<${SelectField} label=${t("scripts.choose")} value=${name || ""} onChange=${(chosen) => go(...["scripts", chosen].filter(Boolean))}
				options=${[["", ""], ...all.map((one) => [one.name, mark(one) + one.name])]} />
			<${Button} icon="add" onClick=${add}>${t("scripts.new")}<//>
		</div>
		${row && html`<${Editor} key=${row.name} row=${row} saved=${load} />`}`;
}
