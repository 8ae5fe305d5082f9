// Pages that show what goes on, and what can be done about it; each is compared with what the command line says.
import { deflateSync } from "node:zlib";

const rows = (page) => page.locator(".table-row");
const row = (page, text) => rows(page).filter({ hasText: text }).first();
const json = (t, ...command) => JSON.parse(t.postroom(...command, "--json"));
const open = async (t, where) => {
	await t.login(t.page, "postmaster", t.password);
	await t.page.goto(`${t.url}/admin/index.html#/${where}`);
	await t.page.getByRole("heading", { level: 1 }).waitFor();
};
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

// A grey PNG of that many pixels each way.
function png(side) {
	const chunk = (type, data) => {
		const body = Buffer.concat([Buffer.from(type), data]);
		let crc = ~0;
		for (const octet of body) {
			crc ^= octet;
			for (let bit = 0; bit < 8; bit++)
				crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
		}
		const frame = Buffer.alloc(body.length + 8);
		frame.writeUInt32BE(data.length);
		body.copy(frame, 4);
		frame.writeUInt32BE(~crc >>> 0, body.length + 4);
		return frame;
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(side);
	head.writeUInt32BE(side, 4);
	head[8] = 8;
	return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.alloc((side + 1) * side, 90))), chunk("IEND", Buffer.alloc(0))]);
}

