// HTML of messages, which strangers wrote, made harmless. Three things each suffice alone: what is not known to be good is taken
// out here (DOMPurify, and what would load something); the frame that it is put into runs no script; and that frame's policy
// (webadmin/mail/routes.c) lets nothing be loaded.
import purify from "../vendor/dompurify.js";

const loading = ["src", "srcset", "poster", "background", "data", "lowsrc", "dynsrc", "longdesc", "usemap", "ping", "formaction"];
const unsafeStyle = /url|image|src|import|expression|\\|@|paint|element\(|position|z-index/i;
let wishes = null;

// Styles keep what says how something looks; what would load something, or leave its place, is taken out.
function cleanStyle(text) {
	return text.replace(/\/\*[\s\S]*?\*\//g, "").split(";").filter((one) => !unsafeStyle.test(one)).join(";");
}

function cleanImage(node) {
	const source = (node.getAttribute("src") || "").trim();
	for (const name of loading)
		node.removeAttribute(name);
	if (/^cid:/i.test(source)) {
		node.dataset.cid = source.slice(4);
	} else if (/^data:image\/(png|jpe?g|gif|webp);base64,/i.test(source)) {
		node.setAttribute("src", source);
	} else if (/^https?:\/\//i.test(source)) {
		wishes.remote++;
		if (wishes.images)
			node.setAttribute("src", source);
	}
}

function cleanLink(node) {
	const target = node.getAttribute("href") || "";
	node.removeAttribute("href");
	if (wishes.links && /^(https?|mailto):/i.test(target)) {
		node.setAttribute("href", target);
		node.setAttribute("target", "_blank");
		node.setAttribute("rel", "noopener noreferrer");
		node.setAttribute("title", target);
	}
}

purify.addHook("afterSanitizeAttributes", (node) => {
	if (node.nodeName === "IMG")
		cleanImage(node);
	else
		loading.forEach((name) => node.removeAttribute(name));
	if (node.hasAttribute("href") || node.hasAttribute("xlink:href"))
		cleanLink(node);
	const style = node.getAttribute("data-style");
	node.removeAttribute("data-style");
	if (style !== null && wishes.styles)
		node.style.cssText = cleanStyle(style);
});

// Before anything reads it as HTML: what this page's own policy would refuse, with a line in the console for each. That makes
// nothing harmless (what does comes after it), so it need not find all.
function quiet(html) {
	return html.replace(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, "").replace(/<[a-z](?:[^"'<>]|"[^"]*"|'[^']*')*>/gi, (tag) => (
		tag.replace(/([\s"'/])style\s*=/gi, "$1data-style=").replace(/([\s"'/])on[a-z]+\s*=/gi, "$1data-event=")));
}

const forbidden = ["style", "form", "input", "button", "select", "textarea", "option", "meta", "link", "base", "iframe", "frame",
	"object", "embed", "video", "audio", "source", "track", "picture", "svg", "math", "dialog", "template", "slot", "portal"];

/**
 * html as the body of a document that nobody shows, and how many pictures of other servers are wanted in it: {body, remote}.
 * images: they stay in; links: links work; styles: as the sender wanted it to look.
 */
export function clean(html, { images = false, links = true, styles = true } = {}) {
	wishes = { images, links, styles, remote: 0 };
	const body = purify.sanitize(quiet(html), {
		RETURN_DOM: true, FORBID_TAGS: forbidden, FORBID_ATTR: ["id", "name", "style", "is", "slot", "part", "autofocus", "tabindex",
			"contenteditable", "popover", "popovertarget", "accesskey"],
		ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false, ADD_ATTR: ["data-style"], ADD_URI_SAFE_ATTR: ["data-style"], USE_PROFILES: { html: true },
	});
	return { body: body || document.createElement("body"), remote: wishes.remote }; // none: nothing was left
}

/** The same as text, for what is quoted in an editor: without styles, and pictures of others. */
export function cleanText(html) {
	return clean(html, { styles: false }).body.innerHTML;
}
