// Which page is shown stands behind the # of the address: #/users/anna?tab=rules. Leaving a page with changes that are not
// saved is asked about, whichever way it is left.
import { useEffect, useState } from "./html.js";

const guards = new Set();
let shown = location.hash;
let asking = false;

function read() {
	const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
	return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query || "") };
}

/** The address of a page: link("users", "anna") */
export function link(...parts) {
	return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function go(...parts) {
	location.hash = link(...parts);
}

/** The same where nothing is left to be asked: what was changed is saved, or is not wanted. */
export function goAnyway(...parts) {
	guards.clear();
	go(...parts);
}

/** The same page with other words after the "?", without a step in the history. */
export function setQuery(values) {
	const { path, query } = read();
	for (const [key, value] of Object.entries(values)) {
		if (value)
			query.set(key, value);
		else
			query.delete(key);
	}
	const text = query.toString();
	history.replaceState(null, "", link(...path) + (text ? `?${text}` : ""));
	shown = location.hash;
	dispatchEvent(new Event("route"));
}

async function moved() {
	if (location.hash === shown || asking)
		return;
	const wanted = location.hash;
	for (const mayLeave of guards) {
		asking = true;
		history.replaceState(null, "", shown || "#/");
		const answer = await mayLeave();
		asking = false;
		if (!answer)
			return;
		history.replaceState(null, "", wanted);
	}
	shown = wanted;
	dispatchEvent(new Event("route"));
	scrollTo(0, 0);
}

addEventListener("hashchange", moved);
addEventListener("beforeunload", (event) => {
	if (guards.size)
		event.preventDefault();
});

/** {path: [words], query: URLSearchParams} of the page that is shown. */
export function useRoute() {
	const [route, setRoute] = useState(read);
	useEffect(() => {
		const update = () => setRoute(read());
		addEventListener("route", update);
		update(); // it may have changed since it was read
		return () => removeEventListener("route", update);
	}, []);
	return route;
}

/** While there are changes that are not saved, mayLeave (async, says yes or no) is asked before another page is shown. */
export function useGuard(unsaved, mayLeave) {
	useEffect(() => {
		if (!unsaved)
			return undefined;
		guards.add(mayLeave);
		return () => guards.delete(mayLeave);
	}, [unsaved]);
}
