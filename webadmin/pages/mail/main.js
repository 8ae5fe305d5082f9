// Webmail: folders at the side, the list, the message beside it; writing; what a user sets for himself.
import { get, path, patch, post, remove } from "../lib/api.js";
import { ask, complain, confirm, say } from "../lib/ask.js";
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { t, tn } from "../lib/i18n.js";
import { useLive } from "../lib/live.js";
import { go, link, useRoute } from "../lib/router.js";
import { PageHead, Shell } from "../lib/shell.js";
import { start } from "../lib/start.js";
import { Button, Dialog, Failure, Loading, Menu, SelectField, TextField } from "../lib/ui.js";
import { BookPage } from "./book.js";
import { Composer } from "./compose.js";
import { LaterPage, useGoing } from "./later.js";
import { MessageList } from "./list.js";
import { changeMessages, folderName, folders as loadFolders, hasFlag } from "./mail.js";
import { OwnPage } from "./own.js";
import { Reader, ownSettings } from "./reader.js";

const icons = { inbox: "inbox", sent: "send", trash: "trash", drafts: "edit", junk: "block", archive: "log", scheduled: "clock" };
const order = ["inbox", "drafts", "scheduled", "sent", "archive", "junk", "trash"];
const byUse = (a, b) => (order.indexOf(a.use) + 1 || 99) - (order.indexOf(b.use) + 1 || 99) || a.name.localeCompare(b.name);

function useFolders() {
	const [state, setState] = useState({});
	const load = () => loadFolders().then((items) => setState({ items: items.sort(byUse) }), (error) => setState((old) => ({ ...old, error })));
	useEffect(() => { load(); }, []);
	useLive("/mail/events", "folders", load);
	useLive("/mail/events", "folder", (news) => setState((old) => ({
		...old, items: old.items?.map((one) => (one.name === news.name ? { ...one, ...news } : one)) })));
	return { ...state, load };
}

function NameDialog({ title, value, answer }) {
	const [name, setName] = useState(value || "");
	return html`<${Dialog} title=${title} onClose=${() => answer(null)} onSubmit=${() => answer(name.trim())}
		foot=${html`<${Button} onClick=${() => answer(null)}>${t("cancel")}<//><${Button} kind="main" type="submit">${t("save")}<//>`}>
		<${TextField} label=${t("mail.folder.name")} value=${name} onChange=${setName} autofocus /><//>`;
}

const askName = (title, value) => ask((answer) => html`<${NameDialog} title=${title} value=${value} answer=${answer} />`);

function FolderMenu({ folder, reload }) {
	const run = async (work) => {
		try {
			await work();
		} catch (error) {
			complain(error);
		}
		reload();
	};
	const rename = async () => {
		const name = await askName(t("mail.folder.rename"), folder.name);
		if (name)
			run(() => patch(path`/mail/folders/${folder.name}`, { name }).then(() => go("folder", name)));
	};
	const erase = async () => {
		if (await confirm({ title: t("mail.folder.delete"), text: folder.name, yes: t("delete"), danger: true }))
			run(() => remove(path`/mail/folders/${folder.name}`).then(() => go("folder", "INBOX")));
	};
	const empty = async () => {
		if (await confirm({ title: t("mail.folder.empty"), text: folder.name, yes: t("mail.folder.empty"), danger: true }))
			run(() => post(path`/mail/folders/${folder.name}/empty`));
	};
	const create = async () => {
		const name = await askName(t("mail.folder.new"));
		if (name)
			run(() => post("/mail/folders", { name }));
	};
	const where = `/api/v1${path`/mail/folders/${folder.name}/export`}`;
	return html`<${Menu} label=${t("mail.folder")} icon="folder" items=${[
		{ text: t("mail.folder.new"), icon: "add", onClick: create },
		!folder.use && { text: t("mail.folder.rename"), icon: "edit", onClick: rename },
		!folder.use && { text: t("mail.folder.delete"), icon: "trash", onClick: erase },
		{ text: t("mail.folder.empty"), icon: "trash", onClick: empty },
		{ text: t("mail.folder.eml"), icon: "download", href: `${where}?form=eml`, download: "folder.zip" },
		{ text: t("mail.folder.mbox"), icon: "download", href: `${where}?form=mbox`, download: "folder.zip" },
	].filter(Boolean)} />`;
}

