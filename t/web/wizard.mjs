// The setup wizard: given the addresses of a relay and of a POP3 server.
const offer = (page) => page.getByRole("dialog", { name: "Setup wizard" });
export const next = (page) => page.getByRole("button", { name: "Next" }).click();
export const heading = (page, name) => page.getByRole("heading", { name, level: 2 }).waitFor();

/** Up to the page of times. relay "": none; dns: directly, by these servers. */
export async function walk(page, { relay, server, domains, dns, accepted = "" }) {
	await heading(page, "Connection");
	await next(page);
	await page.getByLabel("Name of the provider").fill("isp");
	await next(page);
	if (dns !== undefined) {
		await page.getByLabel("directly", { exact: false }).check();
		await page.getByLabel("DNS servers", { exact: false }).fill(dns);
	} else if (relay) {
		await page.getByLabel("SMTP relay servers").fill(relay);
		await page.getByLabel("This server requires SMTP authentication").check();
		await page.getByLabel("Username").fill("me");
		await page.getByLabel("Password").fill("isp-secret");
	}
	await next(page);
	await page.getByLabel("Server", { exact: true }).fill(server);
	await page.getByLabel("Encryption").selectOption("none");
	await page.getByLabel("Username").fill("box");
	await page.getByLabel("Password").fill("isp-secret");
	await page.getByLabel("Accepted domains").fill(accepted);
	await next(page);
	await page.getByLabel("Local domains").fill(domains);
	await next(page);
}

export const tests = {
	async "01-4.1 the wizard is offered until it is not wanted"(t) {
		await t.login(t.page, "postmaster", t.password);
		await offer(t.page).getByRole("button", { name: "Skip" }).click();
		await t.page.reload();
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		t.is(await offer(t.page).count(), 0, "once a login");

		const again = await t.newPage();
		await t.login(again, "postmaster", t.password);
		await offer(again).getByLabel("Don't ask again").check();
		await offer(again).getByRole("button", { name: "Skip" }).click();
		await t.until(() => /off/.test(t.postroom("get", "server.offer-wizard")), "the server remembers it");

		const third = await t.newPage();
		await t.login(third, "postmaster", t.password);
		await third.getByRole("heading", { name: "Dashboard" }).waitFor();
		await third.getByText("Outgoing queue").first().waitFor();
		t.is(await offer(third).count(), 0, "not offered any more");

		await third.goto(`${t.url}/admin/index.html?firstconfig=1`);
		await heading(third, "Connection");
		t.ok(true, "but it opens when it is wanted");
	},

	async "01-4.3 cancelling on page 6 changes nothing"(t) {
		const before = t.postroom("export");
		await t.login(t.page, "postmaster", t.password, "/admin/index.html#/wizard");
		await t.page.goto(`${t.url}/admin/index.html#/wizard`);
		await walk(t.page, { ...t.given, domains: "example.com" });
		await heading(t.page, "Times");
		await t.page.getByRole("button", { name: "Back" }).click();
		t.is(await t.page.getByLabel("Local domains").inputValue(), "example.com", "Back keeps what was entered");
		await next(t.page);
		await t.page.getByRole("button", { name: "Cancel" }).click();
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		t.is(t.postroom("export"), before, "the settings are as before");
	},

	async "01-4.3 what cannot be made to the end is not begun"(t) {
		const before = t.postroom("export");
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/wizard`);
		await walk(t.page, { ...t.given, domains: "example.com", accepted: "no domain!" });
		await next(t.page);
		await t.page.getByRole("button", { name: "Finish" }).click();
		t.allow(/status of 422/);
		await t.page.getByText(/change \d+: .*no domain!/).waitFor();
		t.is(t.postroom("export"), before, "the settings are as before, those of the calls before it, too");
	},

	async "01-4.6 a bad domain is named, and the page not left"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/wizard`);
		await walk(t.page, { ...t.given, domains: "bad domain!" });
		await t.page.getByText('"bad domain!" is no domain.').waitFor();
		await heading(t.page, "Local domains");
		await t.page.getByLabel("Local domains").fill("");
		await next(t.page);
		await t.page.getByText("This is needed.").waitFor();
		t.ok(true, "nor with none at all");
	},

	async "leaving with answers is asked about"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/wizard`);
		await next(t.page);
		await t.page.getByLabel("Name of the provider").fill("isp");
		await t.page.getByRole("link", { name: "Users", exact: true }).first().click();
		const question = t.page.getByRole("dialog", { name: "Leave this page?" });
		await question.getByRole("button", { name: "Cancel" }).click();
		t.is(await t.page.getByLabel("Name of the provider").inputValue(), "isp", "the page is kept");
		await t.page.getByRole("link", { name: "Users", exact: true }).first().click();
		await question.getByRole("button", { name: "Leave without saving" }).click();
		await t.page.getByRole("heading", { name: "Users" }).waitFor();
		t.ok(true, "or left");
	},

	async "01-4.2 the pages are walked through"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/wizard`);
		await walk(t.page, { ...t.given, domains: "example.com; example.org" });
		await t.page.getByLabel("24 hours a day").check();
		await next(t.page);
		await t.page.getByText("Local domains: example.com, example.org").waitFor();
		t.ok(true, "the last page says what will be made");
		await t.picture(t.page, "wizard");
		await t.page.getByRole("button", { name: "Finish" }).click();
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		t.ok(true, "and it is made");
	},
};
