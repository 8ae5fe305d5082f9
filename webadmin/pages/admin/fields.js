// Controls for values: of settings, by their type in the catalogue, and of the bodies of calls.
import { html } from "../lib/html.js";
import { hasText, t } from "../lib/i18n.js";
import { Field } from "../lib/ui.js";

/** What a member, a column or a page is called: the text of "<kind>.<name>" or "<name>", or the name in words. */
export function titleOf(name, kind = "field") {
	const key = [`${kind}.${name}`, `field.${name}`].find(hasText);
	const words = name.replace(/[-_.]/g, " ");
	return key ? t(key) : words.charAt(0).toUpperCase() + words.slice(1);
}

function Choice({ words, value, onChange, optional, control }) {
	return html`<select class="input" value=${value} onChange=${(e) => onChange(e.target.value)} ...${control}>
		${optional && html`<option value="" selected=${!value}></option>`}
		${words.map((word) => html`<option value=${word} key=${word} selected=${word === value}>${word}</option>`)}
	</select>`;
}

const longTypes = ["lines", "modifiers"];

// A setting's value as JSON has it: true or false, a number, else text.
function SettingControl({ entry, value, onChange, control }) {
	const text = (event) => onChange(event.target.value);
	if (entry.type === "flag")
		return html`<input type="checkbox" checked=${value === true} onChange=${(e) => onChange(e.target.checked)} ...${control} />`;
	if (entry.type === "choice")
		return html`<${Choice} words=${entry.words} value=${value} onChange=${onChange} control=${control} />`;
	if (longTypes.includes(entry.type))
		return html`<textarea class="input" rows="5" value=${value ?? ""} onInput=${text} ...${control}></textarea>`;
	if (entry.type === "number")
		return html`<input class="input short" inputmode="numeric" value=${value ?? ""} ...${control}
			onInput=${(e) => onChange(/^-?\d+$/.test(e.target.value) ? Number(e.target.value) : e.target.value)} />`;
	const type = entry.type === "date" ? "date" : entry.type === "secret" ? "password" : "text";
	return html`<input class="input" type=${type} value=${value ?? ""} autocomplete="off" onInput=${text} ...${control} />`;
}

/** One setting: sentence, control, key, unit and default, and the paragraph of the manual page on demand. */
export function SettingField({ entry, value, error, from, onChange, onReset }) {
	const fallback = entry.type === "flag" ? (entry.default === true || entry.default === "on" ? t("on") : t("off")) : String(entry.default ?? "");
	const help = html`<span class="mono">${entry.key}</span>${entry.unit && ` · ${entry.unit}`} · ${t("default")}:${" "}
		${fallback === "" ? t("empty") : html`<span class="mono">${fallback}</span>`}
		${from === "group" && html`<span> · ${t("from.group")}</span>`}
		${onReset && html`${" · "}<button type="button" class="link" onClick=${onReset}>${t("reset-default")}</button>`}
		${entry.paragraph && html`<details><summary>${t("more")}</summary>${entry.paragraph}</details>`}`;
	return html`<${Field} label=${entry.sentence} help=${help} error=${error} inline=${entry.type === "flag"}>${(control) => html`
		<${SettingControl} entry=${entry} value=${value} onChange=${onChange} control=${control} />`}<//>`;
}

// Arrays are shown as lines.
function MemberControl({ field, value, onChange, control }) {
	const text = (event) => onChange(event.target.value);
	if (field.type === "boolean")
		return html`<input type="checkbox" checked=${value === true} onChange=${(e) => onChange(e.target.checked)} ...${control} />`;
	if (field.words)
		return html`<${Choice} words=${field.words} value=${value} onChange=${onChange} optional=${!field.required} control=${control} />`;
	if (field.type === "array")
		return html`<textarea class="input" rows="4" value=${(value || []).join("\n")} ...${control}
			onInput=${(e) => onChange(e.target.value.split("\n"))}></textarea>`;
	if (field.type === "integer")
		return html`<input class="input short" inputmode="numeric" value=${value ?? ""} ...${control}
			onInput=${(e) => onChange(/^\d+$/.test(e.target.value) ? Number(e.target.value) : e.target.value)} />`;
	const type = /password|secret/.test(field.name) ? "password" : "text";
	return html`<input class="input" type=${type} value=${value ?? ""} onInput=${text} autocomplete=${type === "text" ? "off" : "new-password"}
		required=${field.required} ...${control} />`;
}

/** One member of a call's body. */
export function MemberField({ field, value, error, onChange }) {
	return html`<${Field} label=${titleOf(field.name)} help=${field.sentence} error=${error} inline=${field.type === "boolean"}>
		${(control) => html`<${MemberControl} field=${field} value=${value} onChange=${onChange} control=${control} />`}<//>`;
}

/** A body without what was left empty; lines that are empty go, too. */
export function bodyOf(values) {
	const entries = Object.entries(values).map(([key, value]) => [key, Array.isArray(value) ? value.filter((line) => line.trim()) : value]);
	return Object.fromEntries(entries.filter(([, value]) => value !== "" && value !== undefined));
}
