// The list of users: columns, filters, editing in place, many at once; one user's page.
const rows = (page) => page.locator(".table-row");
const row = (page, name) => rows(page).filter({ has: page.getByText(name, { exact: true }) });
const names = (page) => page.locator(".table-row .cell:nth-child(2)").evaluateAll((all) => all.map((one) => one.textContent.trim().split(/\s/)[0]));

async function list(t) {
	await t.login(t.page, "postmaster", t.password);
	await t.page.goto(`${t.url}/admin/index.html#/users`);
	await row(t.page, "anna").waitFor();
}

async function filter(t, column, text) {
	const field = t.page.getByLabel(`Filter by ${column}`);
	if (!(await field.count()))
		await t.page.getByRole("button", { name: "Filters" }).click();
	await field.fill(text);
}

const known = (t) => JSON.parse(t.postroom("user", "list", "--json")).map((user) => user.name);

export const tests = {
	async "02-1.1 numbers are filtered by comparison and range"(t) {
		await list(t);
		await filter(t, "Inbox messages", ">2");
		await t.until(async () => (await names(t.page)).join() === "anna", ">2 leaves who has three");
		await filter(t, "Inbox messages", "1..2");
		await t.until(async () => await rows(t.page).count() === 0, "1..2 leaves nobody");
		await filter(t, "Inbox messages", "3..3");
		await t.until(async () => (await names(t.page)).join() === "anna", "3..3 is inclusive");
		await filter(t, "Inbox messages", "abc");
		await t.page.getByText("a filter of numbers is").waitFor();
		t.ok(true, "what is no number is said to be none");
		t.allow(/400/);
	},

	async "02-1.2 sizes sort as numbers"(t) {
		await list(t);
		const head = t.page.getByRole("columnheader", { name: /^Size/ }).getByRole("button");
		await head.click();
		await t.until(async () => (await names(t.page)).at(-1) === "anna", "ascending: who has mail comes last");
		await head.click();
		await t.until(async () => (await names(t.page))[0] === "anna", "descending: first");
	},

	async "02-1.3 texts are filtered by what they hold, upper and lower case alike"(t) {
		await list(t);
		await filter(t, "Name", "ar");
		await t.until(async () => (await names(t.page)).sort().join() === "MARC,karl", "karl and MARC, not bob");
	},

	async "a user: added here, and by the command line"(t) {
		await list(t);
		await t.page.getByRole("button", { name: "New user" }).click();
		const dialog = t.page.getByRole("dialog");
		await dialog.getByLabel("Name", { exact: true }).fill("a b");
		await dialog.getByLabel("Password").fill("new-secret");
		await dialog.getByRole("button", { name: "Add" }).click();
		await dialog.locator(".wrong, .notice.bad").waitFor();
		t.ok(!known(t).includes("a b"), "02-3.1 a bad name is refused, and why is said");
		await dialog.getByLabel("Name", { exact: true }).fill("bert");
		await dialog.getByRole("button", { name: "Add" }).click();
		await row(t.page, "bert").waitFor();
		t.ok(known(t).includes("bert"), "seen by the command line");
		t.postroom("user", "add", "cleo", "--password-stdin", { stdin: "cleo-secret\n" });
		await t.page.getByRole("button", { name: "Refresh" }).click();
		await row(t.page, "cleo").waitFor();
		t.ok(true, "the command line's is seen here");
		t.allow(/4\d\d/);
	},

	async "a comment is edited in place, by keyboard"(t) {
		await list(t);
		await row(t.page, "bob").locator(".cell").nth(1).click();
		await t.page.keyboard.press("F2");
		await t.page.getByRole("textbox", { name: "Comment" }).fill("Room 7");
		await t.page.keyboard.press("Enter");
		await t.until(() => /Room 7/.test(t.postroom("user", "get", "bob", "comment")), "seen by the command line");
		await row(t.page, "bob").getByText("Room 7").waitFor();
	},

	async "02-2.2 who may not log in is grey"(t) {
		await list(t);
		t.postroom("user", "disable", "bob");
		await t.page.getByRole("button", { name: "Refresh" }).click();
		await row(t.page, "bob").getByText("disabled").waitFor();
		t.postroom("user", "enable", "bob");
		await t.page.getByRole("button", { name: "Refresh" }).click();
		await t.until(async () => await row(t.page, "bob").getByText("disabled").count() === 0, "and no more");
	},

	async "many are changed at once, and deleted"(t) {
		await list(t);
		await row(t.page, "bert").getByRole("checkbox").click();
		await row(t.page, "cleo").getByRole("checkbox").click();
		await t.page.getByText("2 selected").waitFor();
		await t.page.getByRole("button", { name: "Bulk edit" }).click();
		const dialog = t.page.getByRole("dialog");
		await dialog.getByLabel("Attribute to set").selectOption("comment");
		await dialog.locator(".field").last().getByRole("textbox").fill("temporary");
		await dialog.getByRole("button", { name: "Save" }).click();
		await t.until(() => ["bert", "cleo"].every((name) => /temporary/.test(t.postroom("user", "get", name, "comment"))), "both are changed");
		t.ok(!/temporary/.test(t.postroom("user", "get", "anna", "comment")), "nobody else");
		await row(t.page, "bert").getByRole("checkbox").click();
		await row(t.page, "cleo").getByRole("checkbox").click();
		await t.page.getByRole("button", { name: "Delete" }).click();
		await t.page.getByRole("dialog").getByText("Their mail goes with them").waitFor();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await confirm(t);
		await t.until(() => !known(t).some((name) => /^(bert|cleo)$/.test(name)), "both are gone");
	},

	async "02-5 a password is given twice, or made"(t) {
		await list(t);
		await row(t.page, "karl").getByRole("checkbox").click();
		await t.page.getByRole("button", { name: "Password" }).click();
		const dialog = t.page.getByRole("dialog", { name: "Password of karl" });
		await dialog.getByLabel("New password", { exact: true }).fill("one-secret");
		await dialog.getByLabel("New password, again").fill("other-secret");
		await dialog.getByRole("button", { name: "Save" }).click();
		await dialog.getByText("The two passwords differ.").waitFor();
		await dialog.getByRole("button", { name: "Generate" }).click();
		const made = await dialog.getByLabel("New password", { exact: true }).inputValue();
		t.like(made, /^\w{16}$/, "sixteen letters and digits, which are shown");
		await dialog.getByRole("button", { name: "Save" }).click();
		await confirm(t);
		await t.page.getByText("The password is changed.").waitFor();
		const answer = await (await t.newPage()).request.post(`${t.url}/api/v1/session`, { data: { user: "karl", password: made } });
		t.ok(answer.ok(), "karl logs in by it");
	},

	async "a user's page: attributes, aliases"(t) {
		await list(t);
		await row(t.page, "anna").dblclick();
		await t.page.getByRole("heading", { name: "anna", level: 1 }).waitFor();
		const comment = t.page.locator(".field", { has: t.page.getByText("comment", { exact: true }) }).getByRole("textbox");
		await comment.fill("The boss");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.until(() => /The boss/.test(t.postroom("user", "get", "anna", "comment")), "seen by the command line");
		await t.page.getByRole("tab", { name: "Aliases" }).click();
		await t.page.locator(".table-row").getByText("sales").waitFor();
		t.ok(true, "the mapping of the command line is an alias");
		await t.page.getByRole("tab", { name: "Aliases" }).focus();
		await t.page.keyboard.press("ArrowRight");
		await t.page.getByRole("tab", { name: "Collected addresses", selected: true }).waitFor();
		t.ok(true, "tabs are chosen by arrow keys");
	},
};

// What matters most wants the password once more.
async function confirm(t) {
	const dialog = t.page.getByRole("dialog", { name: "Confirm" });
	await Promise.race([dialog.waitFor(), t.page.locator(".toasts .notice").first().waitFor()]);
	if (await dialog.count()) {
		await dialog.getByLabel("Password").fill(t.password);
		await dialog.getByRole("button", { name: "Continue" }).click();
		t.allow(/403/);
	}
}
