// The queue and the sessions: looked at, held, tried, ended.
const rows = (page) => page.locator(".table-row");
const queue = (t) => JSON.parse(t.postroom("queue", "list", "--json"));

export const tests = {
	async "messages that wait are held, released and deleted"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/queue`);
		await t.until(async () => await rows(t.page).count() === 2, "both are there");
		await t.page.getByLabel("Select all rows").check();
		await t.page.getByRole("button", { name: "Hold", exact: true }).click();
		await t.until(() => queue(t).every((message) => message.state === "held"), "02-17.1 held, says the command line");
		await rows(t.page).first().getByText("held").waitFor();
		await t.page.getByLabel("Select all rows").check();
		await t.page.getByRole("button", { name: "Unhold" }).click();
		await t.until(() => queue(t).every((message) => message.state !== "held"), "released");
		await rows(t.page).first().dblclick();
		const dialog = t.page.getByRole("dialog");
		await dialog.getByText(/Subject: out/).waitFor();
		t.ok(true, "its header is shown");
		await t.page.keyboard.press("Escape");
		await dialog.waitFor({ state: "detached" });
		await t.page.getByText("1 selected").waitFor();
		await t.page.getByRole("button", { name: "Delete" }).click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(() => queue(t).length === 1, "one is deleted");
	},

	async "06-7.6 what became of a message"(t) {
		await t.login(t.page, "postmaster", t.password, "/admin/index.html");
		await t.page.goto(`${t.url}/admin/index.html#/trace`);
		const row = rows(t.page).filter({ hasText: "x1@far.test" });
		await row.first().dblclick();
		await t.page.locator("ol li").first().waitFor();
		t.like(await t.page.locator("ol").textContent(), /x1@far\.test/, "its steps are shown");
	},

	async "sessions are shown and ended"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/sessions`);
		const session = rows(t.page).filter({ hasText: "anna" }).filter({ hasText: "imap" });
		await session.first().waitFor();
		await session.first().getByRole("checkbox").click();
		await t.page.getByRole("button", { name: "Delete" }).click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(() => !/imap.*anna/.test(t.postroom("sessions")), "the command line has it no more");
	},

	async "the dashboard follows"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		await t.page.getByRole("img", { name: /Sessions now/ }).locator("canvas").waitFor();
		await t.page.getByText("Free disk space").waitFor();
		await t.picture(t.page, "dashboard");
		t.ok(true, "charts and numbers are there");
	},

	async "where mail to an address goes"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/tools`);
		await t.page.getByLabel("Address").fill("sales@example.test");
		await t.page.getByRole("button", { name: "Explain" }).click();
		await t.page.getByRole("status").getByText("anna").first().waitFor();
		t.ok(true, "explained");
	},
};
