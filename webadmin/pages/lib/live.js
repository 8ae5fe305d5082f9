// What the server tells by itself (server-sent events): one connection for each address, whatever number of parts of a
// page listen. The browser connects again by itself.
import { useEffect, useRef } from "./html.js";

const sources = new Map();

/**
 * Listen: listener(data) for each event of that kind, data parsed from JSON; lost() when the connection is gone for now.
 * Returns the function that ends it.
 */
export function listen(where, kind, listener, lost = () => {}) {
	let source = sources.get(where);
	if (!source) {
		source = { events: new EventSource(`/api/v1${where}`), users: 0 };
		sources.set(where, source);
	}
	source.users++;
	const heard = (event) => listener(JSON.parse(event.data));
	source.events.addEventListener(kind, heard);
	source.events.addEventListener("error", lost);
	return () => {
		source.events.removeEventListener(kind, heard);
		source.events.removeEventListener("error", lost);
		if (--source.users === 0) {
			source.events.close();
			sources.delete(where);
		}
	};
}

/** The same for as long as a component is shown. */
export function useLive(where, kind, listener, lost = () => {}) {
	const latest = useRef();
	latest.current = { listener, lost };
	useEffect(() => listen(where, kind, (data) => latest.current.listener(data), () => latest.current.lost()), [where, kind]);
}

/** Call again and again while the page can be seen, also when it is seen again. */
export function usePolling(ask, seconds, reasons = []) {
	const latest = useRef(ask);
	latest.current = ask;
	useEffect(() => {
		const tick = () => document.visibilityState === "visible" && latest.current();
		tick();
		const timer = setInterval(tick, seconds * 1000);
		document.addEventListener("visibilitychange", tick);
		return () => {
			clearInterval(timer);
			document.removeEventListener("visibilitychange", tick);
		};
	}, reasons);
}
