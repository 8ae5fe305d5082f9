// The certificates that clients are shown, and until when each is good. They are installed at the server.
import { html, useEffect, useState } from "../lib/html.js";
import { get } from "../lib/api.js";
import { formatTime, t, tn } from "../lib/i18n.js";
import { PageHead } from "../lib/shell.js";
import { Table } from "../lib/table.js";
import { Badge, Failure, Loading } from "../lib/ui.js";
import { widths } from "./collection.js";

const day = 86400;
const soon = 21; // days; what renews certificates by itself does so earlier, commonly with 30 days left

const namesOf = (row) => row.names.join(", ") || row.subject;

const daysOf = (row) => Math.floor((row.expires - Date.now() / 1000) / day);

function Left({ days }) {
	if (days < 0)
		return html`<${Badge} kind="bad">${t("certificates.expired")}<//>`;
	return days < soon ? html`<${Badge} kind="warn">${tn("certificates.days", days)}<//>` : tn("certificates.days", days);
}

function columns() {
	return [
		{ key: "names", title: t("certificates.names"), width: "minmax(12rem, 2fr)", text: namesOf, value: namesOf },
		{ key: "issuer", title: t("certificates.issuer"), width: "minmax(8rem, 2fr)", text: (row) => row.issuer,
			show: (row) => (row["self-signed"] ? html`<${Badge}>${t("certificates.self-signed")}<//>` : row.issuer) },
		{ key: "begins", title: t("certificates.begins"), width: widths.time, show: (row) => formatTime(row.begins, { full: true }) },
		{ key: "expires", title: t("certificates.expires"), width: widths.time, show: (row) => formatTime(row.expires, { full: true }) },
		{ key: "left", title: t("certificates.left"), value: daysOf, show: (row) => html`<${Left} days=${daysOf(row)} />` },
	];
}

export function Certificates() {
	const [rows, setRows] = useState(null);
	const [failed, setFailed] = useState(null);
	const load = () => get("/certificates").then(({ items }) => {
		setRows(items.map((item, id) => ({ id, ...item })));
		setFailed(null);
	}, setFailed);
	useEffect(() => {
		load();
	}, []);
	const title = t("page.certificates");
	return html`<${PageHead} title=${title} help=${t("help.certificates")} />
		${failed ? html`<${Failure} error=${failed} retry=${load} />` : rows ? html`<div><${Table} rows=${rows} columns=${columns()} label=${title} /></div>`
		: html`<${Loading} />`}`;
}
