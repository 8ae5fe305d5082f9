// The list of messages: of a hundred thousand only those that can be seen are there, page by page as they are scrolled to.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/html.js";
import { formatTime, t, tn } from "../lib/i18n.js";
import { Icon } from "../lib/icons.js";
import { Button } from "../lib/ui.js";
import { hasFlag, messagesOf, shownName } from "./mail.js";

const PAGE = 50;
const ROW = 60;

// What is loaded of a list that begins at base and shows pageSize messages, or conversations, of which each may have several rows:
// what is not loaded counts as one.
function useMessages(folder, query, version, base, pageSize) {
	const store = useRef({ key: "", pages: new Map(), total: null, uidvalidity: 0 });
	const [, setChanged] = useState(0);
	const key = JSON.stringify([folder, query, base]);
	if (store.current.key !== key)
		store.current = { key, pages: new Map(), total: null, uidvalidity: 0 };
	const mine = store.current;
	const load = async (number) => {
		const last = mine.pages.get(number);
		if (last && last.version === version)
			return;
		mine.pages.set(number, { items: last?.items, version });
		try {
			const page = await messagesOf(folder, { ...query, offset: base + number * PAGE, limit: Math.min(PAGE, pageSize - number * PAGE) });
			mine.pages.set(number, { items: page.items, version });
			mine.total = page.total;
			mine.uidvalidity = page.uidvalidity;
			mine.error = null;
		} catch (error) {
			mine.pages.delete(number);
			mine.error = error;
			mine.total ??= 0;
		}
		setChanged((n) => n + 1);
	};
	const shown = Math.max(0, Math.min(pageSize, (mine.total ?? base + PAGE) - base));
	const starts = [0];
	for (let number = 0; number * PAGE < shown; number++)
		starts.push(starts[number] + (mine.pages.get(number)?.items?.length ?? Math.min(PAGE, shown - number * PAGE)));
	const pageOf = (row) => Math.max(0, Math.min(starts.length - 2, starts.findLastIndex((start) => start <= row)));
	const at = (row) => mine.pages.get(pageOf(row))?.items?.[row - starts[pageOf(row)]];
	const loaded = () => starts.flatMap((start, number) => (mine.pages.get(number)?.items || []).map((message, i) => [start + i, message]));
	return { store: mine, load, shown, rows: starts.at(-1), pageOf, at, loaded };
}

function Row({ message, at, chosen, selected, isSent, onOpen, onSelect }) {
	const unread = !hasFlag(message, "\\Seen");
	const who = shownName(isSent ? message.to : message.from);
	const name = `message ${chosen ? "chosen" : ""} ${unread ? "unread" : ""}`;
	return html`<div class=${name} role="option" aria-selected=${chosen} id="message-${message.uid}" data-at=${at} onClick=${onOpen}
			draggable="true" onDragStart=${(e) => e.dataTransfer.setData("text/x-postroom-uid", String(message.uid))}>
		<input type="checkbox" checked=${selected} aria-label=${t("mail.select")} tabindex="-1"
			onClick=${(e) => { e.stopPropagation(); onSelect(); }} />
		<span class="who">${message.depth > 0 && "↳ "}${who}</span>
		<span class="when">${formatTime(message.date)}</span>
		<span class="what"><span class="subject">${message.subject || t("mail.nosubject")}</span>
			<span class="preview">${message.preview}</span></span>
		<span class="marks">
			${unread && html`<span class="unseen">${t("mail.unread")}</span>`}
			${hasFlag(message, "\\Flagged") && html`<${Icon} name="star" />`}
			${hasFlag(message, "\\Answered") && html`<${Icon} name="reply" />`}
			${hasFlag(message, "$Forwarded") && html`<${Icon} name="forward" />`}
			${message.attachments && html`<${Icon} name="attach" />`}</span>
	</div>`;
}

// Where the page of the list begins that is shown; a list of something else begins at its beginning.
function useBase(folder, query) {
	const key = JSON.stringify([folder, query]);
	const [place, setPlace] = useState({ key, base: 0 });
	return [place.key === key ? place.base : 0, (base) => setPlace({ key, base })];
}

