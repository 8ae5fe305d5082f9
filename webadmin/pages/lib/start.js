// How a page begins: texts, session, then its first component in the place for it.
import { html, render } from "./html.js";
import { currentSession, leave } from "./api.js";
import { loadTexts } from "./i18n.js";
import { startAsking } from "./ask.js";

/** Component gets the session; without one the page to log in is shown instead. */
export async function start(Component) {
	await loadTexts();
	const session = await currentSession();
	if (!session) {
		leave();
		return;
	}
	startAsking();
	render(html`<${Component} session=${session} />`, document.getElementById("app"));
}
