// The reading pane: one message, its HTML in a frame in which nothing runs, its attachments.
import { get } from "../lib/api.js";
import { complain } from "../lib/ask.js";
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { formatSize, formatTime, t } from "../lib/i18n.js";
import { Icon } from "../lib/icons.js";
import { Button, Failure, Loading, Menu, Notice } from "../lib/ui.js";
import { clean } from "./clean.js";
import { hasFlag, partPath, readMessage, sourcePath, writtenAll } from "./mail.js";

const pageStyle = "body{margin:0;padding:0 2px;font:15px/1.5 system-ui,sans-serif;color:#1b2027;background:#fff;overflow-wrap:break-word}"
	+ "img{max-width:100%;height:auto}pre,.plain{white-space:pre-wrap;font-family:inherit}blockquote{margin:0 0 0 .5em;padding-left:.75em;border-left:2px solid #9aa3ad}";

// Pictures that come with the message: they are fetched as parts, and live as long as the frame.
function fillInline(page, place, parts) {
	const made = [];
	for (const image of page.querySelectorAll("img[data-cid]")) {
		const part = parts.find((one) => one.id === image.dataset.cid);
		if (!part)
			continue;
		fetch(partPath(place, part.part)).then((reply) => reply.blob()).then((blob) => {
			if (!/^image\/(png|jpeg|gif|webp)$/.test(blob.type))
				return;
			const address = URL.createObjectURL(blob);
			made.push(address);
			image.src = address;
		}).catch(complain);
	}
	return () => made.forEach((address) => URL.revokeObjectURL(address));
}

function Frame({ source, place, parts, images, links, onRemote }) {
	const ref = useRef();
	useEffect(() => {
		const frame = ref.current;
		let forget = () => {};
		let watch = null;
		const fill = () => {
			const page = frame.contentDocument;
			if (!page || !page.body || page.URL === "about:blank")
				return;
			const { body, remote } = clean(source, { images, links });
			const style = page.createElement("style");
			style.textContent = pageStyle;
			page.head.append(style);
			page.body.replaceChildren(...[...body.childNodes].map((node) => page.adoptNode(node)));
			forget = fillInline(page, place, parts);
			onRemote(remote);
			const grow = () => { frame.style.height = `${Math.max(60, page.documentElement.scrollHeight)}px`; };
			watch = new ResizeObserver(grow);
			watch.observe(page.body);
			grow();
		};
		frame.addEventListener("load", fill);
		return () => {
			frame.removeEventListener("load", fill);
			watch?.disconnect();
			forget();
		};
	}, [source, images, links]);
	return html`<iframe ref=${ref} class="message-frame" title=${t("mail.message")} key=${images} referrerpolicy="no-referrer"
		sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox" src="/api/v1/mail/frame${images ? "?images=1" : ""}"></iframe>`;
}

