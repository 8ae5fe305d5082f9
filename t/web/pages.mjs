// Every page of the navigation loads, has a heading and help, and complains of nothing.
const open = (page, t, where) => page.goto(`${t.url}/admin/index.html${where}`);

export const tests = {
	async "each page loads"(t) {
		await t.login(t.page, "postmaster", t.password);
		const links = t.page.getByRole("navigation").getByRole("link");
		await links.first().waitFor();
		const pages = await links.evaluateAll((all) => all.map((one) => [one.getAttribute("href"), one.textContent.trim()]));
		t.ok(pages.length > 30, "there are many");
		for (const [where, name] of pages) {
			await open(t.page, t, where);
			await t.page.getByRole("heading", { level: 1 }).waitFor();
			await t.page.getByText("Help", { exact: true }).first().waitFor();
			await t.until(async () => await t.page.locator("main .spinner, .table[aria-busy=true]").count() === 0, `${name}: all is loaded`);
			t.is(await t.page.locator("main [role=alert]").allTextContents(), [], `${name}: no error`);
		}
	},

	async "settings of every section are shown, and found by a search"(t) {
		await t.login(t.page, "postmaster", t.password);
		await open(t.page, t, "#/settings");
		const sections = t.page.locator(".settings-list a");
		await sections.first().waitFor();
		for (let i = 0; i < await sections.count(); i++) {
			await sections.nth(i).click();
			await t.page.locator("form .field").first().waitFor();
		}
		await t.page.getByLabel("Search settings").fill("max-message-size");
		await t.page.getByText("smtp.max-message-size", { exact: true }).waitFor();
		await t.until(async () => await t.page.locator("main form .field").count() < 10, "what matches alone");
	},

	async "a setting: changed here, seen by the command line, and the other way"(t) {
		await t.login(t.page, "postmaster", t.password);
		await open(t.page, t, "#/settings/smtp");
		const size = t.page.getByLabel("Largest message accepted, announced by SIZE.");
		await size.fill("12345678");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.getByText("Saved.").waitFor();
		t.like(t.postroom("get", "smtp.max-message-size"), /12345678/, "seen by the command line");
		t.postroom("set", "smtp.max-message-size", "23456789");
		await t.page.reload();
		await t.until(async () => await size.inputValue() === "23456789", "the command line's is seen here");
		await size.fill("much");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.locator(".field .wrong").waitFor();
		t.like(t.postroom("get", "smtp.max-message-size"), /23456789/, "a bad value is refused, beside its field");
		await t.page.getByRole("button", { name: "Discard changes" }).click();
		await t.page.locator(".field", { has: size }).getByRole("button", { name: "Back to the default" }).click();
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.until(() => !/23456789/.test(t.postroom("get", "smtp.max-message-size")), "and back to the default");
		t.allow(/422/);
	},

	async "what somebody else changed meanwhile is not overwritten"(t) {
		await t.login(t.page, "postmaster", t.password);
		await open(t.page, t, "#/settings/server");
		const name = t.page.getByLabel("Name of this server in greetings, Received fields and outgoing HELO.");
		await name.fill("one.example.test");
		t.postroom("set", "server.host-name", "two.example.test");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.getByText("Somebody else has changed this meanwhile").waitFor();
		t.like(t.postroom("get", "server.host-name"), /two\.example\.test/, "the other's stays");
		t.allow(/412/);
	},
};
