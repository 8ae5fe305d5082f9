// Thousands of rows (USERS): few of them exist at a time, and what is done with them does not wait for the others.
const count = Number(process.env.USERS);
const all = count.toLocaleString("en");
const last = `user${String(count - 1).padStart(5, "0")}`;
const roommate = `user${String(count - 58).padStart(5, "0")}`;
const rows = (page) => page.locator(".table-row");
const row = (page, name) => rows(page).filter({ has: page.getByText(name, { exact: true }) });

export const tests = {
	async "thousands of users: scrolled, sorted, filtered, edited, selected"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/users`);
		await t.page.getByText(`${all} rows`).waitFor();
		t.ok(await rows(t.page).count() < 100, "rows out of sight are none of the page's");
		const table = t.page.getByRole("grid");
		await rows(t.page).first().click();
		await t.page.keyboard.press("End");
		await row(t.page, last).waitFor();
		t.ok(true, "the End key leads to the last");
		await t.page.keyboard.press("Home");
		await row(t.page, "postmaster").waitFor();
		await t.page.getByRole("columnheader", { name: /^Name/ }).getByRole("button").click();
		await t.page.getByRole("columnheader", { name: /^Name/ }).getByRole("button").click();
		await row(t.page, last).waitFor();
		t.ok(true, "sorted by name, the last first");
		await t.page.getByRole("button", { name: "Filters" }).click();
		await t.page.getByLabel("Filter by Comment").fill("Room 42");
		await t.page.getByText(`${count / 100} rows`).waitFor();
		t.ok(true, "those of one room");
		await row(t.page, roommate).locator(".cell.editable").dblclick();
		await t.page.getByRole("textbox", { name: "Comment", exact: true }).fill("Room 42, left");
		await t.page.keyboard.press("Enter");
		await t.until(() => /Room 42, left/.test(t.postroom("user", "get", roommate, "comment")), "one is edited in place");
		await t.page.getByLabel("Filter by Comment").fill("");
		await t.page.getByText(`${all} rows`).waitFor();
		await t.page.getByLabel("Select all rows").check();
		await t.page.getByText(`${all} selected`).waitFor();
		t.ok(await table.evaluate((element) => element.querySelectorAll(".table-row").length < 100), "all are selected, and few are there");
	},
};