function Pager({ base, shown, total, size, onBase }) {
	if (total <= size && base === 0)
		return null;
	return html`<nav class="mail-bar pager" aria-label=${t("mail.page")}>
		<${Button} disabled=${base === 0} onClick=${() => onBase(Math.max(0, base - size))}>${t("mail.page.newer")}<//>
		<span>${t("mail.page.part", { first: base + 1, last: base + shown, total })}</span>
		<${Button} disabled=${base + size >= total} onClick=${() => onBase(base + size)}>${t("mail.page.older")}<//></nav>`;
}

/**
 * folder, query ({sort, search, threads}), version (another one loads anew), chosen (uid), selection (Set of uids), pageSize,
 * onOpen(message, uidvalidity), onSelect(uid). handle.current gets {move(step), uidvalidity, total} for the keyboard.
 */
export function MessageList({ folder, query, version, chosen, selection, pageSize, isSent, onOpen, onSelect, handle }) {
	const [base, setBase] = useBase(folder, query);
	const { store, load, shown, rows, pageOf, at, loaded } = useMessages(folder, query, version, base, pageSize);
	const ref = useRef();
	const [top, setTop] = useState(0);
	const [height, setHeight] = useState(600);
	const first = Math.max(0, Math.floor(top / ROW) - 5);
	const last = Math.min(rows - 1, Math.ceil((top + height) / ROW) + 5);
	useEffect(() => {
		for (let page = pageOf(first); page <= pageOf(Math.max(0, last)); page++)
			load(page);
	}, [first, last, version, store.key]);
	useEffect(() => { ref.current.scrollTop = 0; }, [store.key]);
	useEffect(() => {
		if (base > 0 && shown === 0)
			setBase(Math.max(0, base - pageSize));
	}, [base, shown]);
	useLayoutEffect(() => {
		const watch = new ResizeObserver(() => setHeight(ref.current?.clientHeight || 600));
		watch.observe(ref.current);
		return () => watch.disconnect();
	}, []);
	const move = (step) => {
		const there = loaded();
		const now = there.findIndex(([, message]) => message.uid === chosen);
		const next = there[now < 0 ? 0 : Math.max(0, Math.min(there.length - 1, now + step))];
		if (!next)
			return;
		const wanted = next[0] * ROW;
		if (wanted < ref.current.scrollTop || wanted + ROW > ref.current.scrollTop + height)
			ref.current.scrollTop = Math.max(0, wanted - height / 2);
		onOpen(next[1], store.uidvalidity);
	};
	const all = () => loaded().map(([, message]) => message);
	handle.current = { move, all, uidvalidity: store.uidvalidity, total: store.total };
	const keys = (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
		if (step) {
			event.preventDefault();
			move(step);
		}
	};
	const lines = [];
	for (let i = first; i <= last; i++) {
		const message = at(i);
		lines.push(html`<div class="row-place" style=${{ transform: `translateY(${i * ROW}px)` }} key=${message ? message.uid : `-${i}`}>
			${message && html`<${Row} message=${message} at=${i} chosen=${message.uid === chosen} selected=${selection.has(message.uid)}
				isSent=${isSent} onOpen=${() => onOpen(message, store.uidvalidity)} onSelect=${() => onSelect(message.uid)} />`}</div>`);
	}
	return html`<div class="message-list" ref=${ref} role="listbox" tabindex="0" aria-label=${t("mail.messages")} onKeyDown=${keys}
			aria-activedescendant=${chosen ? `message-${chosen}` : undefined} onScroll=${(e) => setTop(e.target.scrollTop)}>
		<div class="message-space" style=${{ height: `${(store.total === null ? 0 : rows) * ROW}px` }}>${lines}</div>
		${store.total === 0 && html`<p class="empty">${store.error ? store.error.message : query.search ? t("mail.nothingfound") : t("mail.emptyfolder")}</p>`}
		<p class="unseen" role="status">${store.total === null ? t("loading") : tn("mail.count", store.total)}</p>
	</div>
	<${Pager} base=${base} shown=${shown} total=${store.total || 0} size=${pageSize} onBase=${setBase} />`;
}
