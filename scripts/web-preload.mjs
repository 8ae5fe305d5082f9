// Let the browser fetch all modules of a page at once: name those that its scripts import, and what these import, in its
// head (<link rel="modulepreload">), instead of letting it find them one after the other.
//
//   node web-preload.mjs FOLDER    every page of that folder, as web-pages put it together
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";

const root = process.argv[2];
if (!root) {
	console.error("usage: web-preload.mjs FOLDER");
	process.exit(2);
}

// What is imported when the module is loaded; import() comes later, when it is wanted.
const imported = /(?:^|[\n;])import\s*(?:[\w*{}\s,$]+from\s*)?["']([^"']+)["']/g;

function collect(module, found) {
	const text = readFileSync(join(root, module), "utf8");
	for (const [, name] of text.matchAll(imported)) {
		const next = posix.resolve(posix.dirname(module), name);
		if (!found.has(next)) {
			found.add(next);
			collect(next, found);
		}
	}
	return found;
}

for (const page of readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html"))) {
	const text = readFileSync(join(root, page), "utf8");
	const modules = [...text.matchAll(/<script type="module" src="([^"]+)">/g)].map(([, source]) => source);
	const found = modules.reduce((all, module) => collect(module, all), new Set());
	const links = [...found].map((module) => `<link rel="modulepreload" href="${module}">\n`).join("");
	writeFileSync(join(root, page), text.replace("</head>", `${links}</head>`));
}
