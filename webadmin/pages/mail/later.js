// Letters that go later: asking when, and the list of those that wait.
import { get, path, post, remove } from "../lib/api.js";
import { ask, complain, say } from "../lib/ask.js";
import { html, useEffect, useState } from "../lib/html.js";
import { formatTime, t } from "../lib/i18n.js";
import { go, link } from "../lib/router.js";
import { PageHead } from "../lib/shell.js";
import { Button, Dialog, Failure, Loading, TextField } from "../lib/ui.js";
import { shownName } from "./mail.js";

const GONE_AFTER_MS = 7000; // after its time a letter is among what was sent

export const scheduled = () => get("/mail/scheduled");

const at = (days, hour) => {
	const when = new Date();
	when.setDate(when.getDate() + days);
	when.setHours(hour, 0, 0, 0);
	return when;
};

// What most mean by later, as far as it is not past.
function usual() {
	const monday = (8 - new Date().getDay()) % 7 || 7;
	return [["evening", at(0, 18)], ["tomorrow", at(1, 8)], ["monday", at(monday, 8)]].filter(([, when]) => when > new Date());
}

// As <input type=datetime-local> has it: the time here, without its zone.
const local = (when) => new Date(when.getTime() - when.getTimezoneOffset() * 60000).toISOString().slice(0, 16);

function TimeDialog({ answer }) {
	const [value, setValue] = useState(local(at(1, 8)));
	const chosen = new Date(value);
	const wrong = value && chosen > new Date() ? "" : t("mail.later.past");
	const answered = (when) => answer(Math.floor(when.getTime() / 1000));
	return html`<${Dialog} title=${t("mail.later")} onClose=${() => answer(null)} onSubmit=${() => !wrong && answered(chosen)}
		foot=${html`<${Button} onClick=${() => answer(null)}>${t("cancel")}<//><${Button} kind="main" type="submit" disabled=${Boolean(wrong)}>${t("mail.later")}<//>`}>
		<div class="form">
			<div class="buttons">${usual().map(([key, when]) => html`<${Button} key=${key} onClick=${() => answered(when)}>${t(`mail.later.${key}`)}<//>`)}</div>
			<${TextField} label=${t("mail.later.when")} type="datetime-local" value=${value} onChange=${setValue} error=${wrong} min=${local(new Date())} />
		</div><//>`;
}

/** When is it to go? Resolves with seconds since 1970, or null. */
export const askTime = () => ask((answer) => html`<${TimeDialog} answer=${answer} />`);

/** As long as letters wait: look when the next one has gone. waiting: how many; onGone is called then. */
export function useGoing(waiting, onGone) {
	useEffect(() => {
		let timer = 0;
		const look = async () => {
			const { items } = await scheduled();
			if (items.length !== waiting)
				onGone();
			else
				timer = setTimeout(() => look().catch(() => {}), Math.min(Math.max(0, items[0].at * 1000 - Date.now()) + GONE_AFTER_MS, 3600000));
		};
		if (waiting)
			look().catch(() => {});
		return () => clearTimeout(timer);
	}, [waiting]);
}

function Letter({ item, place, done }) {
	const run = (work, then) => async () => {
		try {
			then(await work());
		} catch (error) {
			complain(error);
		}
		done();
	};
	const edit = run(() => remove(path`/mail/scheduled/${item.id}`), (draft) => go("compose", "draft", draft.folder, String(draft.uidvalidity), String(draft.uid)));
	const send = run(() => post(path`/mail/scheduled/${item.id}/send`), () => say(t("mail.sent")));
	const cancel = run(() => remove(path`/mail/scheduled/${item.id}`), () => say(t("mail.later.cancelled")));
	return html`<li><span class="later-letter"><strong>${formatTime(item.at, { full: true })}</strong>
			<a href=${link("folder", place.folder, String(place.uidvalidity), String(item.uid))}>${item.subject || t("mail.nosubject")}</a>
			<span class="muted small">${shownName(item.to)}</span></span>
		<${Button} icon="edit" onClick=${edit}>${t("edit")}<//><${Button} icon="send" onClick=${send}>${t("mail.later.now")}<//>
		<${Button} icon="close" onClick=${cancel}>${t("mail.later.cancel")}<//></li>`;
}

export function LaterPage({ reload }) {
	const [state, setState] = useState({});
	const load = () => scheduled().then((list) => setState({ list }), (error) => setState({ error }));
	useEffect(() => { load(); }, []);
	if (state.error)
		return html`<${Failure} error=${state.error} retry=${load} />`;
	if (!state.list)
		return html`<${Loading} />`;
	const items = [...state.list.items].sort((a, b) => a.at - b.at);
	return html`<${PageHead} title=${t("mail.scheduled")} />
		${items.length === 0 && html`<p class="empty">${t("mail.later.none")}</p>`}
		<ul class="own-items">${items.map((item) => html`<${Letter} item=${item} place=${state.list} key=${item.id} done=${() => { load(); reload(); }} />`)}</ul>`;
}