const shortcuts = [["j / k", "mail.key.move"], ["r / a / f", "mail.key.reply"], ["c", "mail.key.new"], ["#", "mail.key.delete"], ["s", "mail.key.flag"],
	["u", "mail.key.unread"], ["x", "mail.key.select"], ["/", "mail.key.search"], ["Esc", "mail.key.close"], ["?", "mail.key.help"]];

function showShortcuts() {
	ask((answer) => html`<${Dialog} title=${t("mail.keys")} onClose=${() => answer()}>
		<dl class="keys">${shortcuts.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${t(text)}</dd></div>`)}</dl><//>`);
}

// Keys that mean something wherever no text is being typed.
function useShortcuts(commands) {
	const latest = useRef(commands);
	latest.current = commands;
	useEffect(() => {
		const press = (event) => {
			const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox";
			if (event.ctrlKey || event.metaKey || event.altKey || event.target.isContentEditable || document.querySelector("dialog[open]"))
				return;
			if (typing && event.key !== "Escape")
				return;
			const command = latest.current[event.key];
			if (command) {
				event.preventDefault();
				command();
			}
		};
		document.addEventListener("keydown", press);
		return () => document.removeEventListener("keydown", press);
	}, []);
}

function SearchField({ value, onSearch, focusRef }) {
	const [text, setText] = useState(value);
	useEffect(() => setText(value), [value]);
	return html`<form class="mail-search" role="search" onSubmit=${(e) => { e.preventDefault(); onSearch(text); }}>
		<input class="input" type="search" value=${text} placeholder=${t("mail.search")} aria-label=${t("mail.search")} title=${t("mail.search.help")} ref=${focusRef}
			onInput=${(e) => { setText(e.target.value); if (!e.target.value) onSearch(""); }} />
	</form>`;
}

function GiveDialog({ own, answer }) {
	const [to, setTo] = useState(own.move_to[0]);
	return html`<${Dialog} title=${t("mail.give")} onClose=${() => answer(null)} onSubmit=${() => answer(to)}
		foot=${html`<${Button} onClick=${() => answer(null)}>${t("cancel")}<//><${Button} kind="main" type="submit">${t("mail.give.do")}<//>`}>
		<${SelectField} label=${t("mail.give.to")} options=${own.move_to.map((one) => [one, one])} value=${to} onChange=${setTo} /><//>`;
}

// Move a message to another user; resolves with whether it went.
async function give(folder, uidvalidity, uid, own) {
	const to = await ask((answer) => html`<${GiveDialog} own=${own} answer=${answer} />`);
	if (!to)
		return false;
	try {
		await post(path`/mail/messages/${folder}/${uidvalidity}/${uid}/give`, { to });
		say(tn("mail.moved", 1));
		return true;
	} catch (error) {
		complain(error);
		return false;
	}
}

