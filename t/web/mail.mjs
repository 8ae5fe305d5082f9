// Webmail as a user has it.
const open = async (t, page, user) => {
	await t.login(page, user, `${user}-secret`, "/mail/index.html");
	await page.locator(".message-list").waitFor();
};
const row = (page, text) => page.locator(".message").filter({ has: page.getByText(text, { exact: true }) });
const frame = (page) => page.frameLocator(".message-frame");

export const tests = {
	async "reading"(t) {
		await open(t, t.page, "anna");
		await row(t.page, "number 30").click();
		await t.page.locator(".message-text").waitFor();
		t.like(await t.page.locator(".message-text").textContent(), /The text of number 30/, "the text is shown");
		await t.until(async () => !(await row(t.page, "number 30").getAttribute("class")).includes("unread"), "it counts as read");
		t.ok((await row(t.page, "number 29").getAttribute("class")).includes("unread"), "the next one does not");
		t.ok(await t.page.locator(".message").count() < 31, "what is not seen is not there");
		t.ok(!(await t.page.content()).includes("/admin/index.html"), "01-3.2 who is no administrator finds no way to the administration");
		await t.picture(t.page, "webmail");
	},

	async "02-7.3 HTML: nothing runs, nothing is loaded"(t) {
		await open(t, t.page, "anna");
		await row(t.page, "pictures and links").click();
		await frame(t.page).getByText("hello").waitFor();
		t.is(await t.page.evaluate(() => window.ran), undefined, "no script ran");
		t.is(await frame(t.page).locator("script, [onerror], img[src]").count(), 0, "none is there, nor a picture");
		t.is(await frame(t.page).getByText("hello").evaluate((node) => node.style.backgroundImage), "", "nor one in a style");
		t.is(await frame(t.page).getByText("hello").evaluate((node) => node.style.color), "red", "a colour stays");
		t.is(await frame(t.page).getByText("a link").getAttribute("rel"), "noopener noreferrer", "a link opens elsewhere");
		t.ok(await t.page.getByRole("button", { name: "Show pictures" }).isVisible(), "pictures are offered");
		t.postroom("set", "webmail.links", "off");
		await t.page.reload();
		await frame(t.page).getByText("a link").waitFor();
		t.is(await frame(t.page).locator("[href]").count(), 0, "05-17.7 links disabled: none works");
		t.postroom("set", "webmail.links", "on");
		t.postroom("user", "set", "anna", "web.images", "off");
		await t.page.reload();
		await frame(t.page).getByText("hello").waitFor();
		t.is(await t.page.getByRole("button", { name: "Show pictures" }).count(), 0, "images off: they are not offered");
		t.postroom("user", "set", "anna", "web.images", "on");
	},

	async "conversations"(t) {
		const names = () => t.page.locator(".message .subject").allTextContents();
		await open(t, t.page, "bob");
		await row(t.page, "talk 3").waitFor();
		await t.page.getByRole("button", { name: "Conversations" }).click();
		await t.until(async () => (await names()).join() === "talk 1,talk 2,talk 3", "each message of one is there, in its order");
		t.is(await t.page.locator(".message .who").filter({ hasText: "↳" }).count(), 2, "answers stand below");
	},

	async "05-17.1 a list in pages"(t) {
		const names = () => t.page.locator(".message .subject").allTextContents();
		await open(t, t.page, "anna");
		t.is(await t.page.locator(".pager").count(), 0, "all are on one page");
		await t.page.goto(`${t.url}/mail/index.html#/settings`);
		await t.page.getByLabel("Messages on one page").fill("12");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.getByText("Saved.").waitFor();
		await t.page.goto(`${t.url}/mail/index.html#/folder/INBOX`);
		const total = await t.page.locator(".pager").textContent();
		t.like(total, /1 to 12 of 3\d/, "the first twelve");
		t.ok(await t.page.getByRole("button", { name: "Newer", exact: true }).isDisabled(), "nothing is newer");
		await t.page.getByRole("button", { name: "Older", exact: true }).click();
		await row(t.page, "number 18").waitFor();
		t.ok(!(await names()).includes("number 30"), "the newest are on the page before");
		await t.page.locator(".message-list").press("ArrowDown");
		await t.page.locator(".message-text").waitFor();
		await t.page.getByRole("button", { name: "Older", exact: true }).click();
		await row(t.page, "number 1").waitFor();
		t.ok(await t.page.getByRole("button", { name: "Older", exact: true }).isDisabled(), "the end");
		t.postroom("set", "webmail.page-size", "10");
		await t.page.reload();
		await t.page.getByText(/1 to 10 of 3\d/).waitFor();
		t.postroom("unset", "webmail.page-size");
		t.postroom("user", "set", "anna", "web.page-size", "100000");
	},

	async "a reply with an attachment"(t) {
		await open(t, t.page, "anna");
		await row(t.page, "number 30").click();
		await t.page.getByRole("button", { name: "Reply", exact: true }).click();
		t.is(await t.page.getByLabel("To", { exact: true }).inputValue(), "Carl <carl@example.net>", "to whom it came from");
		t.is(await t.page.getByLabel("Subject").inputValue(), "Re: number 30", "the subject");
		t.like(await t.page.locator(".letter-text").inputValue(), /> The text of number 30/, "the text is quoted");
		await t.page.getByLabel("To", { exact: true }).fill("bob");
		await t.page.locator("input[type=file]").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("attached text") });
		await t.page.getByText("notes.txt").waitFor();
		await t.page.getByRole("button", { name: "Send", exact: true }).click();
		await t.page.getByText("The message is sent.").waitFor();
		const bob = await t.newPage();
		await open(t, bob, "bob");
		await row(bob, "Re: number 30").click();
		const link = bob.locator(".attachments a");
		await link.waitFor();
		const [download] = await Promise.all([bob.waitForEvent("download"), link.click()]);
		t.is(download.suggestedFilename(), "notes.txt", "the attachment came");
		await t.page.goto(`${t.url}/mail/index.html#/folder/Drafts`);
		await t.page.getByText("There are no messages here.").waitFor();
		t.ok(true, "no draft is left");
	},

	async "search, move, delete"(t) {
		await open(t, t.page, "anna");
		await t.page.getByRole("searchbox").fill("w17");
		await t.page.keyboard.press("Enter");
		await t.until(async () => await t.page.locator(".message").count() === 1, "one message has that word");
		await row(t.page, "number 17").locator("input").click();
		await t.page.getByLabel("Move to ...").selectOption("Drafts");
		await t.page.getByText("The message is moved.").waitFor();
		await t.page.getByRole("searchbox").fill("");
		await row(t.page, "number 29").locator("input").click();
		await row(t.page, "number 28").locator("input").click();
		await t.page.getByRole("toolbar", { name: "Selected messages" }).getByRole("button", { name: "Delete" }).click();
		await t.page.getByText("2 messages are deleted.").waitFor();
		await t.until(async () => await row(t.page, "number 29").count() === 0, "they are gone");
		await t.page.goto(`${t.url}/mail/index.html#/folder/Deleted%20Items`);
		await row(t.page, "number 28").waitFor();
		t.ok(true, "they lie in the trash");
	},

	async "a draft is kept, and written on"(t) {
		await open(t, t.page, "bob");
		await t.page.goto(`${t.url}/mail/index.html#/compose`);
		await t.page.getByLabel("Subject").fill("half");
		await t.page.getByText("The draft is saved.").waitFor();
		await t.page.goto(`${t.url}/mail/index.html#/folder/Drafts`);
		await row(t.page, "half").click();
		t.is(await t.page.getByLabel("Subject").inputValue(), "half", "it is there");
		await t.page.getByLabel("Subject").fill("whole");
		await t.page.getByText("The draft is saved.").waitFor();
		await t.page.goto(`${t.url}/mail/index.html#/folder/Drafts`);
		await row(t.page, "whole").waitFor();
		t.is(await t.page.locator(".message").count(), 1, "once");
	},

	async "a letter goes later, and is taken back before"(t) {
		await open(t, t.page, "bob");
		await t.page.goto(`${t.url}/mail/index.html#/compose`);
		await t.page.getByLabel("To", { exact: true }).fill("anna");
		await t.page.getByLabel("Subject").fill("tomorrow");
		await t.page.getByRole("button", { name: "Send later" }).click();
		await t.page.getByRole("dialog").getByLabel("Date and time").fill("2001-01-01T08:00");
		t.ok(await t.page.getByText("That time is past.").isVisible(), "what is past cannot be chosen");
		await t.picture(t.page, "webmail-later");
		await t.page.getByRole("button", { name: "Tomorrow, 8:00" }).click();
		await t.page.getByText("The message goes at the time that you chose.").waitFor();
		await t.page.getByRole("link", { name: /^Scheduled/ }).click();
		await t.page.locator(".later-letter").getByText("tomorrow").waitFor();
		t.like(await t.page.locator(".later-letter").textContent(), /8:00|08:00/, "it says when it goes");
		await t.page.getByRole("button", { name: "Edit" }).click();
		await t.page.waitForURL(/compose/);
		t.is(await t.page.getByLabel("Subject").inputValue(), "tomorrow", "it is a draft again");
		t.is(await t.page.getByLabel("To", { exact: true }).inputValue(), "anna@example.test", "as it was");
		await t.page.getByLabel("Subject").fill("now");
		await t.page.getByRole("button", { name: "Send", exact: true }).click();
		await t.page.getByText("The message is sent.").waitFor();
		await t.page.getByText("No message waits for its time.").waitFor();
		await t.page.getByRole("link", { name: /^Inbox/ }).click();
		await t.until(async () => await t.page.getByRole("link", { name: /^Scheduled/ }).count() === 0, "nothing waits any more");
	},

	async "the address book, and what is suggested"(t) {
		await open(t, t.page, "anna");
		await t.page.getByRole("link", { name: "Address book" }).click();
		await t.page.getByText("There are no contacts yet.").waitFor();
		for (const [name, address, group] of [["Zoe Zander", "zoe@example.net", "Choir"], ["Xaver", "xaver@example.net", "Choir"]]) {
			await t.page.getByRole("button", { name: "New contact" }).click();
			await t.page.getByRole("dialog").getByLabel("Name", { exact: true }).fill(name);
			await t.page.getByRole("dialog").getByLabel("E-mail addresses").fill(address);
			await t.page.getByRole("dialog").getByLabel("Groups").fill(group);
			await t.page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
			await t.page.getByRole("link", { name: address }).waitFor();
		}
		await t.picture(t.page, "webmail-book");
		await t.page.getByRole("button", { name: "Change Xaver" }).click();
		await t.page.getByRole("dialog").getByLabel("Telephone").fill("+49 1");
		await t.page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
		await t.page.getByText(/\+49 1/).waitFor();
		await t.page.locator("input[type=file]").setInputFiles({ name: "one.vcf", mimeType: "text/vcard",
			buffer: Buffer.from("BEGIN:VCARD\r\nFN:From a file\r\nEMAIL:file@example.net\r\nEND:VCARD\r\n") });
		await t.page.getByText("Imported: 1. Not readable: 0.").waitFor();
		await t.page.getByRole("button", { name: "Delete From a file" }).click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(async () => await t.page.getByText("From a file").count() === 0, "it is deleted");
		await t.page.goto(`${t.url}/mail/index.html#/compose`);
		const to = t.page.getByLabel("To", { exact: true });
		await to.pressSequentially("zan");
		await t.page.getByRole("option", { name: "Zoe Zander <zoe@example.net>" }).waitFor();
		await to.press("Enter");
		t.is(await to.inputValue(), "Zoe Zander <zoe@example.net>, ", "Enter takes what is suggested");
		await to.pressSequentially("bo");
		await t.page.getByRole("option", { name: "bob@example.test" }).click();
		t.is(await to.inputValue(), "Zoe Zander <zoe@example.net>, bob@example.test, ", "other users are, too");
		await to.fill("");
		await to.pressSequentially("choir");
		await t.page.getByRole("option", { name: "Choir (2)" }).waitFor();
		await to.press("Enter");
		t.is(await to.inputValue(), "Xaver <xaver@example.net>, Zoe Zander <zoe@example.net>, ", "a group stands for all in it");
	},

	async "two browsers see each other's changes"(t) {
		const other = await t.newPage();
		await open(t, t.page, "anna");
		await open(t, other, "anna");
		await row(t.page, "number 27").click();
		await t.page.getByRole("button", { name: "Flag", exact: true }).click();
		await t.until(async () => await row(other, "number 27").locator(".marks .icon").count() === 1, "a flag");
		await row(t.page, "number 26").click();
		await t.page.locator(".reader-bar").getByRole("button", { name: "Delete" }).click();
		await t.until(async () => await row(other, "number 26").count() === 0, "what is deleted");
	},

	async "the keyboard alone"(t) {
		await open(t, t.page, "anna");
		await row(t.page, "number 25").waitFor();
		await t.page.keyboard.press("j");
		await t.page.locator(".reader").waitFor();
		await t.page.keyboard.press("j");
		await t.until(async () => /#\/folder\/INBOX\/\d+\/\d+/.test(t.page.url()), "j opens messages");
		await t.page.keyboard.press("?");
		await t.page.getByRole("dialog").waitFor();
		await t.page.keyboard.press("Escape");
		await t.page.keyboard.press("c");
		await t.page.getByLabel("To", { exact: true }).focus();
		await t.page.keyboard.type("bob");
		await t.page.getByLabel("Subject").focus();
		await t.page.keyboard.type("by keys");
		await t.page.keyboard.press("Control+Enter");
		await t.page.getByText("The message is sent.").waitFor();
		t.ok(true, "written and sent");
	},

	async "the autoresponder is turned on"(t) {
		await open(t, t.page, "anna");
		await t.page.goto(`${t.url}/mail/index.html#/settings?tab=away`);
		await t.page.getByLabel("Answer messages by itself").check();
		await t.page.getByLabel("Text of the answer").fill("I am away.");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.getByText("Saved.").waitFor();
		t.like(t.postroom("user", "autoresponder", "list", "anna"), /Away/, "the command line sees it");
	},

	async "dark"(t) {
		const page = await t.newPage({ colorScheme: "dark" });
		await open(t, page, "anna");
		await row(page, "number 23").click();
		await page.locator(".message-text").waitFor();
		t.ok(await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((one) => Number(one) < 80)), "the page is dark");
		await t.picture(page, "webmail-dark");
		await page.getByRole("button", { name: "Reply", exact: true }).click();
		await page.locator(".letter-text").waitFor();
		await t.picture(page, "webmail-compose");
		await page.getByRole("button", { name: "Discard" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
	},

	async "a phone's width"(t) {
		const page = await t.newPage({ viewport: { width: 390, height: 800 } });
		await open(t, page, "anna");
		t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the page");
		await row(page, "number 24").click();
		await page.locator(".message-text").waitFor();
		t.ok(!(await page.locator(".message-list").isVisible()), "the message has the page for itself");
		t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nor is the message wider");
		await t.picture(page, "webmail-phone");
		await page.getByRole("button", { name: "Back to the list" }).click();
		await t.until(() => page.locator(".message-list").isVisible(), "and leads back to the list");
		for (const where of ["compose", "book", "settings"]) {
			await page.goto(`${t.url}/mail/index.html#/${where}`);
			await page.getByRole("heading", { level: 1 }).waitFor();
			t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} is not wider either`);
			await t.picture(page, `webmail-phone-${where}`);
		}
	},
};
