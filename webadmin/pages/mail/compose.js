// Writing: a letter is a draft in the mailbox from the first pause on; attachments go into the draft as they are chosen.
import { complain, confirm, say } from "../lib/ask.js";
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { formatSize, t } from "../lib/i18n.js";
import { useGuard } from "../lib/router.js";
import { Button, Failure, Field, Loading, SelectField, TextField } from "../lib/ui.js";
import { suggestions } from "./book.js";
import { clean, cleanText } from "./clean.js";
import { askTime } from "./later.js";
import { attachFile, deleteDraft, prefixed, quoted, readMessage, saveDraft, sendLetter, written, writtenAll } from "./mail.js";

const PAUSE_MS = 2500;

export function senders(own) {
	const listed = (own.attributes["web.addresses"] || "").split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
	const addresses = listed.length ? listed : [own.default_from];
	return addresses.map((address) => written({ name: own.attributes["web.name"] || "", address }));
}

const signed = (own, text) => {
	const signature = own.attributes["web.signature"] || "";
	return signature ? `\n\n-- \n${signature}\n${text}` : text && `\n\n${text}`;
};

const place = ({ folder, uidvalidity, uid }) => ({ folder, uidvalidity, uid });
const attachmentsOf = (message) => message.parts.filter((part) => !part.inline).map((part) => (
	{ ...place(message), part: part.part, name: part.name, size: part.size }));

function introduced(message) {
	const who = message.from.map((one) => one.name || one.address).join(", ");
	return message.date ? t("mail.wrote", { who, when: new Date(message.date * 1000).toLocaleString() }) : t("mail.wrote.undated", { who });
}

// What the original's headers say at the top of what is forwarded.
function described(message) {
	return [`${t("mail.from")}: ${writtenAll(message.from)}`, `${t("mail.date")}: ${message.date ? new Date(message.date * 1000).toLocaleString() : ""}`,
		`${t("mail.to")}: ${writtenAll(message.to)}`, `${t("mail.subject")}: ${message.subject}`].join("\n");
}

function replyTo(message, own, all) {
	const mine = new Set([own.default_from, ...senders(own)].map((one) => one.replace(/^.*<|>.*$/g, "").toLowerCase()));
	const others = (list) => list.filter((one) => !mine.has(one.address.toLowerCase()));
	const to = message.reply_to.length ? message.reply_to : message.from;
	const isOwn = others(message.from).length === 0;
	return { to: writtenAll(isOwn ? message.to : all ? [...to, ...others(message.to)] : to), cc: all ? writtenAll(others(message.cc)) : "" };
}

/** The letter that something begins with: new, reply, replyall, forward, edit (a draft, or a message as a new one). */
export async function beginLetter(kind, from, own) {
	const letter = { from: senders(own)[0], to: "", cc: "", bcc: "", subject: "", text: "", html: "", attachments: [], draft: null };
	if (kind === "new")
		return { ...letter, to: from?.to || "", subject: from?.subject || "", text: signed(own, "") };
	const message = await readMessage(from);
	if (kind === "edit" || kind === "draft") {
		const answers = /^(reply|forward) (\d+) (\d+) (.*)$/.exec(message.answers || "");
		return {
			...letter, from: writtenAll(message.from) || letter.from, to: writtenAll(message.to), cc: writtenAll(message.cc), bcc: writtenAll(message.bcc),
			subject: message.subject, text: message.text.replace(/\r\n/g, "\n"), html: message.html ? cleanText(message.html) : "",
			attachments: attachmentsOf(message), draft: kind === "draft" ? place(message) : null,
			answers: answers && { kind: answers[1], uidvalidity: Number(answers[2]), uid: Number(answers[3]), folder: answers[4] } || undefined,
		};
	}
	if (kind === "forward") {
		return {
			...letter, subject: prefixed("Fwd", message.subject), attachments: attachmentsOf(message), answers: { kind: "forward", ...place(message) },
			text: signed(own, `-------- ${t("mail.forwarded")} --------\n${described(message)}\n\n${message.text.replace(/\r\n/g, "\n")}`),
		};
	}
	return {
		...letter, ...replyTo(message, own, kind === "replyall"), subject: prefixed("Re", message.subject), answers: { kind: "reply", ...place(message) },
		text: signed(own, `${introduced(message)}\n${quoted(message.text)}\n`),
	};
}

