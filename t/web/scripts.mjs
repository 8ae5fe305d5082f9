// Scripts: made, compiled, run, kept; what the command line does is seen, and the reverse.
const open = async (t, page, name = "") => {
	await t.login(page, "postmaster", t.password);
	await page.goto(`${t.url}/admin/index.html#/scripts${name && `/${encodeURIComponent(name)}`}`);
};
const button = (page, name) => page.getByRole("button", { name, exact: true });
const list = (t) => JSON.parse(t.postroom("script", "list", "--json"));
// The password, where it is asked for again.
const confirm = async (t, page) => {
	const field = page.getByRole("dialog").getByLabel("Password");
	await Promise.race([field.waitFor(), page.locator(".notice, .toasts .notice").first().waitFor()]);
	if (await field.isVisible()) {
		await field.fill(t.password);
		await page.keyboard.press("Enter");
	}
};

export const tests = {
	async "07-17.1 a new script is run before it is kept"(t) {
		await open(t, t.page);
		await button(t.page, "New script").click();
		await t.page.getByRole("dialog").getByLabel("Name").fill("hello");
		await t.page.keyboard.press("Enter");
		const text = t.page.getByLabel("hello.lua");
		await text.fill("print(6*7)");
		await button(t.page, "Run").click();
		await confirm(t, t.page);
		const printed = t.page.getByLabel("What it printed");
		await printed.waitFor();
		t.is(await printed.innerText(), "42", "what it printed");
		const [above, below] = [await printed.boundingBox(), await text.boundingBox()];
		t.ok(above.y + above.height <= below.y, "above the editor");
		t.ok(!list(t).some((one) => one.name === "hello.lua"), "it is not kept before Save");
		await button(t.page, "Save").click();
		await t.until(() => list(t).some((one) => one.name === "hello.lua"), "Save keeps it, says the command line");
		t.is(t.postroom("script", "show", "hello"), "print(6*7)", "as it was written");
		await text.fill("print('x')\nerror('on purpose')");
		await button(t.page, "Run").click();
		await t.page.getByText(/:2: on purpose/).waitFor();
		t.is(await printed.innerText(), "x", "what it printed before it failed");
		t.like(await t.page.locator(".code-string").first().innerText(), /'x'/, "words have their colours");
		await t.picture(t.page, "scripts");
	},

	async "07-17.2 what cannot be compiled is told with its line, kept, and flagged"(t) {
		t.allow(/status of 422/);
		await open(t, t.page, "signature.lua");
		await t.page.getByLabel("signature.lua").fill("x = 1\nif x");
		await button(t.page, "Syntax check").click();
		await t.page.getByText(/signature\.lua:2: .*near <eof>/).waitFor();
		t.ok(!list(t).some((one) => one.name === "signature.lua"), "a check keeps nothing");
		await button(t.page, "Save").click();
		await confirm(t, t.page);
		await t.page.getByText(/kept, but not used: signature\.lua:2/).waitFor();
		await t.page.reload();
		await t.page.getByText(/kept, but not used: signature\.lua:2/).waitFor();
		t.ok(list(t).find((one) => one.name === "signature.lua").error, "it is kept, and flagged");
		await t.page.getByLabel("signature.lua").fill("x = 1");
		await button(t.page, "Syntax check").click();
		await t.page.getByText("It can be compiled.").waitFor();
		await button(t.page, "Delete").click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(() => !list(t).some((one) => one.name === "signature.lua"), "deleted");
	},

	async "by the keyboard, on a phone, and without losing what is not saved"(t) {
		const page = await t.newPage({ viewport: { width: 390, height: 844 } });
		await open(t, page, "anna/delivery.lua");
		const text = page.getByLabel("anna/delivery.lua");
		await t.until(async () => /DeliverMessage/.test(await text.inputValue()), "what the command line wrote is shown");
		await text.focus();
		await page.keyboard.press("Control+Home");
		await page.keyboard.type("-- mine");
		await page.keyboard.press("Enter");
		await page.keyboard.press("Tab");
		t.like(await text.inputValue(), /^-- mine\n\tfunction/, "Tab indents");
		await page.goto(`${t.url}/admin/index.html#/scripts/smtpsvr.lua`);
		await page.getByRole("dialog").getByText(/not saved/i).waitFor();
		await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
		await page.keyboard.press("Control+s");
		await text.focus();
		await page.keyboard.press("Control+s");
		await confirm(t, page);
		await t.until(() => /^-- mine/.test(t.postroom("script", "show", "anna/delivery")), "Ctrl+S saves");
		await text.focus();
		await page.keyboard.press("Escape");
		await page.keyboard.press("Tab");
		t.ok(!(await text.evaluate((element) => element === document.activeElement)), "Escape and Tab leave it");
		t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the phone");
	},
};
