// What can be asked or said from anywhere: short messages at the edge, a question with yes and no, the password again.
import { html, render, useEffect, useState } from "./html.js";
import { post, onRefusal } from "./api.js";
import { t } from "./i18n.js";
import { Button, Dialog, Notice, TextField, errorText } from "./ui.js";

let toasts = [];
let questions = [];
let changed = () => {};

/** Say something for a few seconds; kind as of Notice. */
export function say(text, kind = "good") {
	const toast = { text, kind };
	toasts = [...toasts, toast];
	changed();
	setTimeout(() => {
		toasts = toasts.filter((other) => other !== toast);
		changed();
	}, kind === "bad" ? 10000 : 4000);
}

/** Say what an error says. */
export function complain(error) {
	say(errorText(error), "bad");
}

/** Show a dialogue made by make(answer) until answer(value) is called. Resolves with the value. */
export function ask(make) {
	return new Promise((resolve) => {
		const question = {
			make: () => make((value) => {
				questions = questions.filter((other) => other !== question);
				changed();
				resolve(value);
			}),
		};
		questions = [...questions, question];
		changed();
	});
}

/** A question with two answers. */
export function confirm({ title, text, yes, danger }) {
	return ask((answer) => html`<${Dialog} title=${title} onClose=${() => answer(false)} onSubmit=${() => answer(true)}
		foot=${html`<${Button} onClick=${() => answer(false)}>${t("cancel")}<//>
			<${Button} kind=${danger ? "danger" : "main"} type="submit" autofocus>${yes}<//>`}>${text}<//>`);
}

export function confirmLeave() {
	return confirm({ title: t("unsaved.title"), text: t("unsaved.text"), yes: t("unsaved.leave"), danger: true });
}

// where: who takes the password; its texts are those of about.
function PasswordDialog({ answer, where, about }) {
	const [password, setPassword] = useState("");
	const [wrong, setWrong] = useState("");
	const submit = async () => {
		try {
			await post(where, { password });
			answer(true);
		} catch (error) {
			setWrong(errorText(error));
		}
	};
	return html`<${Dialog} title=${t(`${about}.title`)} onClose=${() => answer(false)} onSubmit=${submit}
		foot=${html`<${Button} onClick=${() => answer(false)}>${t("cancel")}<//>
			<${Button} kind="main" type="submit">${t("continue")}<//>`}>
		<p>${t(`${about}.text`)}</p>
		<${TextField} label=${t("enterpassword")} type="password" value=${password} onChange=${setPassword} error=${wrong}
			autocomplete=${about === "confirm" ? "current-password" : "off"} autofocus />
	<//>`;
}

function Overlay() {
	const [, setVersion] = useState(0);
	useEffect(() => {
		changed = () => setVersion((version) => version + 1);
	}, []);
	return html`${questions.map((question) => html`<${question.make} key=${question} />`)}
		<div class="toasts" role="region" aria-label=${t("messages")} aria-live="polite">
			${toasts.map((toast) => html`<${Notice} kind=${toast.kind} key=${toast}>${toast.text}<//>`)}
		</div>`;
}

/** Once for each page, after the texts are there. */
export function startAsking() {
	const place = document.createElement("div");
	document.body.append(place);
	render(html`<${Overlay} />`, place);
	for (const key of ["confirm", "message-security"])
		onRefusal(key, () => ask((answer) => html`<${PasswordDialog} answer=${answer} where=${`/session/${key}`} about=${key} />`));
}
