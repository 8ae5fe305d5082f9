// How much a browser loads for a page with nothing kept from before, and when it comes back; how soon after the address was
// asked for it can be used.
const measure = async (t, page, path, usable, when) => {
	await page.goto(`${t.url}${path}`, { waitUntil: "commit" });
	await page.locator(usable).first().waitFor();
	const { took, loaded, files } = await page.evaluate(() => {
		const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
		return { took: performance.now(), loaded: all.reduce((sum, one) => sum + one.transferSize, 0), files: all.length };
	});
	t.note(`${path} ${when}: ${(loaded / 1000).toFixed(0)} kB in ${files} files, can be used after ${took.toFixed(0)} ms`);
};

const measureTwice = async (t, user, password, path, usable) => {
	await t.login(t.page, user, password, path);
	const page = await t.newPage();
	await page.context().addCookies(await t.page.context().cookies());
	await t.page.context().close();
	await measure(t, page, path, usable, "with nothing kept");
	await measure(t, page, path, usable, "again");
};

export const tests = {
	async "administration"(t) {
		await measureTwice(t, "postmaster", t.password, "/admin/index.html", ".cards");
	},

	async "webmail"(t) {
		await measureTwice(t, "anna", "anna-secret", "/mail/index.html", ".message");
	},
};