function FolderPage({ name, route, folders, reload, own }) {
	const folder = folders.find((one) => one.name === name) || { name, separator: "/" };
	const [uidvalidity, uid] = route.path.slice(2).map(Number);
	const [selection, setSelection] = useState(new Set());
	const [query, setQuery] = useState({ sort: "", search: "", threads: "" });
	const [version, setVersion] = useState(0);
	const handle = useRef({});
	const search = useRef();
	const refresh = () => setVersion((n) => n + 1);
	useEffect(() => {
		setSelection(new Set());
		setQuery((old) => ({ ...old, search: "" }));
	}, [name]);
	useLive("/mail/events", "folder", (news) => { if (news.name === name) refresh(); });
	useEffect(() => { document.title = `${folder.unseen ? `(${folder.unseen}) ` : ""}${folderName(folder)} - Postroom`; }, [name, folder.unseen]);
	const isDrafts = folder.use === "drafts";
	const open = (message, validity) => {
		if (isDrafts)
			go("compose", "draft", name, String(validity), String(message.uid));
		else
			go("folder", name, String(validity), String(message.uid));
	};
	const chosen = () => (selection.size ? [...selection] : uid ? [uid] : []);
	const change = async (what, done) => {
		const uids = chosen();
		if (!uids.length)
			return;
		try {
			await changeMessages(name, handle.current.uidvalidity || uidvalidity, uids, what);
			setSelection(new Set());
			if (done)
				say(tn(done, uids.length));
		} catch (error) {
			complain(error);
		}
		refresh();
		reload();
	};
	const erase = () => {
		if (uid && !selection.size)
			handle.current.move(1);
		change({ delete: true }, "mail.deleted");
		if (uid && (selection.has(uid) || !selection.size))
			go("folder", name);
	};
	const toggle = (flag) => {
		const all = handle.current.all().filter((one) => chosen().includes(one.uid));
		change({ flags: all.every((one) => hasFlag(one, flag)) ? { remove: [flag] } : { add: [flag] } });
	};
	const write = (kind) => uid && go("compose", kind, name, String(uidvalidity), String(uid));
	const act = (what) => {
		({ reply: () => write("reply"), replyall: () => write("replyall"), forward: () => write("forward"), edit: () => write("edit"), delete: erase,
			flag: () => toggle("\\Flagged"), unread: () => change({ flags: { remove: ["\\Seen"] } }), give: () => give(name, uidvalidity, uid, own).then((given) => given && go("folder", name)) })[what]();
	};
	const select = (one) => setSelection((old) => {
		const next = new Set(old);
		if (!next.delete(one))
			next.add(one);
		return next;
	});
	useShortcuts({
		j: () => handle.current.move(1), k: () => handle.current.move(-1), r: () => write("reply"), a: () => write("replyall"), f: () => write("forward"),
		c: () => go("compose"), "#": erase, Delete: erase, s: () => toggle("\\Flagged"), u: () => change({ flags: { remove: ["\\Seen"] } }),
		x: () => uid && select(uid), "/": () => search.current.focus(), "?": showShortcuts, Escape: () => go("folder", name),
	});
	const onRead = (message) => {
		if (!hasFlag(message, "\\Seen"))
			changeMessages(name, message.uidvalidity, [message.uid], { flags: { add: ["\\Seen"] } }).then(refresh, complain);
	};
	const targets = folders.filter((one) => one.selectable && one.name !== name);
	return html`<div class="mail ${uid ? "reading" : ""}">
		<section class="mail-column" aria-label=${folderName(folder)}>
			<div class="mail-bar">
				<h1 class="unseen">${folderName(folder)}</h1>
				<${SearchField} value=${query.search} focusRef=${search} onSearch=${(text) => setQuery({ ...query, search: text })} />
				<select class="input short" aria-label=${t("mail.sort")} value=${query.sort} onChange=${(e) => setQuery({ ...query, sort: e.target.value })}>
					${["", "date", "from", "subject", "-size"].map((key) => html`<option value=${key} key=${key}>${t(`mail.sort.${key || "newest"}`)}</option>`)}
				</select>
				<${Button} kind="plain" icon="list" label=${t("mail.threads")} aria-pressed=${Boolean(query.threads)}
					onClick=${() => setQuery({ ...query, threads: query.threads ? "" : "1" })} />
				<${FolderMenu} folder=${folder} reload=${reload} />
			</div>
			${selection.size > 0 && html`<div class="mail-bar" role="toolbar" aria-label=${t("mail.selected")}>
				<span>${tn("mail.selected", selection.size)}</span>
				<${Button} icon="trash" label=${t("delete")} onClick=${erase} />
				<${Button} icon="star" label=${t("mail.flag")} onClick=${() => toggle("\\Flagged")} />
				<${Button} icon="mail" label=${t("mail.markunread")} onClick=${() => change({ flags: { remove: ["\\Seen"] } })} />
				<${Button} icon="close" label=${t("mail.selectnone")} onClick=${() => setSelection(new Set())} /></div>`}
			${(selection.size > 0 || uid) && html`<div class="mail-bar"><select class="input" aria-label=${t("mail.move")} value=""
				onChange=${(e) => { const to = e.target.value; e.target.value = ""; change({ move: to }, "mail.moved"); if (uid) go("folder", name); }}>
				<option value="">${t("mail.move")}</option>${targets.map((one) => html`<option value=${one.name} key=${one.name}>${one.name}</option>`)}</select></div>`}
			<${MessageList} folder=${name} query=${query} version=${version} chosen=${uid} selection=${selection} handle=${handle} onOpen=${open} onSelect=${select}
				pageSize=${own.page_size} isSent=${folder.use === "sent" || isDrafts} />
		</section>
		<section class="mail-pane" aria-label=${t("mail.message")}>${uid
			? html`<${Reader} place=${{ folder: name, uidvalidity, uid }} own=${own} act=${act} onRead=${onRead} onClose=${() => go("folder", name)} key=${`${name}/${uid}`} />`
			: html`<p class="empty">${t("mail.choose")}</p>`}</section>
	</div>`;
}

