// The parts that pages are made of. Each is usable by keyboard and says to a screen reader what it shows by colour.
import { html, useEffect, useId, useRef, useState } from "./html.js";
import { Icon } from "./icons.js";
import { t } from "./i18n.js";

/** kind: main, danger, plain; icon: of lib/icons.js; label: the words where only the icon is to be seen; busy. */
export function Button({ kind = "", icon, label, busy, disabled, children, type = "button", ...rest }) {
	const name = `button ${kind} ${icon && !children ? "only-icon" : ""}`;
	return html`<button class=${name} type=${type} aria-label=${label} title=${label} disabled=${disabled || busy} ...${rest}>
		${busy ? html`<span class="spinner"></span>` : icon && html`<${Icon} name=${icon} />`}${children}
	</button>`;
}

/** A link that looks like a button. */
export function LinkButton({ kind = "", icon, children, ...rest }) {
	return html`<a class="button ${kind}" ...${rest}>${icon && html`<${Icon} name=${icon} />`}${children}</a>`;
}

/** Label, control, help and what is wrong. children: a function that gets what the control has to carry. */
export function Field({ label, help, error, inline, children }) {
	const id = useId();
	const described = [help && `${id}-help`, error && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
	const control = children({ id, "aria-describedby": described, "aria-invalid": error ? "true" : undefined });
	const title = html`<label for=${id}>${label}</label>`;
	return html`<div class="field ${inline ? "inline" : ""}">
		${inline ? [control, title] : [title, control]}
		${error && html`<div class="wrong" id="${id}-wrong">${error}</div>`}
		${help && html`<div class="help" id="${id}-help">${help}</div>`}
	</div>`;
}

export function TextField({ label, help, error, value, onChange, type = "text", short, rows, ...rest }) {
	const name = `input ${short ? "short" : ""}`;
	return html`<${Field} label=${label} help=${help} error=${error}>${(p) => (rows
		? html`<textarea class=${name} rows=${rows} value=${value} onInput=${(e) => onChange(e.target.value)} ...${p} ...${rest}></textarea>`
		: html`<input class=${name} type=${type} value=${value} onInput=${(e) => onChange(e.target.value)} ...${p} ...${rest} />`)}<//>`;
}

export function CheckField({ label, help, error, value, onChange, ...rest }) {
	return html`<${Field} label=${label} help=${help} error=${error} inline>${(p) => html`
		<input type="checkbox" checked=${Boolean(value)} onChange=${(e) => onChange(e.target.checked)} ...${p} ...${rest} />`}<//>`;
}

/** options: [[value, text], ...] */
export function SelectField({ label, help, error, value, onChange, options, ...rest }) {
	return html`<${Field} label=${label} help=${help} error=${error}>${(p) => html`
		<select class="input" value=${value} onChange=${(e) => onChange(e.target.value)} ...${p} ...${rest}>
			${options.map(([key, text]) => html`<option value=${key} key=${key} selected=${key === value}>${text}</option>`)}
		</select>`}<//>`;
}

/** kind: info, good, warn, bad. */
export function Notice({ kind = "info", children, action }) {
	const icon = { info: "info", good: "check", warn: "alert", bad: "alert" }[kind];
	return html`<div class="notice ${kind}" role=${kind === "bad" ? "alert" : "status"}>
		<${Icon} name=${icon} /><div>${children}</div>${action}
	</div>`;
}

export function Badge({ kind = "", children }) {
	return html`<span class="badge ${kind}">${children}</span>`;
}

export function Loading() {
	return html`<div class="empty" role="status"><span class="spinner"></span><span>${t("loading")}</span></div>`;
}

/** What is shown for an error that ended the loading of a page. */
export function Failure({ error, retry }) {
	return html`<${Notice} kind="bad" action=${retry && html`<${Button} onClick=${retry}>${t("retry")}<//>`}>
		${errorText(error)}
	<//>`;
}

export function errorText(error) {
	return error.code === "unreachable" ? t("unreachable") : error.message;
}

/** A dialogue that keeps the focus until it is closed. foot: buttons; onClose is called by Escape and the cross. */
export function Dialog({ title, children, foot, onClose, wide, onSubmit }) {
	const ref = useRef();
	const id = useId();
	useEffect(() => {
		const before = document.activeElement;
		ref.current.showModal();
		return () => before?.focus?.();
	}, []);
	const submit = (event) => {
		event.preventDefault();
		onSubmit?.();
	};
	return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id}
			onCancel=${(e) => { e.preventDefault(); onClose(); }}>
		<form onSubmit=${submit} novalidate>
			<div class="dialog-head"><h2 id=${id}>${title}</h2>
				<${Button} kind="plain" icon="close" label=${t("close")} onClick=${onClose} /></div>
			<div class="dialog-body">${children}</div>
			${foot && html`<div class="dialog-foot">${foot}</div>`}
		</form>
	</dialog>`;
}

/** items: [{text, icon, onClick | href, danger, disabled} | null (a line)] */
export function Menu({ label, icon = "more", text, items, kind = "plain", start }) {
	const [open, setOpen] = useState(false);
	const ref = useRef();
	useEffect(() => {
		if (!open)
			return undefined;
		const entries = () => [...ref.current.querySelectorAll("[role=menuitem]:not(:disabled)")];
		entries()[0]?.focus();
		const outside = (event) => !ref.current.contains(event.target) && setOpen(false);
		const keys = (event) => {
			const all = entries();
			const at = all.indexOf(document.activeElement);
			const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
			if (event.key === "Escape" || event.key === "Tab") {
				setOpen(false);
				ref.current.querySelector("button").focus();
			}
			if (to !== undefined)
				all[to % all.length].focus();
			if (to !== undefined || event.key === "Escape")
				event.preventDefault();
		};
		document.addEventListener("pointerdown", outside);
		ref.current.addEventListener("keydown", keys);
		const element = ref.current;
		return () => {
			document.removeEventListener("pointerdown", outside);
			element.removeEventListener("keydown", keys);
		};
	}, [open]);
	const choose = (item) => () => {
		setOpen(false);
		item.onClick?.();
	};
	return html`<div class="menu ${start ? "start" : ""}" ref=${ref}>
		<${Button} kind=${kind} icon=${icon} label=${text ? undefined : label} aria-haspopup="menu" aria-expanded=${open}
			onClick=${() => setOpen(!open)}>${text}<//>
		${open && html`<div class="menu-items" role="menu" aria-label=${label}>${items.map((item) => !item ? html`<hr />`
			: item.href ? html`<a role="menuitem" href=${item.href} target=${item.target} download=${item.download}
				onClick=${choose(item)}>${item.icon && html`<${Icon} name=${item.icon} />`}${item.text}</a>`
			: html`<button type="button" role="menuitem" disabled=${item.disabled} onClick=${choose(item)}>
				${item.icon && html`<${Icon} name=${item.icon} />`}${item.text}</button>`)}</div>`}
	</div>`;
}

/** tabs: [[key, text], ...]; the content of the one that is chosen is the children. */
export function Tabs({ tabs, value, onChange, label, children }) {
	const id = useId();
	const keys = (event) => {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
		if (!step)
			return;
		const at = tabs.findIndex(([key]) => key === value);
		const [next] = tabs[(at + step + tabs.length) % tabs.length];
		onChange(next);
		event.currentTarget.querySelector(`[data-key="${next}"]`)?.focus();
	};
	return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${keys}>
		${tabs.map(([key, text]) => html`<button type="button" role="tab" key=${key} data-key=${key} id="${id}-${key}"
			aria-selected=${key === value} aria-controls="${id}-panel" tabindex=${key === value ? 0 : -1}
			onClick=${() => onChange(key)}>${text}</button>`)}
	</div>
	<div role="tabpanel" id="${id}-panel" aria-labelledby="${id}-${value}" class="stack">${children}</div>`;
}
