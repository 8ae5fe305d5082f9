// The texts of the pages, from /lng/<language>.lng: lines "key=value", "#" comments, HTML entities in values. What a
// language lacks is English.
const languages = ["en", "de", "fr", "es"];
const texts = new Map();
let current = "en";

function parse(text) {
	for (const line of text.split(/\r?\n/)) {
		const at = line.indexOf("=");
		if (at > 0 && !line.startsWith("#"))
			texts.set(line.slice(0, at).trim(), entities(line.slice(at + 1).trim()));
	}
}

// A document that is parsed so has no scripts and loads nothing; only its text is taken.
function entities(value) {
	return value.includes("&") ? new DOMParser().parseFromString(value, "text/html").documentElement.textContent : value;
}

async function load(language) {
	const reply = await fetch(`/lng/${language}.lng`);
	if (reply.ok)
		parse(await reply.text());
}

/** The language that the user chose here, else the first of the browser's that there is. */
export function chosenLanguage() {
	const wanted = [localStorage.getItem("postroom-language"), ...navigator.languages];
	return wanted.map((tag) => (tag || "").slice(0, 2)).find((tag) => languages.includes(tag)) || "en";
}

export function chooseLanguage(language) {
	localStorage.setItem("postroom-language", language);
	location.reload();
}

/** To be waited for before anything is shown. */
export async function loadTexts() {
	current = chosenLanguage();
	await load("en");
	if (current !== "en")
		await load(current);
	document.documentElement.lang = current;
}

/** The text of key, with {name} replaced by values.name. A key without a text shows itself. */
export function t(key, values = {}) {
	return (texts.get(key) ?? key).replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

/** Whether there is a text of this key: for names that the server gives. */
export function hasText(key) {
	return texts.has(key);
}

export function availableLanguages() {
	return languages;
}

const plural = new Map();

/** "<key>.one" or "<key>.other" by count, which is {n} in it. */
export function tn(key, count) {
	if (!plural.has(current))
		plural.set(current, new Intl.PluralRules(current));
	const form = `${key}.${plural.get(current).select(count)}`;
	return t(texts.has(form) ? form : `${key}.other`, { n: formatNumber(count) });
}

export function formatNumber(number) {
	return new Intl.NumberFormat(current).format(number);
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Octets in the unit that suits (1 kB is 1024, as everywhere in settings). */
export function formatSize(octets) {
	let step = 0;
	let value = Number(octets) || 0;
	while (value >= 1024 && step < units.length - 1) {
		value /= 1024;
		step++;
	}
	return new Intl.NumberFormat(current, {
		style: "unit", unit: units[step], unitDisplay: step ? "short" : "narrow", maximumFractionDigits: value < 10 && step ? 1 : 0,
	}).format(value);
}

/** Seconds since 1970 as date and time; today as time alone; nothing for 0. */
export function formatTime(seconds, form = {}) {
	if (!seconds)
		return "";
	const when = new Date(seconds * 1000);
	const today = !form.full && when.toDateString() === new Date().toDateString();
	return new Intl.DateTimeFormat(current, today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" })
		.format(when);
}

/** A length of time in its two largest units. */
export function formatDuration(seconds) {
	const parts = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
	const shown = [];
	let left = Math.max(0, Math.round(seconds));
	for (const [unit, length] of parts) {
		const count = Math.floor(left / length);
		left -= count * length;
		if (count || (unit === "second" && !shown.length))
			shown.push(new Intl.NumberFormat(current, { style: "unit", unit, unitDisplay: "short" }).format(count));
		if (shown.length === 2)
			break;
	}
	return shown.join(" ");
}