function PlainText({ text, links }) {
	const pieces = text.split(/(https?:\/\/[^\s<>"]+)/);
	return html`<div class="message-text">${pieces.map((piece, i) => (i % 2 && links
		? html`<a href=${piece} target="_blank" rel="noopener noreferrer">${piece}</a>` : piece))}</div>`;
}

function Attachment({ place, part }) {
	const isImage = /^image\/(png|jpeg|gif|webp)$/.test(part.type);
	return html`<li><a class="attachment" href=${partPath(place, part.part)} download=${part.name || "part"}>
		<${Icon} name=${isImage ? "info" : "attach"} /><span>${part.name || part.type}</span>
		<span class="muted small">${formatSize(part.size)}</span></a></li>`;
}

function Source({ place }) {
	const [text, setText] = useState(null);
	useEffect(() => {
		fetch(sourcePath(place)).then((reply) => reply.text()).then(setText, complain);
	}, []);
	return text === null ? html`<${Loading} />` : html`<pre class="message-source" tabindex="0">${text.slice(0, 500000)}</pre>`;
}

function Header({ message }) {
	const line = (key, list) => list.length > 0 && html`<div><dt>${t(key)}</dt><dd>${writtenAll(list)}</dd></div>`;
	return html`<dl class="message-header">
		${line("mail.from", message.from)}${line("mail.to", message.to)}${line("mail.cc", message.cc)}${line("mail.bcc", message.bcc)}
		${message.date && html`<div><dt>${t("mail.date")}</dt><dd>${formatTime(message.date, { full: true })}</dd></div>`}
	</dl>`;
}

/** place: which message; own: what GET /me says; act(name, message): answers and the like; onRead is called when it is shown. */
export function Reader({ place, own, act, onRead, onClose }) {
	const [state, setState] = useState({});
	const [images, setImages] = useState(false);
	const [remote, setRemote] = useState(0);
	const [source, setSource] = useState(false);
	const [plain, setPlain] = useState(false);
	useEffect(() => {
		let current = true;
		setState({});
		setImages(false);
		setRemote(0);
		setSource(false);
		readMessage(place).then((message) => {
			if (!current)
				return;
			setState({ message });
			onRead(message);
		}, (error) => current && setState({ error }));
		return () => { current = false; };
	}, [place.folder, place.uidvalidity, place.uid]);
	const { message, error } = state;
	if (error)
		return html`<div class="reader"><${Failure} error=${error} /></div>`;
	if (!message)
		return html`<div class="reader"><${Loading} /></div>`;
	const links = own.links && own.attributes["web.links"] !== "off";
	const listed = message.parts.filter((part) => !part.inline);
	const asHtml = message.html && !plain;
	const flagged = hasFlag(message, "\\Flagged");
	return html`<article class="reader" aria-label=${message.subject || t("mail.nosubject")}>
		<div class="reader-bar buttons">
			<span class="narrow-only"><${Button} kind="plain" icon="back" label=${t("mail.back")} onClick=${onClose} /></span>
			<${Button} icon="reply" onClick=${() => act("reply", message)}>${t("mail.reply")}<//>
			<${Button} icon="group" label=${t("mail.replyall")} onClick=${() => act("replyall", message)} />
			<${Button} icon="forward" label=${t("mail.forward")} onClick=${() => act("forward", message)} />
			<${Button} icon="trash" label=${t("delete")} onClick=${() => act("delete", message)} />
			<${Button} icon="star" label=${flagged ? t("mail.unflag") : t("mail.flag")} aria-pressed=${flagged} onClick=${() => act("flag", message)} />
			<${Menu} label=${t("more-actions")} items=${[
				{ text: t("mail.markunread"), icon: "mail", onClick: () => act("unread", message) },
				own.move_to.length > 0 && { text: t("mail.give"), icon: "move", onClick: () => act("give", message) },
				{ text: t("mail.editasnew"), icon: "edit", onClick: () => act("edit", message) },
				message.html && { text: plain ? t("mail.showhtml") : t("mail.showplain"), icon: "log", onClick: () => setPlain(!plain) },
				{ text: t("mail.source"), icon: "log", onClick: () => setSource(!source) },
				{ text: t("mail.save"), icon: "download", href: sourcePath(place), download: `${place.uid}.eml` },
				{ text: t("mail.print"), icon: "list", onClick: () => print() },
			].filter(Boolean)} />
		</div>
		<h1>${message.subject || t("mail.nosubject")}</h1>
		<${Header} message=${message} />
		${remote > 0 && !images && own.attributes["web.images"] !== "off" && html`<${Notice} action=${html`
			<${Button} onClick=${() => setImages(true)}>${t("mail.showimages")}<//>`}>${t("mail.remote")}<//>`}
		${message.cut && html`<${Notice} kind="warn">${t("mail.cut")}<//>`}
		${source ? html`<${Source} place=${place} />`
			: asHtml ? html`<${Frame} source=${message.html} place=${place} parts=${message.parts} images=${images} links=${links} onRemote=${setRemote} />`
				: html`<${PlainText} text=${message.text} links=${links} />`}
		${listed.length > 0 && html`<ul class="attachments" aria-label=${t("mail.attachments")}>
			${listed.map((part) => html`<${Attachment} place=${place} part=${part} key=${part.part} />`)}</ul>`}
	</article>`;
}

export const ownSettings = () => get("/me");
