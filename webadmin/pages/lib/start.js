// How a page begins: texts, session, then its first component in the place for it.
import { html, render } from "./html.js";
import { currentSession, leave } from "./api.js";
import { loadTexts } from "./i18n.js";
import { startAsking } from "./ask.js";

// The page to log in leads here with a word for the server, which is not to be kept in bookmarks.
function tidyAddress() {
	const address = new URL(location.href);
	address.searchParams.delete("welcome");
	history.replaceState(null, "", address);
}

/** Component gets the session; without one the page to log in is shown instead. */
export async function start(Component) {
	await loadTexts();
	tidyAddress();
	const session = await currentSession();
	if (!session) {
		leave();
		return;
	}
	startAsking();
	render(html`<${Component} session=${session} />`, document.getElementById("app"));
}
