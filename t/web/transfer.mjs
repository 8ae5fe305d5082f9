// Logs are shown and searched; all settings go out and come back as a text; ranges of addresses get names.
const open = async (t, page, where) => {
	await t.login(page, "postmaster", t.password);
	await page.goto(`${t.url}/admin/index.html${where}`);
};

export const tests = {
	async "logs"(t) {
		await open(t, t.page, "#/logs");
		const text = t.page.locator("pre.log");
		await text.getByText(/otto/).waitFor();
		t.like(await text.innerText(), /anna/, "all that was written");
		await t.page.getByLabel("Find").fill("ott?");
		await t.page.keyboard.press("Enter");
		await t.until(async () => !/anna/.test(await text.innerText()), "what is looked for alone");
		await t.picture(t.page, "logs");
		await t.page.getByLabel("Log", { exact: true }).selectOption("luaerrors");
		await t.page.waitForURL(/#\/logs\/luaerrors/);
	},

	async "settings as a text: out, looked at, and back"(t) {
		await open(t, t.page, "#/transfer");
		t.postroom("set", "server.host-name", "before.example.test");
		const link = t.page.getByRole("link", { name: "Export", exact: true });
		const got = await t.page.request.get(t.url + await link.getAttribute("href"));
		const text = await got.text();
		t.like(text, /server\.host-name = before\.example\.test/, "what is set stands in it");
		t.postroom("set", "server.host-name", "after.example.test");
		await t.page.locator("input[type=file]").first().setInputFiles({ name: "postroom.conf", mimeType: "text/plain", buffer: Buffer.from(text) });
		await t.page.getByRole("button", { name: "Preview" }).click();
		await t.page.getByText(/set server\.host-name/).waitFor();
		t.like(t.postroom("get", "server.host-name"), /after/, "a preview changes nothing");
		await t.page.getByRole("button", { name: "Import" }).first().click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
		await t.until(() => /before/.test(t.postroom("get", "server.host-name")), "it is as it was, says the command line");
	},

	async "ranges of addresses"(t) {
		await open(t, t.page, "#/transfer");
		await t.page.locator("input[type=file]").nth(1).setInputFiles({ name: "geo.csv", mimeType: "text/csv",
			buffer: Buffer.from('"192.0.2.0","192.0.2.255","x","x","Testland"\n"198.51.100.0","198.51.100.255","x","x","Elsewhere"\n') });
		await t.page.getByRole("button", { name: "Import" }).nth(1).click();
		await t.page.getByText("2 ranges.").waitFor();
		await t.page.getByLabel("Forget the ranges that hold this address").fill("192.0.2.7");
		await t.page.getByRole("button", { name: "Delete" }).click();
		await t.page.getByText("1 ranges.").waitFor();
		t.ok(true, "taken, and forgotten");
		await t.picture(t.page, "transfer");
	},
};