export const tests = {
	async "05-17.9 a logo is shown scaled; what is no picture is refused"(t) {
		await open(t, "logos");
		const choose = (at, name, buffer) => t.page.locator("input[type=file]").nth(at).setInputFiles({ name, mimeType: "image/png", buffer });
		await choose(0, "logo.png", Buffer.from("<svg onload=alert(1)>"));
		await t.page.getByText("that is no picture").waitFor();
		t.is(json(t, "logo", "list"), [], "what is no picture is refused");
		const shown = async (page, place, width, height) => {
			const picture = page.locator(`img.of-${place}`);
			await t.until(async () => await picture.evaluate((image) => image.complete && image.naturalWidth === 1000), `${place}: it is there, as it was given`);
			const box = await picture.boundingBox();
			t.ok(box.width <= width && box.height <= height && box.width === box.height, `${place}: shown in ${box.width} by ${box.height}`);
		};
		await choose(0, "logo.png", png(1000));
		await shown(t.page, "login", 104, 86);
		await choose(1, "logo.png", png(1000));
		await shown(t.page, "mail", 200, 47);
		t.is(json(t, "logo", "list").map(({ name, width }) => [name, width]), [["login", 1000], ["mail", 1000]], "the command line has both");
		const page = await t.newPage();
		await page.goto(`${t.url}/login`);
		await shown(page, "login", 104, 86);
		await t.login(page, "anna", "anna-secret", "/mail/index.html");
		await shown(page, "mail", 200, 47);
		t.postroom("logo", "delete", "login");
		await t.page.getByRole("button", { name: "Delete: In webmail" }).click();
		await t.until(() => json(t, "logo", "list").length === 0, "both are deleted");
		await page.goto(`${t.url}/login`);
		t.is(await page.locator("img").count(), 0, "and shown no more");
		t.allow(/422/);
	},

	async "posts to moderate: one is approved, one rejected"(t) {
		await open(t, "held-posts");
		await row(t.page, "post 1").getByRole("checkbox").click();
		await press(t.page, "Approve");
		await t.until(() => json(t, "list", "held").length === 1, "approved, says the command line");
		await row(t.page, "post 2").getByRole("checkbox").click();
		await press(t.page, "Reject");
		await t.until(() => json(t, "list", "held").length === 0, "rejected");
	},

	async "notices that were not told again"(t) {
		await open(t, "notices");
		await row(t.page, "the same again").waitFor();
		t.like(t.postroom("notice", "suppressed"), /the same again/, "as the command line says");
	},

	async "events of clients, and locks that are ended"(t) {
		await open(t, "events");
		await row(t.page, "127.0.0.9").waitFor();
		t.like(t.postroom("block", "events"), /127\.0\.0\.9/, "as the command line says");
		await t.page.goto(`${t.url}/admin/index.html#/locks`);
		await row(t.page, "mod").getByRole("checkbox").click();
		t.like(t.postroom("user", "locks"), /127\.0\.0\.9/, "the command line has the lock");
		await press(t.page, "Unlock");
		await t.until(async () => await rows(t.page).count() === 0, "it is ended");
		t.ok(!/127\.0\.0\.9/.test(t.postroom("user", "locks")), "the command line has it no more");
	},

	async "how much users sent"(t) {
		await open(t, "send-usage");
		await row(t.page, "anna").waitFor();
		t.like(t.postroom("user", "quota", "--user", "anna"), /messages/, "as the command line says");
	},

	async "LAN forwarding: what waits is dropped"(t) {
		await open(t, "lan-queue");
		await row(t.page, "x@lan.test").getByRole("checkbox").click();
		t.is(json(t, "lan", "queue").length, 1, "the command line has it");
		await press(t.page, "Delete");
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(() => json(t, "lan", "queue").length === 0, "dropped");
	},

	async "reports of DMARC and of TLS"(t) {
		await open(t, "reports");
		await row(t.page, "one.test").dblclick();
		await t.page.getByRole("dialog", { name: "one.test" }).getByText(/<feedback/).waitFor();
		t.ok(true, "a report is shown");
		await t.picture(t.page, "report");
		await t.page.keyboard.press("Escape");
		await t.page.getByLabel("Day (UTC)").fill("2020-02-02");
		await t.until(async () => await rows(t.page).count() === 0, "nothing of another day");
		await t.page.getByRole("tab", { name: "TLS" }).click();
		await t.page.getByRole("tab", { name: "TLS", selected: true }).waitFor();
		await t.page.getByText("There is nothing here yet.").waitFor();
	},

	async "whom an autoresponder answered, and that all are answered again"(t) {
		const answered = () => /anna@/.test(t.postroom("user", "answers", "list", "bob", "Away"));
		await t.until(answered, "the command line has one answer");
		await open(t, "users/bob?tab=autoresponders");
		await row(t.page.getByRole("grid", { name: "Autoresponders", exact: true }), "Away").getByRole("checkbox").click();
		await press(t.page, "Answers");
		const dialog = t.page.getByRole("dialog");
		await dialog.getByText(/anna@/).waitFor();
		await dialog.getByRole("button", { name: "Forget all" }).click();
		await dialog.getByText("Nobody was answered lately.").waitFor();
		t.ok(!answered(), "nobody is noted, says the command line");
		await dialog.getByRole("button", { name: "Close" }).last().click();
		await t.page.locator("input[type=file]").setInputFiles({ name: "map.txt", mimeType: "text/plain", buffer: Buffer.from("the way") });
		await t.page.getByText("map.txt").waitFor();
		t.like(t.postroom("user", "media", "list", "bob"), /map\.txt/, "a file to send along is kept");
		await t.page.getByRole("button", { name: "Delete map.txt" }).click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(() => !/map\.txt/.test(t.postroom("user", "media", "list", "bob")), "and deleted");
	},

	async "an Inbox is copied to assistants, and emptied"(t) {
		await open(t, "users");
		await row(t.page, "bob").getByRole("checkbox").click();
		await press(t.page, "Copy Inbox");
		await t.page.getByRole("dialog").getByRole("button", { name: "Copy Inbox" }).click();
		await t.page.getByText(/bob: \d+ copied to anna/).waitFor();
		await row(t.page, "bob").getByRole("checkbox").check();
		await press(t.page, "Empty Inbox");
		await t.page.getByRole("dialog").getByRole("button", { name: "Empty Inbox" }).click();
		await t.until(() => json(t, "user", "list").length > 0 && /\b0\b/.test(t.postroom("mailbox", "list", "bob").split("\n").find((line) => /INBOX/.test(line)) || ""),
			"the Inbox is empty, says the command line");
	},

	async "a token of a user's scripts: made, shown once, used, deleted"(t) {
		await open(t, "users/anna?tab=tokens");
		await press(t.page, "Add");
		await t.page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("backup");
		await t.page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
		const shown = t.page.getByRole("dialog", { name: "A new token" }).locator("pre");
		await confirmed(t, shown);
		const token = await shown.innerText();
		await press(t.page.getByRole("dialog"), "Close").catch(() => t.page.keyboard.press("Escape"));
		t.like(t.postroom("token", "list", "anna"), /backup/, "the command line has it");
		const answer = await t.page.request.get(`${t.url}/api/v1/me`, { headers: { Authorization: `Bearer ${token.trim()}`, Cookie: "" } });
		t.is(answer.status(), 200, "it opens the API");
		await row(t.page, "backup").getByRole("checkbox").click();
		await press(t.page, "Delete");
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(() => !/backup/.test(t.postroom("token", "list", "anna")), "deleted");
	},

	async "a log follows what is written"(t) {
		await open(t, "logs/postroom");
		await t.page.locator("pre.log").waitFor();
		await t.page.getByLabel("Follow").check();
		t.postroom("set", "server.host-name", "followed.example.test");
		await t.page.getByText(/server\.host-name = followed\.example\.test/).first().waitFor();
		t.ok(true, "a line that came later");
	},

	async "a text is written otherwise"(t) {
		await open(t, "texts");
		const field = t.page.locator(".field", { has: t.page.getByText("text.welcome", { exact: true }) }).locator("textarea");
		await field.fill("<Subject: Hello>\nWelcome, {username}.");
		await press(t.page, "Save");
		await t.page.getByText("Saved.").first().waitFor();
		t.like(t.postroom("text", "show", "welcome"), /Welcome, \{username\}/, "seen by the command line");
		t.postroom("text", "set", "welcome", "Good day");
		await t.page.reload();
		await t.until(async () => await field.inputValue() === "Good day", "the command line's is seen here");
	},

	async "certificates that clients are shown, and which end soon"(t) {
		await open(t, "certificates");
		const soon = row(t.page, "soon.example.test");
		await soon.locator(".badge.warn").getByText("4 days").waitFor();
		t.is(await rows(t.page).count(), 2, "that of all and that of a name");
		t.is(await t.page.locator(".badge.warn, .badge.bad").count(), 1, "that of all is good for years");
		t.like(await soon.textContent(), /Test CA/, "who signed it");
		t.like(t.postroom("tls", "show", "--name", "soon.example.test"), /Test CA/, "as the command line says");
		await t.picture(t.page, "certificates");
		await t.page.clock.setFixedTime(Date.now() + 10 * 86400 * 1000);
		await t.page.reload();
		await soon.locator(".badge.bad").getByText("expired").waitFor();
		t.ok(true, "ten days later it is over");
	},

	async "06-1.8 Message Security asks before others' mail is shown"(t) {
		await open(t, "message-security");
		await t.page.getByText("Message Security is off.").waitFor();
		await t.page.getByLabel("New password", { exact: true }).fill("the-guard");
		await t.page.getByLabel("New password, again").fill("the-guard");
		await press(t.page, "Turn on");
		await confirmed(t, t.page.getByText("Message Security is on."));
		t.is(t.postroom("message-security", "status"), "on\n", "the command line says so, too");
		await t.picture(t.page, "message-security");
		await t.page.goto(`${t.url}/admin/index.html#/mappings`);
		await press(t.page, "Add");
		const dialog = t.page.getByRole("dialog").first();
		await dialog.getByLabel("Pattern", { exact: true }).fill("boss");
		await dialog.getByLabel("Target", { exact: true }).fill("anna");
		await dialog.getByRole("button", { name: "Add" }).click();
		const asked = t.page.getByRole("dialog", { name: "Message Security" });
		await asked.getByLabel("Password").fill("wrong");
		await asked.getByRole("button", { name: "Continue" }).click();
		await asked.getByText("that is not the password of Message Security").waitFor();
		t.ok(!/boss/.test(t.postroom("mapping", "list")), "a wrong password changes nothing");
		await asked.getByLabel("Password").fill("the-guard");
		await asked.getByRole("button", { name: "Continue" }).click();
		await t.until(() => /boss/.test(t.postroom("mapping", "list")), "the right one lets the mapping be made");
		t.postroom("message-security", "off");
		await t.page.goto(`${t.url}/admin/index.html#/message-security`);
		await t.page.getByText("Message Security is off.").waitFor();
		t.ok(true, "the command line turns it off");
		t.allow(/403/);
	},
};

// Wait for what comes, giving the password again where it is asked for.
async function confirmed(t, wanted) {
	const dialog = t.page.getByRole("dialog", { name: "Confirm" });
	await Promise.race([dialog.waitFor(), wanted.waitFor()]);
	if (await dialog.count()) {
		await dialog.getByLabel("Password").fill(t.password);
		await dialog.getByRole("button", { name: "Continue" }).click();
		t.allow(/403/);
		await wanted.waitFor();
	}
}
