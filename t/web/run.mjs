// Runs one script of browser tests. A script exports `tests`: an object of names and async functions, each of which gets one
// object t:
//
//   t.page                   a page of a browser of its own (cookies, too), of playwright-core
//   t.newPage(options)       another browser's page; options: viewport, colorScheme
//   t.url, t.password, t.given, t.ports    the instance: address of the web service, postmaster's password, what the .t gave
//   t.login(page, user, password, path)    log in by the form, ending at path (default /admin/index.html)
//   t.postroom(...arguments)               what the command line prints; fails the test where it fails
//   t.ok(value, text), t.is(got, wanted, text), t.like(got, expression, text)
//   t.note(text)             something to be read, no test
//   t.until(condition, text)               wait until an async condition is true
//   t.picture(page, name)                  a picture in the folder for them
//   t.allow(expression)                    a message of the console that this test makes by purpose
//
// What it says is read by t/lib/Postroom/Browser.pm.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const told = JSON.parse(readFileSync(0, "utf8"));
const { chromium } = createRequire(`${told.libraries}/`)("playwright-core");
const wait = 20000 * told.patience;

const say = (line) => process.stdout.write(`${line}\n`);
const oneLine = (text) => String(text).replace(/\s*\n\s*/g, " | ");

class Test {
	constructor(browser) {
		Object.assign(this, { browser, url: told.url, password: told.password, given: told.given, ports: told.ports });
		this.contexts = [];
		this.heard = [];
		this.allowed = [];
	}

	ok(value, text) {
		say(`${value ? "ok" : "not ok"} ${oneLine(text)}`);
		return Boolean(value);
	}

	is(got, wanted, text) {
		const same = JSON.stringify(got) === JSON.stringify(wanted);
		return this.ok(same, text) || say(`# got ${oneLine(JSON.stringify(got))}, wanted ${oneLine(JSON.stringify(wanted))}`);
	}

	like(got, expression, text) {
		return this.ok(expression.test(got), text) || say(`# got ${oneLine(got)}, wanted ${expression}`);
	}

	note(text) {
		say(`# ${oneLine(text)}`);
	}

	allow(expression) {
		this.allowed.push(expression);
	}

	async newPage(options = {}) {
		const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
		context.setDefaultTimeout(wait);
		this.contexts.push(context);
		const page = await context.newPage();
		page.on("console", (message) => {
			if (["error", "warning"].includes(message.type()))
				this.heard.push(`${message.type()}: ${message.text()} (${message.location().url})`);
		});
		page.on("pageerror", (error) => this.heard.push(`thrown: ${error.stack || error}`));
		page.on("request", (request) => {
			if (!request.url().startsWith(`${told.url}/`) && !/^(data|blob|about):/.test(request.url()))
				this.heard.push(`request elsewhere: ${request.url()}`);
		});
		return page;
	}

	async login(page, user, password, path = "/admin/index.html") {
		await page.goto(`${told.url}/login?to=${encodeURIComponent(path)}`);
		await page.locator("input[name=username]").fill(user);
		await page.locator("input[name=password]").fill(password);
		await page.locator("button[type=submit]").click();
		await page.waitForURL((url) => url.pathname === path.split(/[?#]/)[0]);
	}

	postroom(...args) {
		const input = typeof args.at(-1) === "object" ? args.pop().stdin : undefined;
		const [program, ...first] = told.program;
		return execFileSync(program, [...first, ...args], { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
	}

	async until(condition, text) {
		const end = Date.now() + wait;
		let last;
		do {
			last = await condition();
			if (last)
				break;
			await new Promise((resolve) => { setTimeout(resolve, 50); });
		} while (Date.now() < end);
		return this.ok(last, text);
	}

	async picture(page, name) {
		mkdirSync(told.pictures, { recursive: true });
		await page.screenshot({ path: `${told.pictures}/${name}.png` });
	}

	async end() {
		for (const context of this.contexts)
			await context.close();
		const left = this.heard.filter((line) => !this.allowed.some((expression) => expression.test(line)));
		this.ok(left.length === 0, "the console is silent");
		left.slice(0, 10).forEach((line) => say(`# ${oneLine(line)}`));
	}
}

const { tests } = await import(pathToFileURL(process.argv[2]).href);
const browser = await chromium.launch({
	executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
});
for (const [name, run] of Object.entries(tests)) {
	const t = new Test(browser);
	say(`test ${name}`);
	try {
		t.page = await t.newPage();
		await run(t);
	} catch (error) {
		t.ok(false, `${name}: ${error.stack || error}`);
		if (t.page)
			await t.picture(t.page, `failed-${name.replace(/\W+/g, "-")}`);
	}
	await t.end();
	say("end");
}
await browser.close();
