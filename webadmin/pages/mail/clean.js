// HTML of messages, which strangers wrote, made harmless. Three things each suffice alone: what is not known to be good is taken
// out here (DOMPurify, and what would load something); the frame that it is put into runs no script; and that frame's policy
// (webadmin/mail/routes.c) lets nothing be loaded.
import purify from "../vendor/dompurify.js";

const loading = ["src", "srcset", "poster", "background", "data", "lowsrc", "dynsrc", "longdesc", "usemap", "ping", "formaction"];
let wishes = null;

// Styles keep what says how something looks; what would load something loses it.
function cleanStyle(text) {
	const bare = text.replace(/\/\*[\s\S]*?\*\//g, "");
	if (!/url|image|src|import|expression|\\|@|paint|element\(/i.test(bare))
		return bare;
	return bare.split(";").filter((one) => !/url|image|src|import|expression|\\|@|paint|element\(/i.test(one)).join(";");
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
	if (node.hasAttribute("style"))
		node.setAttribute("style", cleanStyle(node.getAttribute("style")));
});

const forbidden = ["style", "form", "input", "button", "select", "textarea", "option", "meta", "link", "base", "iframe", "frame",
	"object", "embed", "video", "audio", "source", "track", "picture", "svg", "math", "dialog", "template", "slot", "portal"];

/**
 * html as the body of a document that nobody shows, and how many pictures of other servers are wanted in it: {body, remote}.
 * images: they stay in; links: links work.
 */
export function clean(html, { images = false, links = true } = {}) {
	wishes = { images, links, remote: 0 };
	const body = purify.sanitize(html, {
		RETURN_DOM: true, FORBID_TAGS: forbidden, FORBID_ATTR: ["id", "name", "is", "slot", "part", "autofocus", "tabindex",
			"contenteditable", "popover", "popovertarget", "accesskey"],
		ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false, USE_PROFILES: { html: true }, ALLOWED_URI_REGEXP: /^(?:https?|mailto|cid|data):/i,
	});
	return { body, remote: wishes.remote };
}

/** The same as text, for what is quoted in an editor: without styles, and pictures of others. */
export function cleanText(html) {
	const { body } = clean(html);
	for (const node of body.querySelectorAll("[style]"))
		node.removeAttribute("style");
	return body.innerHTML;
}