function ComposePage({ route, own }) {
	const [, kind = "new", folder, uidvalidity, uid] = route.path;
	const from = folder ? { folder, uidvalidity: Number(uidvalidity), uid: Number(uid) }
		: { to: route.query.get("to"), subject: route.query.get("subject") };
	return html`<${PageHead} title=${t("mail.new")} /><${Composer} kind=${kind} from=${from} own=${own} onDone=${() => history.back()} />`;
}

function Webmail({ session }) {
	const route = useRoute();
	const { items, error, load } = useFolders();
	const [own, setOwn] = useState(null);
	const [failure, setFailure] = useState(null);
	const loadOwn = () => ownSettings().then(setOwn, setFailure);
	useEffect(() => { loadOwn(); }, []);
	const [where = "folder", name = "INBOX"] = route.path;
	const drop = (to) => (event) => {
		const uid = Number(event.dataTransfer.getData("text/x-postroom-uid"));
		event.preventDefault();
		if (!uid || where !== "folder")
			return;
		get(path`/mail/folders/${name}/messages`, { limit: 1 }).then((page) => changeMessages(name, page.uidvalidity, [uid], { move: to })).then(load, complain);
	};
	const waiting = (items || []).find((one) => one.use === "scheduled")?.messages || 0;
	useGoing(waiting, load);
	const isShown = (one) => one.selectable && (one.use !== "scheduled" || waiting > 0 || where === "later");
	const pages = (items || []).filter(isShown).map((one) => ({
		href: one.use === "scheduled" ? link("later") : link("folder", one.name), icon: icons[one.use] || "folder",
		current: one.use === "scheduled" ? where === "later" : where === "folder" && name === one.name,
		text: html`<span class="folder-name" style=${{ paddingInlineStart: `${(one.name.split(one.separator || "/").length - 1) * 0.75}rem` }}
			onDragOver=${(e) => e.preventDefault()} onDrop=${drop(one.name)}>${folderName(one)}</span>`,
		badge: one.use === "scheduled" ? String(waiting) : one.use !== "trash" && one.unseen ? String(one.unseen) : null }));
	const groups = [{ pages: [{ href: link("compose"), text: t("mail.new"), icon: "edit", current: where === "compose" },
		{ href: link("book"), text: t("mail.book"), icon: "user", current: where === "book" }] },
		{ title: t("mail.folders"), pages }];
	const menu = [{ text: t("mail.settings"), icon: "settings", href: link("settings") }, { text: t("mail.keys"), icon: "help", onClick: showShortcuts }];
	if (session.administrator)
		menu.push({ text: t("mail.admin"), icon: "server", href: "/admin/index.html" });
	return html`<${Shell} title="Postroom" logo=${session.logo && "/logo/mail"} home=${link("folder", "INBOX")} session=${session} groups=${groups} items=${menu}>
		${(failure || error) && html`<${Failure} error=${failure || error} retry=${() => { load(); loadOwn(); }} />`}
		${(!own || !items) && !failure && !error && html`<${Loading} />`}
		${own && items && (where === "compose" ? html`<${ComposePage} route=${route} own=${own} key=${location.hash} />`
			: where === "book" ? html`<${BookPage} administrator=${session.administrator} />`
			: where === "later" ? html`<${LaterPage} reload=${load} />`
			: where === "settings" ? html`<${OwnPage} own=${own} reload=${loadOwn} route=${route} />`
				: html`<${FolderPage} name=${name} route=${route} folders=${items} reload=${load} own=${own} key=${name} />`)}
	<//>`;
}

start(Webmail);