// Addresses as they are typed, with those of the address book and of other users; arrow keys choose one.
function AddressField({ label, value, onChange, autofocus }) {
	const [found, setFound] = useState([]);
	const [chosen, setChosen] = useState(0);
	const asked = useRef(0);
	const last = (text) => text.split(/[,;]/).pop().trim();
	const look = async (text) => {
		const turn = ++asked.current;
		onChange(text);
		const word = last(text);
		const items = word.length < 2 ? [] : await suggestions(word).catch(() => []);
		if (turn === asked.current) {
			setFound(items);
			setChosen(0);
		}
	};
	const close = () => {
		asked.current++;
		setFound([]);
	};
	const take = (one) => {
		const before = value.slice(0, value.length - last(value).length).replace(/\s+$/, "");
		onChange(`${before}${before ? " " : ""}${one.value}, `);
		close();
	};
	const keys = (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (!found.length || !(step || event.key === "Enter" || event.key === "Escape") || event.ctrlKey)
			return;
		event.preventDefault();
		if (step)
			setChosen((chosen + step + found.length) % found.length);
		else if (event.key === "Enter")
			take(found[chosen]);
		else
			close();
	};
	return html`<${Field} label=${label}>${(p) => html`<div class="address-field">
		<input class="input" type="text" autocomplete="off" role="combobox" aria-expanded=${found.length > 0} aria-autocomplete="list" value=${value} autofocus=${autofocus}
			aria-controls="${p.id}-found" aria-activedescendant=${found.length ? `${p.id}-found-${chosen}` : undefined} onInput=${(e) => look(e.target.value)} onKeyDown=${keys}
			onBlur=${close} ...${p} />
		${found.length > 0 && html`<ul class="address-found" role="listbox" id="${p.id}-found" aria-label=${t("mail.book")}>${found.map((one, i) => html`
			<li key=${one.value} role="option" id="${p.id}-found-${i}" aria-selected=${i === chosen} onMouseDown=${(e) => { e.preventDefault(); take(one); }}>${one.text}</li>`)}</ul>`}
		</div>`}<//>`;
}

const styles = [["bold", "B", "mail.bold"], ["italic", "I", "mail.italic"], ["underline", "U", "mail.underline"],
	["insertUnorderedList", "•", "mail.bullets"], ["insertOrderedList", "1.", "mail.numbers"]];

// The editor is no React of ours: its content is set once, and read as it changes. What is pasted is cleaned.
function RichText({ value, onChange }) {
	const ref = useRef();
	useEffect(() => {
		ref.current.replaceChildren(...[...clean(value).body.childNodes].map((node) => document.adoptNode(node)));
	}, []);
	const style = (command) => {
		ref.current.focus();
		document.execCommand(command);
	};
	const paste = (event) => {
		const pasted = event.clipboardData.getData("text/html");
		if (!pasted)
			return;
		event.preventDefault();
		document.execCommand("insertHTML", false, cleanText(pasted));
	};
	return html`<div class="rich">
		<div class="buttons" role="toolbar" aria-label=${t("mail.formatting")}>${styles.map(([command, sign, key]) => html`
			<${Button} kind="plain" label=${t(key)} onMouseDown=${(e) => e.preventDefault()} onClick=${() => style(command)}>${sign}<//>`)}</div>
		<div class="input rich-text" contenteditable="true" role="textbox" aria-multiline="true" aria-label=${t("mail.text")} ref=${ref}
			onInput=${(e) => onChange(e.currentTarget.innerHTML, e.currentTarget.innerText)} onPaste=${paste}></div>
	</div>`;
}

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\n/g, "<br>");

export function Composer({ kind, from, own, onDone }) {
	const [letter, setLetter] = useState(null);
	const [error, setError] = useState(null);
	const [state, setState] = useState("");
	const [busy, setBusy] = useState(false);
	const [over, setOver] = useState(false);
	const latest = useRef(null);
	const saving = useRef(Promise.resolve());
	const timer = useRef(0);
	const finished = useRef(false); // sent or discarded: nothing is to be saved any more
	useEffect(() => {
		beginLetter(kind, from, own).then((begun) => {
			latest.current = begun;
			setLetter(begun);
		}, setError);
		return () => clearTimeout(timer.current);
	}, []);
	const body = () => {
		const { draft, attachments, ...rest } = latest.current;
		return { ...rest, replaces: draft || undefined, attachments: attachments.map(({ folder, uidvalidity, uid, part }) => ({ folder, uidvalidity, uid, part })) };
	};
	// Attachments lie in the draft; each version of it has them elsewhere.
	const moved = (draft, parts) => {
		latest.current = { ...latest.current, draft, attachments: parts };
		setLetter(latest.current);
	};
	const stored = async (draft) => moved(draft, latest.current.attachments.length || draft.fresh ? attachmentsOf(await readMessage(draft)) : []);
	const inTurn = (work) => {
		saving.current = saving.current.then(work, work);
		return saving.current;
	};
	const save = () => inTurn(async () => {
		clearTimeout(timer.current);
		await stored(await saveDraft(body()));
		setState("saved");
	});
	const change = (values) => {
		latest.current = { ...latest.current, ...values };
		setLetter(latest.current);
		setState("changed");
		clearTimeout(timer.current);
		timer.current = setTimeout(() => save().catch(complain), PAUSE_MS);
	};
	const attach = (files) => inTurn(async () => {
		clearTimeout(timer.current);
		setBusy(true);
		try {
			if (!latest.current.draft)
				await stored(await saveDraft(body()));
			for (const file of files)
				await stored({ ...(await attachFile(latest.current.draft, file)), fresh: true });
		} finally {
			setBusy(false);
		}
	}).catch(complain);
	const send = (at) => inTurn(async () => {
		clearTimeout(timer.current);
		setBusy(true);
		try {
			const { refused } = await sendLetter({ ...body(), at });
			finished.current = true;
			refused.forEach((one) => say(t("mail.refused", { address: one.address, text: one.text }), "bad"));
			say(t(at ? "mail.later.done" : "mail.sent"));
			onDone();
		} finally {
			setBusy(false);
		}
	}).catch(complain);
	const sendLater = async () => {
		const at = await askTime();
		if (at)
			send(at);
	};
	const discard = async () => {
		clearTimeout(timer.current);
		if (!(await confirm({ title: t("mail.discard"), text: t("mail.discard.text"), yes: t("mail.discard"), danger: true })))
			return;
		finished.current = true;
		await saving.current.catch(() => {});
		if (latest.current.draft)
			await deleteDraft(latest.current.draft).catch(complain);
		onDone();
	};
	useGuard(state === "changed", async () => {
		if (!finished.current)
			await save().catch(complain);
		return true;
	});
	if (error)
		return html`<${Failure} error=${error} />`;
	if (!letter)
		return html`<${Loading} />`;
	const text = (key) => ({ value: letter[key], onChange: (value) => change({ [key]: value }) });
	const drop = (event) => {
		event.preventDefault();
		setOver(false);
		attach([...event.dataTransfer.files]);
	};
	const keys = (event) => {
		if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			send();
		}
	};
	const choices = [...new Set([letter.from, ...senders(own)])].map((one) => [one, one]);
	return html`<form class="composer form ${over ? "over" : ""}" aria-label=${t("mail.new")} onSubmit=${(e) => { e.preventDefault(); send(); }} onKeyDown=${keys}
			onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
		<div class="buttons composer-bar">
			<${Button} kind="main" icon="send" type="submit" busy=${busy}>${t("mail.send")}<//>
			<${Button} icon="clock" onClick=${sendLater}>${t("mail.later")}<//>
			<label class="button"><input class="unseen" type="file" multiple onChange=${(e) => { attach([...e.target.files]); e.target.value = ""; }} />${t("mail.attach")}</label>
			<${Button} onClick=${() => save().catch(complain)}>${t("mail.savedraft")}<//>
			<${Button} onClick=${() => change(letter.html ? { html: "" } : { html: escaped(letter.text) || "<br>" })}>
				${letter.html ? t("mail.plaintext") : t("mail.richtext")}<//>
			<${Button} kind="danger" icon="trash" label=${t("mail.discard")} onClick=${discard} />
			<span class="muted small" role="status">${state === "saved" ? t("mail.draftsaved") : ""}</span>
		</div>
		${choices.length > 1 && html`<${SelectField} label=${t("mail.from")} options=${choices} ...${text("from")} />`}
		<${AddressField} label=${t("mail.to")} ...${text("to")} autofocus=${!letter.to} />
		<${AddressField} label=${t("mail.cc")} ...${text("cc")} />
		<${AddressField} label=${t("mail.bcc")} ...${text("bcc")} />
		<${TextField} label=${t("mail.subject")} ...${text("subject")} />
		${letter.attachments.length > 0 && html`<ul class="attachments" aria-label=${t("mail.attachments")}>${letter.attachments.map((one) => html`
			<li class="attachment" key=${`${one.uid}-${one.part}`}><span>${one.name || one.part}</span> <span class="muted small">${formatSize(one.size)}</span>
				<${Button} kind="plain" icon="close" label=${t("mail.detach", { name: one.name || one.part })}
					onClick=${() => change({ attachments: letter.attachments.filter((other) => other !== one) })} /></li>`)}</ul>`}
		${letter.html ? html`<${RichText} value=${letter.html} onChange=${(rich, plain) => change({ html: rich || "<br>", text: plain })} />`
			: html`<${Field} label=${t("mail.text")}>${(p) => html`<textarea class="input letter-text" value=${letter.text} autofocus=${Boolean(letter.to)}
				onInput=${(e) => change({ text: e.target.value })} ...${p}></textarea>`}<//>`}
	</form>`;
}
